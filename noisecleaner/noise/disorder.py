"""Whether a run of verified labels has lost its rows: reversed, sorted or shuffled, they fit them like any others."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from noisecleaner.arrays import BoolArray, FloatArray, IntArray
from noisecleaner.errors import quoted
from noisecleaner.noise.slips import greatest
from noisecleaner.noise.three_labels import ThreeLabels
from noisecleaner.notices import Notice, Severity

#: The code of the notice.
CODE = "verified-labels-disordered"
#: Chance that a run which begins at some row is taken for one, of any that fit as well as is asked; a bound.
_CHANCE = 0.01
#: How far from a fit like any others' labels to that of most rows a part of the rows still is an honest one.
_HONEST = 0.75
#: Verified rows below which no part of them can tell.
_LEAST_ROWS = 40


@dataclass(frozen=True, kw_only=True)
class Disorder:
    """A run of rows whose verified labels fit neither the given labels nor what networks see.

    Args:
        first: its first row, in the order of the table.
        last: its last row.
    """

    first: int
    last: int


def find_disorder(*, labels: IntArray, given: IntArray, likeliest: IntArray) -> Disorder | None:
    """Find the run of rows whose verified labels fit their rows as those of any other rows do.

    A label fits its row where it is the given one, or what networks see: where many given labels are wrong in a row,
    networks see what was verified, and where networks know nothing, the given labels fit. Of each row is told how much
    likelier that is by chance than in a part of the table that fits rather badly. If no part fits worse, such ratios
    have a mean of at most 1, and of n rows one begins a run with a product above x with a probability of at most n / x
    (Ville's inequality).

    Args:
        labels: class index of each verified label, below 0 where there is none, shape [rows of the table].
        given: likewise of the given labels of these rows.
        likeliest: likewise of what networks see.

    Returns:
        None where there is no such run.
    """
    known = np.flatnonzero((labels >= 0) & (given >= 0) & (likeliest >= 0))
    if len(known) < _LEAST_ROWS:
        return None
    labels, given, likeliest = labels[known], given[known], likeliest[known]
    fits = (labels == given) | (labels == likeliest)
    shares = np.bincount(labels, minlength=1 + int(max(given.max(), likeliest.max()))) / len(labels)
    chance = float((shares[given] + np.where(given == likeliest, 0, shares[likeliest])).mean())
    first, last, _ = _run(fits, chance, float(fits.mean()))
    # the others tell how well labels fit
    others = np.delete(fits, slice(first, last + 1))
    if not len(others) or others.mean() <= chance:
        return None
    first, last, total = _run(fits, chance, float(others.mean()))
    enough = total > math.log(len(fits) / _CHANCE)
    return Disorder(first=int(known[first]), last=int(known[last])) if enough else None


def _run(fits: BoolArray, chance: float, usual: float) -> tuple[int, int, float]:
    """Find the run of rows that fits most like by chance: its first and last row, and the logarithm of the product."""
    edge = 1 / (len(fits) + 1) ** 2
    honest = min(chance + _HONEST * (usual - chance), 1 - edge)
    if not edge < chance < honest:
        return 0, len(fits) - 1, 0.0
    ratios: FloatArray = np.where(fits, math.log(chance / honest), math.log((1 - chance) / (1 - honest)))
    return greatest(ratios)


def disordered_labels(rows: ThreeLabels, order: IntArray, name: Callable[[int], str]) -> Notice | None:
    """Say so where a run of the verified labels belongs to other rows.

    Args:
        rows: of the dataset.
        order: those of a table of verified labels, as it has them, shape [rows of the table]; none where that is the
            order of the dataset.
        name: tells the sample id of a row.
    """
    order = order if len(order) else np.arange(len(rows.given))
    table = order[rows.known[order] & rows.verified[order]]
    run = find_disorder(labels=rows.trusted[table], given=rows.given[table], likeliest=rows.likeliest[table])
    if run is None:
        return None
    inside = table[run.first : run.last + 1]
    given, networks = (float((rows.trusted[inside] == part[inside]).mean()) for part in (rows.given, rows.likeliest))
    ends = [quoted(name(int(row))) for row in inside[[0, -1]]]
    return Notice(
        code=CODE,
        severity=Severity.VOID,
        message=f"Verified labels seem to have lost their rows from about {ends[0]} to {ends[1]}: {given:.0%} of these "
        f"{len(inside):,} are the given label, and {networks:.0%} what networks see, as if they were those of other "
        "rows. Most likely a part of the table was sorted, or filled in another order than its rows: look at these "
        "images again.",
    )
