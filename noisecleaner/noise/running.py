"""Sums along many rows in their order, and places in sorted values, in little memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from noisecleaner.arrays import BoolArray, FloatArray, IntArray, RealArray, SingleArray

#: Rows from one sum that is kept to the next.
_STEP = 2**14


@dataclass(frozen=True, kw_only=True)
class RunningSums:
    """The sum of the first k of some numbers, for every k: that of `np.cumsum`, bit for bit.

    Args:
        count: how many numbers there are.
        part: gives those from one place to another, in double precision.
        kept: the sums before every `_STEP` numbers, from the first on, shape [count // _STEP + 1].
    """

    count: int
    part: Callable[[int, int], FloatArray]
    kept: FloatArray

    @classmethod
    def of(cls, numbers: FloatArray) -> RunningSums:
        """Sum numbers up, shape [n]."""
        return cls._of(len(numbers), lambda first, last: numbers[first:last])

    @classmethod
    def of_rest(cls, numbers: RealArray) -> RunningSums:
        """Sum up 1 minus each number, in double precision, shape [n]."""
        return cls._of(len(numbers), lambda first, last: 1 - numbers[first:last].astype(np.float64))

    @classmethod
    def _of(cls, count: int, part: Callable[[int, int], FloatArray]) -> RunningSums:
        kept = np.zeros(count // _STEP + 1)
        for place in range(1, len(kept)):
            kept[place] = _sums(kept[place - 1], part((place - 1) * _STEP, place * _STEP))[-1]
        return cls(count=count, part=part, kept=kept)

    def at(self, place: int) -> float:
        """The sum of the numbers before a place, in [0, count]."""
        before = place // _STEP
        return float(_sums(self.kept[before], self.part(before * _STEP, place))[-1])

    def all(self) -> FloatArray:
        """The sums before all places, shape [count + 1]."""
        return _sums(0.0, self.part(0, self.count))


def _sums(start: float, numbers: FloatArray) -> FloatArray:
    """Add numbers to a sum one by one, shape [n + 1]."""
    return np.cumsum(np.concatenate([[start], numbers]))


@dataclass(frozen=True)
class Rest:
    """1 minus each of many numbers, in double precision, made when it is looked at: an array in half of its memory.

    Args:
        numbers: in single precision, shape [n].
    """

    numbers: SingleArray

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, places: slice | IntArray | BoolArray) -> FloatArray:
        """Compute some of them."""
        some = self.numbers[places].astype(np.float64)
        return np.subtract(1, some, out=some)

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> FloatArray:
        """Compute all of them."""
        return self[:] if dtype is None else self[:].astype(dtype)

    def mean(self) -> float:
        """The mean of all of them, at least one: that of `np.mean`, bit for bit."""
        return self._sum(0, len(self)) / len(self)

    def _sum(self, first: int, count: int) -> float:
        """Add up halves of halves, as NumPy does (Higham, 1993)."""
        if count <= _STEP:
            return float(self[first : first + count].sum())
        half = count // 2 - count // 2 % 8
        return self._sum(first, half) + self._sum(first + half, count - half)


def sorted_place(values: RealArray, threshold: float, *, right: bool = False) -> int:
    """Count the values below a threshold, or at and below it, exactly: it is not rounded to their precision.

    Args:
        values: ascending, shape [n].
        threshold: in double precision.
        right: count those that equal it as well.
    """
    rounded = float(values.dtype.type(threshold))
    # between two neighbours of lower precision, all up to the lower one lie below it, and none from the upper one on
    after = right if rounded == threshold else rounded < threshold
    return int(np.searchsorted(values, values.dtype.type(rounded), side="right" if after else "left"))


def quantiles(values: RealArray, shares: FloatArray) -> FloatArray:
    """Compute quantiles of sorted values in double precision: those of `np.quantile`, without its copies.

    Args:
        values: ascending, finite, at least one, shape [n].
        shares: in [0, 1], shape [q].
    """
    places = shares * (len(values) - 1)
    below = np.floor(places).astype(np.int64)
    low, high = (values[np.minimum(below + more, len(values) - 1)].astype(np.float64) for more in (0, 1))
    part, apart = places - below, high - low
    return np.where(part >= 0.5, high - apart * (1 - part), low + apart * part)
