"""All folds of an assignment: train, save the network, read out; a finished fold is never repeated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch

from noisecleaner.arrays import RealArray
from noisecleaner.files import damaged, read_arrays, write_arrays
from noisecleaner.inputs.batches import Data
from noisecleaner.inputs.prepare import statistics
from noisecleaner.networks.backbones import Backbone
from noisecleaner.networks.heads import build_network, standardise
from noisecleaner.networks.network import Network
from noisecleaner.networks.shapes import Shape
from noisecleaner.networks.stacked import unstack
from noisecleaner.progress import Interrupts, Progress, Stage
from noisecleaner.ranks.group import ALONE, Ranks
from noisecleaner.regularisers import Side
from noisecleaner.runs.readout import FoldReadout
from noisecleaner.runs.run import Run
from noisecleaner.training.checkpoints import Checkpoint
from noisecleaner.training.clean_set import LEAST
from noisecleaner.training.folds import Fold, FoldAssignment
from noisecleaner.training.loop import train
from noisecleaner.training.once import Once
from noisecleaner.training.readout import read_fold, read_one_of
from noisecleaner.training.recipe import Recipe, make_heads, make_learner, make_state, may_stack
from noisecleaner.training.schedule import Schedule
from noisecleaner.training.shared import deal, in_common, lots, told
from noisecleaner.training.state import State
from noisecleaner.training.streams import first_parameters, fold_seed
from noisecleaner.training.threads import few_threads, small
from noisecleaner.training.workers import side_by_side

#: Rows of a batch that a process looks at, at least: batch norm needs two.
LEAST_EACH = 2
#: Steps of all folds together from which further processes save more time than they take to start.
_WORTH = 4_000


@dataclass(frozen=True, kw_only=True)
class CrossFit:
    """The training runs of an assignment: what each needs, in this process or in another.

    Args:
        run: where networks (`auditor/fold-K`) and results (`checkpoint/fold-K`) are kept.
        assignment: which rows train, steer and judge in each fold.
        data: what batches are made of.
        side: what regularisers look at.
        recipe: what every fold does with its network.
        shape: that network.
        trunk: the backbone that every fold starts from; None for a head on vectors.
        schedule: how long and how fast to train.
    """

    run: Run
    assignment: FoldAssignment
    data: Data
    side: Side
    recipe: Recipe
    shape: Shape
    trunk: Backbone | None
    schedule: Schedule

    @cached_property
    def moments(self) -> tuple[RealArray, RealArray]:
        """Mean and standard deviation of the vectors of rows with a label, each of shape [width]."""
        return statistics(self.data.array, np.flatnonzero(self.data.given >= 0), rooted=self.shape.rooted)

    def result(self, number: int) -> Path:
        """The file that says that a fold is done, and what it found out."""
        return self.run.checkpoint / f"fold-{number}.safetensors"

    def train(
        self, number: int, until: float, progress: Progress, interrupts: Interrupts, ranks: Ranks = ALONE
    ) -> None:
        """Train a fold, or go on with it, until a share of its steps is done; at 1 write its network and results."""
        count, fold, seed = len(self.assignment.folds), self.assignment.folds[number], self.schedule.seed
        title = "Training" if count == 1 else f"Training, fold {number + 1} of {count}"
        schedule = replace(self.schedule, seed=fold_seed(seed, folds=count, number=number))
        # what has parameters of its own starts from the same ones in each fold
        learner = make_learner(
            self.recipe,
            self.network(),
            self._data(fold),
            side=self.side,
            fold=fold,
            schedule=schedule,
            seed=seed,
            ranks=ranks,
        )
        path = self.run.checkpoint / f"state-{number}.safetensors"
        checkpoint = Checkpoint(path, schedule.checkpoint_seconds, ranks)
        train(learner, checkpoint, title=title, progress=progress, interrupts=interrupts, until=until)
        if until < 1 or not ranks.leads:
            return
        state = learner.state
        with progress.stage("Reading out", len(fold.predicted), "rows") as stage, few_threads(state.network):
            readout = read_fold(state, self.data, fold, rows=self.assignment.rows, stage=stage)
        self.keep(number, state.outcome())
        readout.write(self.result(number))
        checkpoint.remove()

    def train_in_common(self, number: int, ranks: Ranks, progress: Progress, interrupts: Interrupts) -> None:
        """Train a fold, or go on with it, with all processes; the leader writes its network and results."""
        self.train(number, 1.0, progress, interrupts, ranks)

    def train_each(self, workers: int, numbers: Sequence[int], progress: Progress, interrupts: Interrupts) -> None:
        """Train folds each by itself, some of them in other processes, at most so many at once."""
        at_once = self.at_once(numbers, workers)
        if at_once > 1:
            progress.note(
                f"{len(numbers)} folds are trained, {at_once} at a time; `Effort(workers=1)` trains one after the "
                "other."
            )
        title = "Training in other processes"
        side_by_side(self.train, numbers, workers=at_once, title=title, progress=progress, interrupts=interrupts)

    def train_heads(self, numbers: Sequence[int], progress: Progress, interrupts: Interrupts) -> None:
        """Train folds in one step, or go on with them, and write their networks and results; see `recipe.may_stack`."""
        schedule, folds = self.schedule, self.assignment.folds
        if all(self.result(number).exists() for number in numbers):
            return
        halved = self.data.device.type == "cpu" and len(numbers) == len(folds)  # else it is a process's lot already
        learner = make_heads(
            self.recipe,
            self.network(),
            self.data,
            folds=folds,
            groups=halves(numbers) if halved else [numbers],
            schedule=schedule,
            aided=self.data.device.type == "cpu" and torch.get_num_threads() > 1,
        )
        name = "-".join(["state", *map(str, numbers)])
        checkpoint = Checkpoint(self.run.checkpoint / f"{name}.safetensors", schedule.checkpoint_seconds)
        train(learner, checkpoint, title=f"Training {len(numbers)} folds", progress=progress, interrupts=interrupts)
        checkpoint.save(learner, learner.epochs * learner.steps_per_epoch)
        predicted = sum(len(folds[number].predicted) for number in numbers)
        with progress.stage("Reading out", predicted, "rows") as stage:
            for group in learner.groups:
                for place, number in enumerate(group.numbers):
                    self._conclude(group.state, place, number, stage)
        checkpoint.remove()

    def _conclude(self, state: State, place: int, number: int, stage: Stage) -> None:
        """Write the network and the results of one of the folds that share a state."""
        fold, network = self.assignment.folds[number], unstack(state.outcome(), self.network(), place)
        network = network.to(self.data.device)
        with few_threads(network):
            readout = read_one_of(state, network, self.data, fold, rows=self.assignment.rows, stage=stage, place=place)
        self.keep(number, network)
        readout.write(self.result(number))

    def keep(self, number: int, network: Network) -> None:
        """Write the network that judges for a fold from now on."""
        weights = {name: tensor.cpu().numpy() for name, tensor in network.state_dict().items()}
        write_arrays(self._kept(number), weights, {})

    def trained(self, number: int) -> Network:
        """The network that a fold ended with.

        Raises:
            NoisecleanerError: its file is missing or damaged.
        """
        path, network = self._kept(number), self.network()
        try:
            network.load_state_dict({name: torch.from_numpy(value) for name, value in read_arrays(path)[0].items()})
        except RuntimeError as error:
            raise damaged(path, "its tensors do not fit") from error
        return network

    def _kept(self, number: int) -> Path:
        return self.run.auditor / f"fold-{number}.safetensors"

    def _data(self, fold: Fold) -> Data:
        """What a fold trains on: rows that were corrected have their correction for a label, where they may."""
        return self.data.overridden(fold.overridden) if len(fold.overridden) else self.data

    def network(self) -> Network:
        """Make the network that every fold starts from."""
        with first_parameters(self.schedule.seed):
            network = deepcopy(build_network(self.shape, self.trunk))  # the trunk serves the next fold, too
        if self.shape.kind == "vectors":
            mean, deviation = self.moments
            standardise(network, mean=mean, deviation=deviation)
        return network

    def in_common(self, numbers: Sequence[int], ranks: Ranks) -> bool:
        """Whether several processes train each network together, rather than a network each."""
        if not numbers or len(numbers) >= ranks.size or self.trunk is None or not self.recipe.shareable:
            return False
        return min(map(self._least_batch, numbers)) >= LEAST_EACH * ranks.size

    def _least_batch(self, number: int) -> int:
        """The rows of a fold's smallest batch."""
        fold, schedule = self.assignment.folds[number], self.schedule
        source = len(fold.source) // max(1, math.ceil(len(fold.source) / schedule.batch_size))
        steering = LEAST * self.shape.classes if self.recipe.low_loss else len(fold.steering)
        return min(source, schedule.trusted_batch, steering or source)

    def at_once(self, numbers: Sequence[int], workers: int) -> int:
        """How many folds to train at once: several where each leaves the other cores idle, and they take a while."""
        steps = sum(len(self.assignment.folds[number].source) for number in numbers) / self.schedule.batch_size
        lasting = self.data.device.type == "cpu" and steps * self.schedule.epochs >= _WORTH
        return min(workers, len(numbers)) if lasting and small(self.network()) else 1


