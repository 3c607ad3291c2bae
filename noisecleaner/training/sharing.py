"""One stream of batches for all folds: which rows a step sees, and which fold counts which of them.

Rows that the same folds train on are spread evenly over the steps of an epoch, so that a fold has as many rows in one
step as in another. What a step sees depends on all folds, whichever of them are trained here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from noisecleaner.arrays import BoolArray, IntArray
from noisecleaner.inputs.batches import Data
from noisecleaner.networks.network import Batch, Membership
from noisecleaner.training.folds import Fold
from noisecleaner.training.schedule import Schedule
from noisecleaner.training.streams import Stream, generator

#: Folds that may share their batches: as many as a number has bits, which say who trains on a row.
MOST_FOLDS = 62


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """What a group of folds makes of the rows of a batch, on the device.

    Args:
        labels: for each fold, shape [folds, n].
        folds: which fold counts which row.
    """

    labels: Tensor
    folds: Membership
    #: Of how many tensors it is made.
    TENSORS: ClassVar[int] = 5

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All of it, in the order that `of` takes; of any shape."""
        return (self.labels, self.folds.counts, self.folds.size, self.folds.recorder, self.folds.recorded)

    @classmethod
    def of(cls, tensors: Sequence[Tensor]) -> Part:
        """Put it together again from tensors of the shapes of `tensors`."""
        labels, counts, size, recorder, recorded = tensors
        return cls(labels=labels, folds=Membership(counts=counts, size=size, recorder=recorder, recorded=recorded))

    def batch(self, inputs: Tensor, rows: Tensor) -> Batch:
        """The batch of this group: inputs [n, width] and their numbers [n]."""
        return Batch(inputs=inputs, labels=self.labels, rows=rows, folds=self.folds)


@dataclass(frozen=True, kw_only=True, eq=False)
class Draw:
    """The rows of a batch, on the device.

    Args:
        rows: their numbers, shape [n].
        parts: what each group of folds makes of them.
    """

    rows: Tensor
    parts: tuple[Part, ...]


