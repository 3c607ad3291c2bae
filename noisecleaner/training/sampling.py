"""Which rows make the batches of each step: drawn from (seed, step) alone, so that a resumed run draws the same."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from noisecleaner.arrays import IntArray
from noisecleaner.training.folds import Fold
from noisecleaner.training.schedule import Schedule
from noisecleaner.training.streams import Stream, generator


@dataclass(kw_only=True, eq=False)
class Sampler:
    """Draws source and trusted batches.

    Args:
        rows: the source rows.
        given: class index of the given label of every row, shape [rows of the corpus].
        batch_size: source rows in a step, at most.
        trusted_batch: trusted rows in a step, at most.
        seed: of every draw.
        group: a batch holds this many rows of a class, or a multiple, so that it can be dealt into as many
            mini-batches of one label distribution. Where a class does not suffice, some of its rows come twice.
    """

    rows: IntArray
    given: IntArray
    batch_size: int
    trusted_batch: int
    seed: int
    group: int = 1

    @classmethod
    def of_fold(cls, fold: Fold, given: IntArray, schedule: Schedule, *, group: int = 1) -> Sampler:
        """Draw the batches of a fold; `given`, shape [rows of the corpus], and `group` are as above."""
        return cls(
            rows=fold.source,
            given=given,
            batch_size=schedule.batch_size,
            trusted_batch=schedule.trusted_batch,
            seed=schedule.seed,
            group=group,
        )

    def __post_init__(self) -> None:
        self._epoch, self._batches = -1, list[IntArray]()

    @cached_property
    def steps(self) -> int:
        """The number of steps in an epoch."""
        _, counts = np.unique(self.given[self.rows], return_counts=True)
        groups = int(np.ceil(counts / self.group).sum())
        return math.ceil(groups / max(1, self.batch_size // self.group))

    def source(self, number: int) -> IntArray:
        """The source rows of a step, shape [n]; sorted, as a memory map likes to be read."""
        epoch, position = divmod(number, self.steps)
        if epoch != self._epoch:
            groups = self._groups(generator(self.seed, Stream.SOURCE, epoch))
            # of equal size: a last batch of one row would leave batch norm nothing to work with
            self._epoch, self._batches = epoch, np.array_split(groups, self.steps)
        return np.sort(self._batches[position], axis=None)

    def target(self, number: int, pool: IntArray) -> IntArray:
        """Draw the trusted rows of a step from those that steer, without repetition, shape [n]; sorted."""
        rng = generator(self.seed, Stream.TRUSTED, number)
        return np.sort(rng.choice(pool, min(self.trusted_batch, len(pool)), replace=False, shuffle=False))

    def _groups(self, rng: np.random.Generator) -> IntArray:
        """Put all source rows into groups of one class, in random order, shape [groups, group]."""
        shuffled = rng.permutation(self.rows)
        if self.group == 1:
            return shuffled[:, None]
        labels = self.given[shuffled]
        groups = []
        for label in np.unique(labels):
            rows = shuffled[labels == label]
            groups.append(np.concatenate([rows, rng.choice(rows, -len(rows) % self.group)]).reshape(-1, self.group))
        return rng.permutation(np.concatenate(groups))