def train_folds(
    crossfit: CrossFit, *, workers: int, progress: Progress, interrupts: Interrupts, ranks: Ranks = ALONE
) -> list[FoldReadout]:
    """Train what is not trained yet, and return what each fold found out.

    Args:
        crossfit: what to train.
        workers: how many of its folds at once at most, see `side_by_side`; the results are the same.
        progress: is told about every step.
        interrupts: asked between steps.
        ranks: the processes that share the work, of which this one leads.
    """
    numbers = range(len(crossfit.assignment.folds))
    left = [number for number in numbers if not crossfit.result(number).exists()]
    once, workers = Once(progress), max(1, workers // ranks.local_size)
    try:
        if left and may_stack(crossfit.recipe, crossfit.network(), crossfit.assignment.folds, crossfit.schedule):
            deal(crossfit.train_heads, numbers, ranks=ranks, progress=once, interrupts=interrupts)
        elif crossfit.in_common(left, ranks):
            progress.note(told(crossfit.network(), ranks))
            in_common(crossfit.train_in_common, left, ranks=ranks, progress=once, interrupts=interrupts)
        else:
            deal(partial(crossfit.train_each, workers), left, ranks=ranks, progress=once, interrupts=interrupts)
    finally:
        once.release()
    return [FoldReadout.read(crossfit.result(number), given=crossfit.data.given) for number in numbers]


def halves(numbers: Sequence[int]) -> list[Sequence[int]]:
    """Stack folds in two groups, as two processes would share them out: so one process gives the same bits."""
    return [half for half in lots(numbers, 2) if len(half)]


def rehearse(recipe: Recipe, *, shape: Shape, trunk: Backbone | None, side: Side) -> None:
    """Make a small copy of everything, so that what does not fit together is said before images are decoded.

    Raises:
        NoisecleanerError: the weighting or a regulariser does not suit the network.
    """
    make_state(recipe, build_network(shape, trunk), side=side, rows=1, seed=0)
