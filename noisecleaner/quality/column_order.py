"""Do the columns of class probabilities stand in the order of the classes? The labels tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from noisecleaner.arrays import BoolArray, IntArray

#: Rows of another label that a column needs to be another class on its own evidence: three standard deviations of a
#: count against none.
_LEAST_ROWS = 9
#: And how many for each row of its own label, so that no share of wrong labels below two thirds is mistaken for it.
_TIMES = 2
#: For all columns together, likewise; the best of all orders fits well by chance where rows are few.
_TIMES_TOGETHER, _TIMES_CHANCE = 2.5, 1.5
_SHUFFLES = 5
#: Columns that are put in another order together: the assignment takes the cube of their number.
_MOST = 2000
#: Rows that are counted at a time.
_BLOCK = 2**18


@dataclass(frozen=True, kw_only=True)
class ColumnOrder:
    """An order of the columns that the labels fit far better than the one of the classes.

    Args:
        classes: of each column the index of the class that it most likely is, shape [columns].
        agreeing: rows whose label is that of their likeliest column in this order, of the columns that move.
        before: the same in the order of the classes.
    """

    classes: IntArray
    agreeing: int
    before: int


def other_order(columns: IntArray, *, given: IntArray, verified: IntArray, classes: int) -> ColumnOrder | None:
    """Find an order that fits far better than the one of the classes.

    Args:
        columns: the likeliest column of each row, -1 where a row has no probabilities, shape [rows].
        given: class index of the given label, below 0 where there is none, shape [rows].
        verified: class index of the verified label, likewise; where there is one, it counts instead.
        classes: how many there are, and columns.

    Returns:
        None where the columns may well stand in the order of the classes; always where verified rows agree with it.
    """
    labels = np.where(verified >= 0, verified, given)
    used = (columns >= 0) & (labels >= 0)
    pairs = _Pairs(columns, labels, used)
    found = _of_all(pairs, classes)
    if found is None:
        found = _of_columns(pairs, classes)
    if found is None:
        return None
    moved = found[columns] != columns
    known = (columns >= 0) & (verified >= 0) & moved
    if (columns[known] == verified[known]).sum() > (found[columns[known]] == verified[known]).sum():
        return None
    moved_ones = _Pairs(columns, labels, used & moved)
    return ColumnOrder(
        classes=found, agreeing=moved_ones.agreeing(found), before=moved_ones.agreeing(np.arange(classes))
    )


class _Pairs(NamedTuple):
    """Rows by their likeliest column and their label, and which of them are used, each of shape [rows]."""

    columns: IntArray
    labels: IntArray
    used: BoolArray

    def blocks(self) -> Iterator[tuple[IntArray, IntArray]]:
        """Yield columns and labels of the used ones of some rows at a time: there may be ten million."""
        for first in range(0, len(self.columns), _BLOCK):
            part = slice(first, first + _BLOCK)
            used = self.used[part]
            yield self.columns[part][used].astype(np.int64), self.labels[part][used].astype(np.int64)

    def agreeing(self, order: IntArray) -> int:
        """Count the rows that carry the label of their column in some order, shape [columns]."""
        return sum(int((order[columns] == labels).sum()) for columns, labels in self.blocks())

    def shuffled(self, rng: np.random.Generator) -> _Pairs:
        """The used rows, with their labels dealt out anew."""
        labels = rng.permutation(self.labels[self.used])
        return _Pairs(self.columns[self.used], labels, np.ones(len(labels), dtype=bool))

    def counted(self, classes: int) -> tuple[IntArray, IntArray]:
        """Pairs that occur, as column * classes + label, ascending, and how often."""
        pairs, counts = np.empty(0, np.int64), np.empty(0, np.int64)
        for columns, labels in self.blocks():
            more, rows = np.unique(columns * classes + labels, return_counts=True)
            pairs, place = np.unique(np.concatenate([pairs, more]), return_inverse=True)
            counts = np.bincount(place, np.concatenate([counts, rows]), len(pairs)).astype(np.int64)
        return pairs, counts


def _of_columns(rows: _Pairs, classes: int) -> IntArray | None:
    """Follow the label that most rows of each column have, where that leads back in a circle."""
    likeliest = np.arange(classes)
    pairs, counts = rows.counted(classes)
    own = np.zeros(classes, dtype=np.int64)
    of_own = pairs // classes == pairs % classes
    own[pairs[of_own] // classes] = counts[of_own]
    for place in np.argsort(counts, kind="stable"):  # the largest count stands last
        column, label = divmod(int(pairs[place]), classes)
        if counts[place] >= max(_LEAST_ROWS, _TIMES * own[column]):
            likeliest[column] = label
    order = np.arange(classes)
    for circle in _circles(likeliest):
        order[circle] = likeliest[circle]
    return order if (order != np.arange(classes)).any() else None


def _circles(following: IntArray) -> list[list[int]]:
    """Find the circles of more than one in a map of numbers to numbers."""
    seen = np.zeros(len(following), dtype=np.int64)  # in which walk
    circles = []
    for start in range(len(following)):
        walk, number = [], start
        while not seen[number]:
            seen[number] = start + 1
            walk.append(number)
            number = int(following[number])
        if seen[number] == start + 1 and following[number] != number:
            circles.append(walk[walk.index(number) :])
    return circles


def _of_all(rows: _Pairs, classes: int) -> IntArray | None:
    """Find the best of all orders, where it fits better than by chance; what no row speaks for stays."""
    if classes > _MOST or not rows.used.any():
        return None
    order = _assigned(rows, classes)
    fits, before = rows.agreeing(order), rows.agreeing(np.arange(classes))
    if fits < max(_LEAST_ROWS, _TIMES_TOGETHER * before):
        return None
    rng = np.random.default_rng(0)
    chance = [other.agreeing(_assigned(other, classes)) for other in (rows.shuffled(rng) for _ in range(_SHUFFLES))]
    return order if fits >= _TIMES_CHANCE * max(chance) else None


def _assigned(rows: _Pairs, classes: int) -> IntArray:
    """Assign to each column the class that makes most rows agree (Kuhn, 1955), shape [columns]."""
    from scipy.optimize import linear_sum_assignment

    counts = np.zeros((classes, classes))
    for columns, labels in rows.blocks():
        np.add.at(counts, (columns, labels), 1)
    counts[np.diag_indices(classes)] += 0.5  # nothing moves without a reason
    return np.asarray(linear_sum_assignment(counts, maximize=True)[1]).astype(np.int64)
