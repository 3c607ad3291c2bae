"""All folds of a plan: train, save the network, read out; a finished fold is never repeated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from noisecleaner.arrays import RealArray
from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import read_arrays, write_arrays
from noisecleaner.inputs.batches import Data
from noisecleaner.inputs.prepare import statistics
from noisecleaner.networks.backbones import Backbone
from noisecleaner.networks.heads import build_network, standardise
from noisecleaner.networks.network import Network
from noisecleaner.networks.shapes import Shape
from noisecleaner.progress import Interrupts, Progress
from noisecleaner.quality.signals import Arrays
from noisecleaner.regularisers import Side
from noisecleaner.regularisers import build as build_regulariser
from noisecleaner.runs.run import Run
from noisecleaner.settings import Meta
from noisecleaner.training.folds import FoldAssignment
from noisecleaner.training.loop import few_threads, small, train
from noisecleaner.training.readout import read_fold
from noisecleaner.training.schedule import Schedule
from noisecleaner.training.state import State, placed
from noisecleaner.training.workers import side_by_side
from noisecleaner.weightings import Weighting, build

#: Steps of all folds together from which further processes save more time than they take to start.
_WORTH = 4_000


@dataclass(frozen=True)
class Task:
    """What every fold does.

    Args:
        shape: the network.
        trunk: the backbone that every fold starts from; None for a head on vectors.
        method: a file of `weightings/`.
        options: the method's own options.
        meta: how exact its meta step is.
        low_loss: take rows of low loss for trusted ones.
        regularisers: files of `regularisers/` with their own options.
        target: number of classes of the trusted rows in a transfer, else None.
    """

    shape: Shape
    trunk: Backbone | None
    method: str
    options: Mapping[str, Any]
    meta: Meta = field(default_factory=Meta)
    low_loss: bool = False
    regularisers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    target: int | None = None


@dataclass(frozen=True)
class CrossFit:
    """The training runs of an assignment: what each needs, in this process or in another.

    Args:
        run: where networks (`auditor/fold-K`) and results (`checkpoint/fold-K`) are kept.
        assignment: which rows train, steer and judge in each fold.
        data: what batches are made of.
        task: what every fold does.
        schedule: how long and how fast to train.
        rows: rows of the dataset, without the clean-only ones behind them.
    """

    run: Run
    assignment: FoldAssignment
    data: Data
    task: Task
    schedule: Schedule
    rows: int

    @cached_property
    def moments(self) -> tuple[RealArray, RealArray]:
        """Mean and standard deviation of the vectors of rows with a label, each of shape [width]."""
        return statistics(self.data.array, np.flatnonzero(self.data.given >= 0))

    def result(self, number: int) -> Path:
        """The file that says that a fold is done, and what it found out."""
        return self.run.checkpoint / f"fold-{number}.safetensors"

    def train(self, number: int, until: float, progress: Progress, interrupts: Interrupts) -> None:
        """Train a fold, or go on with it, until a share of its steps is done; at 1 write its network and results."""
        count, fold = len(self.assignment.folds), self.assignment.folds[number]
        title = "Training" if count == 1 else f"Training, fold {number + 1} of {count}"
        schedule = replace(self.schedule, seed=self.schedule.seed * count + number)
        state = _start(self.task, self.network(), self.data.side, self.rows, self.schedule.seed)
        state = placed(state, self.data.device)
        checkpoint = self.run.checkpoint / f"state-{number}.safetensors"
        train(state, self.data, fold, schedule, checkpoint, title, progress, interrupts, until)
        if until < 1:
            return
        with progress.stage("Reading out", len(fold.predicted), "rows") as stage, few_threads(state.network):
            arrays = read_fold(state, self.data, fold, self.rows, stage)
        weights = {name: tensor.cpu().numpy() for name, tensor in state.outcome().state_dict().items()}
        write_arrays(self.run.auditor / f"fold-{number}.safetensors", weights, {})
        write_arrays(self.result(number), arrays, {})
        checkpoint.unlink(missing_ok=True)

    def network(self) -> Network:
        """Make the network that every fold starts from."""
        with torch.random.fork_rng():
            torch.manual_seed(self.schedule.seed)
            network = deepcopy(build_network(self.task.shape, self.task.trunk))  # the trunk serves the next fold, too
        if self.task.shape.kind == "vectors":
            standardise(network, *self.moments)
        return network

    def at_once(self, numbers: Sequence[int], workers: int) -> int:
        """How many folds to train at once: several where each leaves the other cores idle, and they take a while."""
        steps = sum(len(self.assignment.folds[number].source) for number in numbers) / self.schedule.batch_size
        lasting = self.data.device.type == "cpu" and steps * self.schedule.epochs >= _WORTH
        return min(workers, len(numbers)) if lasting and small(self.network()) else 1


def train_folds(folds: CrossFit, workers: int, progress: Progress, interrupts: Interrupts) -> list[Arrays]:
    """Train what is not trained yet, and return what each fold found out (see `read_fold`).

    Args:
        folds: what to train.
        workers: how many of them at once at most, see `side_by_side`; the results are the same.
        progress: is told about every step.
        interrupts: asked between steps.
    """
    numbers = range(len(folds.assignment.folds))
    left = [number for number in numbers if not folds.result(number).exists()]
    at_once = folds.at_once(left, workers)
    if at_once > 1:
        progress.note(f"{len(left)} folds are trained, {at_once} at a time; --workers 1 trains one after the other.")
    side_by_side(folds.train, left, at_once, "Training in other processes", progress, interrupts)
    return [read_arrays(folds.result(number))[0] for number in numbers]


def rehearse(task: Task, side: Side) -> None:
    """Make a small copy of everything, so that what does not fit together is said before images are decoded.

    Raises:
        NoisecleanerError: the weighting or a regulariser does not suit the network.
    """
    _start(task, build_network(task.shape, task.trunk), side, 1, 0)


def _start(task: Task, network: Network, side: Side, rows: int, seed: int) -> State:
    with torch.random.fork_rng():  # what has parameters of its own starts from the same ones in each fold
        torch.manual_seed(seed)
        weighting = build(task.method, rows=rows, network=network, options=task.options, meta=task.meta)
        if task.target is not None:
            _make_target(weighting, network, task)
        chosen = [
            build_regulariser(name, side=side, network=network, options=given)
            for name, given in task.regularisers.items()
        ]
    # a network with batch norm has no use for averaged weights, and phi_t none for features other than its own
    averaged = task.trunk is None and task.target is None
    return State(network, weighting, rows, averaged, task.low_loss, chosen)


def _make_target(weighting: Weighting, network: Network, task: Task) -> None:
    try:
        weighting.for_target(network, task.target or 0)
    except ValueError as error:
        raise NoisecleanerError(f"--transfer cannot work here: {error}.", "Or leave --transfer out.") from error
