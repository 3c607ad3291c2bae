"""Classes that verified labels call by other names: two that changed places, and one that is written as another."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import special

from noisecleaner.noise.cross_table import CrossTable

#: Classes of which names are compared: that takes the third power of them.
_MOST_CLASSES = 2000
#: How rarely so many more rows of a class are verified as another one than as it by chance, if as many were both.
_CHANCE = 1e-3


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """Classes that changed places.

    Args:
        stands_for: (verified label, the given class that it stands for) of each of them.
        own: share of the rows given these classes that are verified as they were given.
        other: share of them that would be if the labels stood for what they seem to.
    """

    stands_for: tuple[tuple[int, int], ...]
    own: float
    other: float


@dataclass(frozen=True, kw_only=True)
class Renaming:
    """A class that is verified as another one.

    Args:
        given: the class.
        label: the other one.
        moved: share of the rows given the one that are verified as the other.
        stayed: share of all rows that are verified as the class.
    """

    given: int
    label: int
    moved: float
    stayed: float


def find_exchange(table: CrossTable) -> Exchange | None:
    """Find classes that changed places: most rows given one are verified as the next, around a ring.

    However much noise there is, an honest label is the given one more often than any other. That is so of each class,
    so that even a few rows of two classes tell.

    Args:
        table: verified labels beside given ones.

    Returns:
        None where there are no such classes; that of most rows where there are more.
    """
    names, table = table.compact()
    if not 1 < len(names) <= _MOST_CLASSES:
        return None
    _, stands_for = table.reordered()
    counts, found = table.counts(), dict[float, Exchange]()
    for ring in _rings(stands_for):
        moved = np.array([counts[label, given] for label, given in ring])
        stayed = np.array([counts[given, given] for _, given in ring])
        choices = math.comb(len(names), len(ring)) * math.factorial(len(ring) - 1)
        rows = counts[:, [given for _, given in ring]].sum()
        most = (moved > stayed).all() and 2 * moved.sum() > rows
        if most and _chance(moved.sum(), stayed.sum()) * choices < _CHANCE:
            pairs = tuple((int(names[label]), int(names[given])) for label, given in ring)
            found[moved.sum()] = Exchange(stands_for=pairs, own=stayed.sum() / rows, other=moved.sum() / rows)
    return found[max(found)] if found else None


def find_renaming(table: CrossTable) -> Renaming | None:
    """Find the class of which far more rows are verified as one other class than any row is verified as it.

    That may be true: all rows that were given a rare class may show another one.

    Args:
        table: verified labels beside given ones.
    """
    names, table = table.compact()
    if not 1 < len(names) <= _MOST_CLASSES:
        return None
    counts = table.counts()
    aside = counts - np.diag(np.diag(counts))
    labels, stayed = aside.argmax(axis=0), counts.sum(axis=1)
    moved = aside[labels, np.arange(len(names))]
    found = [_chance(*pair) * len(names) ** 2 for pair in zip(moved, stayed, strict=True)]
    given = int(np.argmin(found))
    rows = counts[:, given].sum()
    if found[given] >= _CHANCE or 2 * moved[given] <= rows:
        return None
    return Renaming(
        given=int(names[given]),
        label=int(names[labels[given]]),
        moved=moved[given] / rows,
        stayed=stayed[given] / counts.sum(),
    )


def _rings(stands_for: dict[int, int]) -> Iterator[tuple[tuple[int, int], ...]]:
    """Part a map of classes into the rings that lead back to where they start."""
    left = dict(stands_for)
    while left:
        first = next(iter(left))
        ring = [(first, left.pop(first))]
        while ring[-1][1] in left:
            ring.append((ring[-1][1], left.pop(ring[-1][1])))
        if ring[-1][1] == first:
            yield tuple(ring)


def _chance(moved: float, stayed: float) -> float:
    """How likely as many rows or more move by chance, if as many would stay; they may be parts of rows."""
    return float(special.betainc(moved, stayed + 1, 0.5)) if moved > 0 else 1.0
