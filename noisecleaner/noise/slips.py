"""Whether verified labels stand beside the wrong rows in a part of their table, moved up or down by a row or a few."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from noisecleaner.arrays import BoolArray, FloatArray, IntArray

#: How many rows away the row may be that a label belongs to.
FARTHEST = 3
#: Chance that a run which begins at some row is taken for a moved one, by labels of the next row and of those farther
#: away. That is a bound: most labels fit their own rows far better, and 3 in 1,000 honest tables have such a run.
_NEXT, _FARTHER = 0.025, 0.004
#: Rows by which a share of labels given in place of others is believed as much as by the plain model.
_PRIOR_ROWS = 5.0
#: Verified rows below which no part of them can tell.
_LEAST_ROWS = 20


@dataclass(frozen=True, kw_only=True)
class Slip:
    """A run of rows of a table whose verified labels belong to other rows.

    Args:
        first: its first row, in the order of the table.
        last: its last row.
        distance: how many rows below a label the row stands that it belongs to; below 0 where it stands above.
        own: share of these labels that are the given label of their own row.
        other: share of them that are the given label of the row that they belong to.
    """

    first: int
    last: int
    distance: int
    own: float
    other: float


def find_slip(*, labels: IntArray, given: IntArray) -> Slip | None:
    """Find the run of rows whose verified labels fit the given ones of the rows above or below far better.

    Of each row is told how much likelier its verified label is beside the given label of another row than beside that
    of its own, or of no row. If labels stand beside their own rows, such ratios have a mean of at most 1, as have their
    products over runs of rows: of n rows one begins a run with a product above x with a probability of at most n / x
    (Ville's inequality).

    Args:
        labels: a number for each verified label, below 0 where there is none, shape [rows of the table].
        given: likewise for the given labels of these rows.

    Returns:
        None where there is no such run.
    """
    as_they_stand = _Model.of(labels, given)
    if as_they_stand is None:
        return None
    best, found = 0.0, None
    for distance in [step for size in range(1, FARTHEST + 1) for step in (size, -size)]:
        moved = _Model.of(labels, _moved(given, distance))
        # where most rows have moved, the labels of others tell what is right
        model = moved if moved is not None and moved.agreeing > as_they_stand.agreeing else as_they_stand
        first, last, total = greatest(model.ratios(labels, given, distance))
        excess = total - math.log(model.rows / (_NEXT if abs(distance) == 1 else _FARTHER))
        if excess > best:
            best, found = excess, _slip(labels, given, distance=distance, run=(first, last))
    return found


@dataclass(frozen=True, kw_only=True)
class _Model:
    """How often verified labels stand beside given ones.

    Args:
        rows: that have both.
        pairs: numbers of the pairs of both that occur, rising.
        counts: rows of each pair.
        beside: rows of each given label, shape [labels].
        shares: share of each verified label, shape [labels].
        agreeing: share of the rows in which both are the same.
    """

    rows: int
    pairs: IntArray
    counts: IntArray
    beside: FloatArray
    shares: FloatArray
    agreeing: float

    @classmethod
    def of(cls, labels: IntArray, given: IntArray) -> _Model | None:
        both = (labels >= 0) & (given >= 0)
        rows = int(both.sum())
        if rows < _LEAST_ROWS:
            return None
        length = 1 + int(max(labels.max(), given.max()))
        pairs, counts = np.unique(given[both] * length + labels[both], return_counts=True)
        return cls(
            rows=rows,
            pairs=pairs,
            counts=counts,
            beside=np.bincount(given[both], minlength=length).astype(np.float64),
            shares=np.bincount(labels[both], minlength=length) / rows,
            agreeing=float((labels[both] == given[both]).mean()),
        )

    def log_probability(self, labels: IntArray, given: IntArray) -> FloatArray:
        """Compute that of verified labels beside given ones, shape [rows]: as counted, and where rows are few as any.

        Any label is the given one as often as all together, or else drawn from all verified ones.
        """
        sought = given * len(self.shares) + labels
        places = np.minimum(np.searchsorted(self.pairs, sought), len(self.pairs) - 1)
        counts = np.where(self.pairs[places] == sought, self.counts[places], 0)
        plain = self.agreeing * (labels == given) + (1 - self.agreeing) * self.shares[labels]
        # a table without a wrong label has none to count
        plain = np.maximum(plain, 1 / (self.rows + 1) ** 2)
        seen = self.beside[given]
        return np.asarray(np.log((counts + _PRIOR_ROWS * plain) / (seen + _PRIOR_ROWS)))

    def ratios(self, labels: IntArray, given: IntArray, distance: int) -> FloatArray:
        """Compute the logarithm of how much likelier each label is beside the given one of another row, shape [rows].

        Args:
            labels: the verified ones.
            given: the given ones.
            distance: how many rows below that other row stands.
        """
        other = _moved(given, distance)
        known = (labels >= 0) & (given >= 0) & (other >= 0)
        ratios = np.zeros(len(labels))
        own, theirs = (self.log_probability(labels[known], part[known]) for part in (given, other))
        # where many labels are wrong in a row, as one annotator's may be, they have to do with no given one
        ratios[known] = theirs - np.maximum(own, np.log(self.shares[labels[known]]))
        return ratios


def _moved(given: IntArray, distance: int) -> IntArray:
    """Give each row the label of the row `distance` below it, -1 where there is none."""
    moved = np.full(len(given), -1)
    if abs(distance) < len(given):
        if distance > 0:
            moved[:-distance] = given[distance:]
        else:
            moved[-distance:] = given[:distance]
    return moved


def greatest(values: FloatArray) -> tuple[int, int, float]:
    """Find the run of the greatest sum in values of shape [rows]: its first and last row, and the sum."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    lowest = np.minimum.accumulate(sums[:-1])
    last = int(np.argmax(sums[1:] - lowest))
    first = int(np.argmin(sums[: last + 1]))
    return first, last, float(sums[last + 1] - sums[first])


def _slip(labels: IntArray, given: IntArray, *, distance: int, run: tuple[int, int]) -> Slip:
    first, last = run
    inside = slice(first, last + 1)
    other = _moved(given, distance)[inside]
    known: BoolArray = (labels[inside] >= 0) & (given[inside] >= 0) & (other >= 0)
    mine, own, other = labels[inside][known], given[inside][known], other[known]
    return Slip(
        first=first,
        last=last,
        distance=distance,
        own=float((mine == own).mean()),
        other=float((mine == other).mean()),
    )