class SharedSampler:
    """Draws the batches of an epoch for some of the folds of an assignment.

    Args:
        folds: all of them; no row is recorded by two.
        groups: those that are trained here, in groups.
        data: the labels of all rows.
        schedule: how many source rows of a fold are in a step, and how many trusted ones where more steer it.
    """

    def __init__(
        self, *, folds: Sequence[Fold], groups: Sequence[Sequence[int]], data: Data, schedule: Schedule
    ) -> None:
        self._data, self._trusted_batch, self._seed = data, schedule.trusted_batch, schedule.seed
        rows, self._numbers = len(data.given), [number for group in groups for number in group]
        ends = np.cumsum([len(group) for group in groups]).tolist()
        self._slices = [slice(end - len(group), end) for end, group in zip(ends, groups, strict=True)]
        own = [folds[number] for number in self._numbers]
        self._trains = _members([fold.source for fold in own], rows)
        self._overrides = _members([fold.overridden for fold in own], rows)
        self._records = _members([fold.recorded for fold in own], rows)
        # no row is recorded by two
        self._recorders = [self._records[own].argmax(axis=0) for own in self._slices]
        self._pools = [fold.steering for fold in folds]
        bits = np.zeros(rows, dtype=np.int64)
        for number, fold in enumerate(folds):
            bits[fold.source] |= 1 << number
        self._rows = np.flatnonzero(bits)
        _, self._alike = np.unique(bits[self._rows], return_inverse=True)
        self.steps = math.ceil(max(len(fold.source) for fold in folds) / schedule.batch_size)

    def source(self, epoch: int) -> list[Draw]:
        """Draw the source rows of all steps of an epoch, each of which comes once.

        All steps have as many rows; one that is short of one gets one that nobody counts.
        """
        ordered = self._spread(generator(self._seed, Stream.SOURCE, epoch))
        ends = np.cumsum([len(part) for part in np.array_split(ordered, self.steps)])
        places = np.concatenate([[0], ends[:-1]])[:, None] + np.arange(ends[0])
        # it is one of the next step's: nothing is written to a row twice in a step
        rows = ordered[places % len(ordered)]
        order = np.argsort(rows, axis=1)  # a memory map likes to be read in order
        rows = np.take_along_axis(rows, order, axis=1)
        there = np.take_along_axis(places < ends[:, None], order, axis=1)
        labels = np.where(self._overrides[:, rows], self._data.trusted[rows], self._data.given[rows])
        return self._draws(rows, labels, counts=self._trains[:, rows] & there, records=self._records[:, rows] & there)

    def target(self, epoch: int) -> list[Draw]:
        """Draw trusted rows for all steps of an epoch, the same for all folds, which count those that steer them.

        So many that each fold counts `trusted_batch` of them on average; all where it has no more.
        """
        members = _members(self._pools, len(self._data.given))
        pool, fewest = np.flatnonzero(members.any(axis=0)), min(map(len, self._pools))
        n = min(len(pool), math.ceil(self._trusted_batch / max(1, fewest) * len(pool)))
        rng = generator(self._seed, Stream.TRUSTED, epoch)
        rows = np.stack([np.sort(rng.choice(pool, n, replace=False, shuffle=False)) for _ in range(self.steps)])
        return self._target_draws(rows, _members([self._pools[k] for k in self._numbers], len(members[0]))[:, rows])

    def target_apart(self, epoch: int, pools: Sequence[IntArray]) -> list[Draw]:
        """Draw trusted rows for each fold by itself, where who steers depends on what it has learned.

        Args:
            epoch: its number.
            pools: rows that steer each of the folds that are trained here, shape [n].
        """
        drawn = []
        for number, pool in zip(self._numbers, pools, strict=True):
            rng = np.random.default_rng((self._seed, int(Stream.TRUSTED), epoch, number))
            n = min(self._trusted_batch, len(pool))
            drawn.append(np.stack([np.sort(rng.choice(pool, n, replace=False)) for _ in range(self.steps)]))
        owner = np.repeat(np.arange(len(drawn)), [part.shape[1] for part in drawn])
        rows, counts = np.concatenate(drawn, axis=1), np.arange(len(drawn))[:, None, None] == owner
        return self._target_draws(rows, np.broadcast_to(counts, (len(drawn), *rows.shape)))

    def _spread(self, rng: np.random.Generator) -> IntArray:
        """Put all rows in a random order in which those that the same folds train on are evenly spread, shape [n]."""
        shuffled = rng.permutation(len(self._rows))
        alike = self._alike[shuffled]
        sizes, grouped = np.bincount(alike), np.argsort(alike, kind="stable")
        rank = np.empty(len(alike), dtype=np.int64)
        rank[grouped] = np.arange(len(alike)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return self._rows[shuffled[np.argsort((rank + 0.5) / sizes[alike], kind="stable")]]

    def _target_draws(self, rows: IntArray, counts: BoolArray) -> list[Draw]:
        labels = np.broadcast_to(self._data.steering(rows), counts.shape)
        return self._draws(rows, labels, counts=counts, records=np.zeros(counts.shape, dtype=bool))

    def _draws(self, rows: IntArray, labels: IntArray, *, counts: BoolArray, records: BoolArray) -> list[Draw]:
        """Bring all steps to the device at once: rows [steps, n], the others [folds, steps, n]."""
        groups = [
            self._parts(labels[own], counts=counts[own], records=records[own], recorder=recorders[rows])
            for own, recorders in zip(self._slices, self._recorders, strict=True)
        ]
        numbers = torch.from_numpy(rows).to(self._data.device)
        return [Draw(rows=own, parts=parts) for own, parts in zip(numbers, zip(*groups, strict=True), strict=True)]

    def _parts(self, labels: IntArray, *, counts: BoolArray, records: BoolArray, recorder: IntArray) -> list[Part]:
        """What a group makes of the rows of each step; arrays of the shape [folds, steps, n], and [steps, n]."""
        arrays = (labels.swapaxes(0, 1), counts.swapaxes(0, 1), recorder[:, None], records.any(axis=0))
        given, counted, recorders, recorded = (
            torch.from_numpy(np.array(array, order="C")).to(self._data.device) for array in arrays
        )
        tensors = (
            given,
            counted.float(),
            counted.sum(dim=-1, keepdim=True).clamp(min=1).float(),
            recorders,
            recorded.float(),
        )
        return [Part.of(own) for own in zip(*tensors, strict=True)]


def _members(sets: Sequence[IntArray], rows: int) -> BoolArray:
    """Say for each set which of all rows it holds, shape [sets, rows]."""
    members = np.zeros((len(sets), rows), dtype=bool)
    for one, some in zip(members, sets, strict=True):
        one[some] = True
    return members
