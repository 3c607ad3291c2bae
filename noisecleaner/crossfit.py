"""All folds of a plan, one after the other: train, save the network, read out; a finished fold is never repeated."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from noisecleaner.backbones import Backbone
from noisecleaner.batches import Data
from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import read_arrays, write_arrays
from noisecleaner.folds import Fold, Plan
from noisecleaner.inputs import statistics
from noisecleaner.networks import build_network, standardise
from noisecleaner.progress import Interrupts, Progress
from noisecleaner.readout import read_fold
from noisecleaner.regularisers import Side
from noisecleaner.regularisers import build as build_regulariser
from noisecleaner.runs import Run
from noisecleaner.schedule import Schedule
from noisecleaner.shapes import Shape
from noisecleaner.state import State, placed
from noisecleaner.summaries import Arrays
from noisecleaner.training import train
from noisecleaner.weightings import Meta, Network, Weighting, build


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


def train_folds(
    run: Run,
    plan: Plan,
    data: Data,
    task: Task,
    schedule: Schedule,
    rows: int,
    progress: Progress,
    interrupts: Interrupts,
) -> list[Arrays]:
    """Train what is not trained yet, and return what each fold found out (see `read_fold`).

    Args:
        run: where networks (`auditor/fold-K`) and results (`checkpoint/fold-K`) are kept.
        plan: which rows train, steer and judge in each fold.
        data: what batches are made of.
        task: what every fold does.
        schedule: how long and how fast to train.
        rows: rows of the dataset, without the clean-only ones behind them.
        progress: is told about every step.
        interrupts: asked between steps.
    """
    network = _initial(task, data, schedule.seed)
    results = []
    for number, fold in enumerate(plan.folds):
        result = run.checkpoint / f"fold-{number}.safetensors"
        if not result.exists():
            title = "Training" if len(plan.folds) == 1 else f"Training, fold {number + 1} of {len(plan.folds)}"
            state = placed(_start(task, deepcopy(network), data.side, rows, schedule.seed), data.device)
            own = replace(schedule, seed=schedule.seed * len(plan.folds) + number)
            checkpoint = run.checkpoint / f"state-{number}.safetensors"
            train(state, data, fold, own, checkpoint, title, progress, interrupts)
            _keep(run, number, state, data, fold, rows, progress)
            checkpoint.unlink(missing_ok=True)
        results.append(read_arrays(result)[0])
    return results


def rehearse(task: Task, side: Side) -> None:
    """Make a small copy of everything, so that what does not fit together is said before images are decoded.

    Raises:
        NoisecleanerError: the weighting or a regulariser does not suit the network.
    """
    _start(task, build_network(task.shape, task.trunk), side, 1, 0)


def _initial(task: Task, data: Data, seed: int) -> Network:
    """Make the network that every fold starts from."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = build_network(task.shape, task.trunk)
    if task.shape.kind == "vectors":
        standardise(network, *statistics(data.array, np.flatnonzero(data.given >= 0)))
    return network


def _start(task: Task, network: Network, side: Side, rows: int, seed: int) -> State:
    with torch.random.fork_rng():  # what has parameters of its own starts from the same ones in each fold
        torch.manual_seed(seed)
        weighting = build(task.method, rows, network, task.options, task.meta)
        if task.target is not None:
            _make_target(weighting, network, task)
        chosen = [build_regulariser(name, side, network, given) for name, given in task.regularisers.items()]
    # a network with batch norm has no use for averaged weights, and phi_t none for features other than its own
    averaged = task.trunk is None and task.target is None
    return State(network, weighting, rows, averaged, task.low_loss, chosen)


def _make_target(weighting: Weighting, network: Network, task: Task) -> None:
    try:
        weighting.for_target(network, task.target or 0)
    except ValueError as error:
        raise NoisecleanerError(f"--transfer cannot work here: {error}.", "Or leave --transfer out.") from error


def _keep(run: Run, number: int, state: State, data: Data, fold: Fold, rows: int, progress: Progress) -> None:
    """Write a fold's network and, last, its results: their file says that the fold is done."""
    with progress.stage("Reading out", len(fold.predicted), "rows") as stage:
        arrays = read_fold(state, data, fold, rows, stage)
    weights = {name: tensor.cpu().numpy() for name, tensor in state.outcome().state_dict().items()}
    write_arrays(run.auditor / f"fold-{number}.safetensors", weights, {})
    write_arrays(run.checkpoint / f"fold-{number}.safetensors", arrays, {})
