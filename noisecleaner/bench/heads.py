"""The folds of a linear head, trained in one step and each by itself: what a step of all of them takes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack

import numpy as np
import torch

from noisecleaner.arrays import UNVERIFIED
from noisecleaner.bench import Experiment, Metrics, Row, Work
from noisecleaner.bench._datasets import scaled
from noisecleaner.bench._laps import Lap, ratios, wait_for
from noisecleaner.inputs.batches import Data
from noisecleaner.networks.heads import build_network
from noisecleaner.networks.network import Network
from noisecleaner.networks.shapes import Shape
from noisecleaner.regularisers import Side
from noisecleaner.settings import Effort
from noisecleaner.training.crossfit import halves
from noisecleaner.training.folds import FoldAssignment, assign_folds
from noisecleaner.training.learner import Learner
from noisecleaner.training.recipe import Recipe, make_heads, make_learner
from noisecleaner.training.schedule import Schedule, choose_schedule

_ROWS, _WIDTH, _VERIFIED, _FOLDS = 50_000, 1_280, 0.01, 5
#: Steps of a lap, and laps of each before and while time is taken.
_STEPS, _WARM, _ROUNDS = 20, 1, 9


class Heads(Experiment):
    """Random float16 vectors of 1,280 numbers, a hundredth of them verified, five folds, batches as `fit` chooses them.

    `times` is the median, over nine interleaved rounds of 20 steps, of the time of a step of each of five learners by
    themselves, one after the other, over that of one step of all folds, with its `lower` and `upper` quartile;
    `milliseconds` is that of all folds, `apart_milliseconds` that of the five. Steps are those of the last epochs, with
    all that `fit` does in them. On a CPU a second thread helps all folds where PyTorch may use more than one; the five
    take one core, one after the other. `scale` is the share of 50,000 rows.

    Args:
        classes: of the labels.
    """

    rows = tuple(Row(method, {"folds": _FOLDS}) for method in ("uniform", "l2b", "l2rw", "soseleto"))

    def __init__(self, *, classes: int = 10) -> None:
        self._classes = max(2, classes)

    def run(self, row: Row, work: Work) -> Metrics:
        """Let all folds in one step, and each by itself, take their laps in turn."""
        data = _data(scaled(_ROWS, work.scale, least=100 * self._classes), self._classes, work)
        assignment = assign_folds(
            given=data.given,
            trusted=data.trusted,
            clean_only=np.empty(0, dtype=np.int64),
            folds=_FOLDS,
            seed=work.seed,
        )
        schedule = _schedule(data, self._classes, len(assignment.folds[0].source), work)
        together = [_together(row.method, data, assignment, schedule, self._classes)]
        recipe, side = Recipe(row.method, averaged=True), Side()
        apart = [
            make_learner(recipe, _network(self._classes), data, side=side, fold=fold, schedule=schedule, seed=work.seed)
            for fold in assignment.folds
        ]
        for _ in range(_WARM):
            _lap(together, work), _lap(apart, work)
        laps = [Lap(plain=_lap(together, work), other=_lap(apart, work)) for _ in range(_ROUNDS)]
        return {
            **ratios("times", laps),
            "milliseconds": 1000 * statistics.median(lap.plain for lap in laps),
            "apart_milliseconds": 1000 * statistics.median(lap.other for lap in laps),
        }


def _data(rows: int, classes: int, work: Work) -> Data:
    rng = np.random.default_rng(work.seed)
    given, trusted = rng.integers(0, classes, rows), np.full(rows, UNVERIFIED)
    verified = rng.permutation(rows)[: max(20 * classes, round(_VERIFIED * rows))]
    trusted[verified] = given[verified]
    vectors = rng.standard_normal((rows, _WIDTH), dtype=np.float32).astype(np.float16)
    return Data(array=vectors, given=given, trusted=trusted, device=work.device)


def _network(classes: int) -> Network:
    return build_network(Shape(kind="vectors", classes=classes, width=_WIDTH))


def _schedule(data: Data, classes: int, rows: int, work: Work) -> Schedule:
    shape = Shape(kind="vectors", classes=classes, width=_WIDTH)
    return choose_schedule(Effort(), shape, backbone=None, rows=rows, seed=work.seed, device=data.device)


def _together(method: str, data: Data, assignment: FoldAssignment, schedule: Schedule, classes: int) -> Learner:
    return make_heads(
        Recipe(method, averaged=True),
        _network(classes),
        data,
        folds=assignment.folds,
        groups=halves(range(_FOLDS)) if data.device.type == "cpu" else [range(_FOLDS)],
        schedule=schedule,
        aided=data.device.type == "cpu" and torch.get_num_threads() > 1,
    )


def _lap(learners: Sequence[Learner], work: Work) -> float:
    """Seconds of a step of each of the learners, in the last epoch but one, where no rule warms up."""
    seconds = 0.0
    for learner in learners:
        first = (learner.epochs - 2) * learner.steps_per_epoch
        steps = range(first, first + min(_STEPS, learner.steps_per_epoch))
        with ExitStack() as stack:
            stack.enter_context(learner.session())
            learner.begin_epoch(learner.epochs - 2)
            wait_for(work.device)
            started = time.perf_counter()
            for number in steps:
                learner.step(number)
            wait_for(work.device)
            seconds += (time.perf_counter() - started) / len(steps)
    return seconds
