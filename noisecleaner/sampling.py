"""Which rows make the batches of each step: drawn from (seed, step) alone, so that a resumed run draws the same."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from noisecleaner.folds import Fold
from noisecleaner.ingest.manifest import IntArray


@dataclass(frozen=True)
class Sampler:
    """Draws source and trusted batches.

    Args:
        fold: which rows train and which steer.
        given: class index of the given label of every row, shape [rows].
        batch_size: source rows in a step, at most.
        trusted_batch: trusted rows in a step, at most.
        seed: of every draw.
        group: a batch holds this many rows of a class, or a multiple, so that it can be dealt into as many
            mini-batches of one label distribution. Where a class does not suffice, some of its rows come twice.
    """

    fold: Fold
    given: IntArray
    batch_size: int
    trusted_batch: int
    seed: int
    group: int = 1

    @property
    def steps(self) -> int:
        """The number of steps in an epoch."""
        _, counts = np.unique(self.given[self.fold.source], return_counts=True)
        groups = int(np.ceil(counts / self.group).sum())
        return math.ceil(groups / max(1, self.batch_size // self.group))

    def draw(self, start: int, epochs: int) -> Iterator[tuple[int, IntArray, IntArray]]:
        """Yield (number of the step, source rows, trusted rows) from step `start` on.

        Rows are sorted, which is how a memory map likes to be read. Trusted rows are drawn without repetition.
        """
        per_epoch = self.steps
        drawn = min(self.trusted_batch, len(self.fold.steering))
        batches: list[IntArray] = []
        for number in range(start, per_epoch * epochs):
            epoch, position = divmod(number, per_epoch)
            if position == 0 or number == start:
                groups = self._groups(np.random.default_rng((self.seed, 1, epoch)))
                # of equal size: a last batch of one row would leave batch norm nothing to work with
                batches = np.array_split(groups, per_epoch)
            rng = np.random.default_rng((self.seed, 2, number))
            target = rng.choice(self.fold.steering, drawn, replace=False, shuffle=False)
            yield number, np.sort(batches[position], axis=None), np.sort(target)

    def _groups(self, rng: np.random.Generator) -> IntArray:
        """Put all source rows into groups of one class, in random order, shape [groups, group]."""
        shuffled = rng.permutation(self.fold.source)
        if self.group == 1:
            return shuffled[:, None]
        labels = self.given[shuffled]
        groups = []
        for label in np.unique(labels):
            rows = shuffled[labels == label]
            groups.append(np.concatenate([rows, rng.choice(rows, -len(rows) % self.group)]).reshape(-1, self.group))
        return rng.permutation(np.concatenate(groups))
