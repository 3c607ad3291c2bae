"""Rows in parts, each of which is predicted by what the others know: what a second round looks at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from noisecleaner.arrays import NO_CLASS, BoolArray, IntArray, SingleArray
from noisecleaner.inputs.rooting import root

#: Rows that are computed with at a time.
_BLOCK = 4_096


@dataclass(frozen=True, kw_only=True)
class Rows:
    """What the second round looks at; arrays of the shape [rows].

    Args:
        vectors: of all rows, shape [rows, width].
        mean: subtracted from each, shape [width].
        scale: and multiplied with, shape [width].
        given: class index of the given label, -1 where there is none.
        known: class index of the label that is certain, below 0 where there is none; `NO_CLASS` trains nothing.
        part: the part that a row belongs to, 0 to parts - 1; -1 for rows that are no part, and only train.
        used: rows that train.
        classes: number of classes.
        rooted: whether the square root of vectors is taken before they are standardised.
        views: widths of the views that vectors hold side by side, which sum up to theirs; empty for a single one.
    """

    vectors: npt.NDArray[Any]
    mean: SingleArray
    scale: SingleArray
    given: IntArray
    known: IntArray
    part: IntArray
    used: BoolArray
    classes: int
    rooted: bool = False
    views: tuple[int, ...] = ()

    @cached_property
    def members(self) -> list[IntArray]:
        """The rows of each part that train, and behind them those that are no part, [n] each."""
        return [np.flatnonzero(self.used & (self.part == number)) for number in (*range(self.parts), -1)]

    @cached_property
    def parts(self) -> int:
        """How many parts there are."""
        return int(self.part.max()) + 1

    @cached_property
    def columns(self) -> list[slice]:
        """The coordinates of each view."""
        ends = np.cumsum(self.views or (int(self.vectors.shape[1]),)).tolist()
        return [slice(first, last) for first, last in zip([0, *ends], ends, strict=False)]

    @cached_property
    def labels(self) -> IntArray:
        """What other parts take for the label of a row to begin with: what is certain, else what is given; -1 for none.

        Shape [rows].
        """
        return np.where(self.used & (self.known != NO_CLASS), np.where(self.known >= 0, self.known, self.given), -1)

    @cached_property
    def open(self) -> BoolArray:
        """Rows of a part whose label is made soft, because nobody verified it, shape [rows]."""
        unverified = (self.known < 0) & (self.known != NO_CLASS)
        opened: BoolArray = self.used & (self.part >= 0) & unverified & (self.given >= 0)
        return opened

    @cached_property
    def certain(self) -> BoolArray:
        """Rows of a part that have a given label, and whose true one is certain, shape [rows]."""
        certain: BoolArray = self.used & (self.part >= 0) & (self.known >= 0) & (self.given >= 0)
        return certain

    def hard(self, rows: IntArray) -> SingleArray:
        """The `labels` of rows [n] as probabilities, zero where there is none, shape [n, classes]."""
        labels = self.labels[rows]
        made = np.zeros((len(rows), self.classes), np.float32)
        there = np.flatnonzero(labels >= 0)
        made[there, labels[there]] = 1
        return made

    def blocks(self, rows: IntArray) -> Iterator[tuple[IntArray, SingleArray]]:
        """Yield rows, shape [n], and their standardised vectors, shape [n, width], block by block."""
        for some in in_blocks(rows):
            yield some, self.standardised(some)

    def standardised(self, rows: IntArray) -> SingleArray:
        """The standardised vectors of rows [n], shape [n, width]."""
        vectors = single(self.vectors[rows])
        if self.rooted:
            vectors = root(vectors)
        vectors -= self.mean
        vectors *= self.scale
        return vectors


def in_blocks(rows: IntArray) -> Iterator[IntArray]:
    """Yield row numbers [n] in blocks of as many as are computed with at a time."""
    for first in range(0, len(rows), _BLOCK):
        yield rows[first : first + _BLOCK]


def single(values: npt.NDArray[Any]) -> SingleArray:
    """The same values in single precision, of any shape; NumPy takes twenty times as long for half precision."""
    if values.dtype != np.float16:
        return values.astype(np.float32)
    wide: SingleArray = torch.from_numpy(values).float().numpy()
    return wide
