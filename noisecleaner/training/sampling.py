"""Which rows make the batches of each step: drawn from (seed, step) alone, so that a resumed run draws the same."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from noisecleaner.arrays import IntArray


@dataclass(frozen=True)
class Sampler:
    """Draws source and trusted batches.

    Args:
        rows: the source rows.
        given: class index of the given label of every row, shape [rows].
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

    @property
    def steps(self) -> int:
        """The number of steps in an epoch."""
        _, counts = np.unique(self.given[self.rows], return_counts=True)
        groups = int(np.ceil(counts / self.group).sum())
        return math.ceil(groups / max(1, self.batch_size // self.group))

    def source(self, start: int, epochs: int) -> Iterator[tuple[int, IntArray]]:
        """Yield (number of the step, source rows) from step `start` on; sorted, as a memory map likes to be read."""
        per_epoch = self.steps
        batches: list[IntArray] = []
        for number in range(start, per_epoch * epochs):
            epoch, position = divmod(number, per_epoch)
            if position == 0 or number == start:
                groups = self._groups(np.random.default_rng((self.seed, 1, epoch)))
                # of equal size: a last batch of one row would leave batch norm nothing to work with
                batches = np.array_split(groups, per_epoch)
            yield number, np.sort(batches[position], axis=None)

    def target(self, number: int, pool: IntArray) -> IntArray:
        """Draw the trusted rows of a step from those that steer, without repetition; sorted."""
        rng = np.random.default_rng((self.seed, 2, number))
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
