"""A threshold for a goal: a precision or an effective noise that is guaranteed, or a number of rows to look at."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

from noisecleaner.arrays import FloatArray
from noisecleaner.errors import NoisecleanerError
from noisecleaner.noise.cuts import Cut

#: Errors that the first set of each sequence may hold.
_STARTS = (0, 2, 6, 15)
_SETS = 100
_MOST = 1e8  # verified rows; whoever is told to verify more cannot


class TooFewVerifiedError(NoisecleanerError):
    """More verified rows are needed before there is an answer; the command line exits with 3."""

    exit_code = 3


@dataclass(frozen=True)
class Goal:
    """What a threshold shall reach.

    Args:
        kind: `precision` of the flagged rows at least `value`, effective `noise` of the kept rows at most `value`, or
            a `budget` of at most `value` flagged rows.
        value: in (0, 1), or a number of rows.
        confidence: with which precision or noise shall hold, in (0, 1).

    Raises:
        NoisecleanerError: a number is out of range.
    """

    kind: Literal["precision", "noise", "budget"]
    value: float
    confidence: float = 0.9

    def __post_init__(self) -> None:
        option = "--budget" if self.kind == "budget" else f"--target-{self.kind}"
        if self.kind == "budget" and self.value < 1:
            raise NoisecleanerError(f"{option} takes a number of rows, but it is {self.value:g}.", f"Try {option} 100.")
        if self.kind != "budget" and not 0 < self.value < 1:
            raise NoisecleanerError(
                f"{option} must lie between 0 and 1, but it is {self.value:g}.", f"Try {option} 0.1."
            )
        if not 0 < self.confidence < 1:
            raise NoisecleanerError(
                f"--confidence must lie between 0 and 1, but it is {self.confidence:g}.", "The default is 0.9."
            )

    @property
    def limit(self) -> float:
        """Share of rows that may be there wrongly: right labels among the flagged, or wrong ones among the kept."""
        return 1 - self.value if self.kind == "precision" else self.value


def choose(goal: Goal, cut: Cut) -> float:
    """Choose the threshold that reaches a goal and flags most rows (precision) or keeps most (noise).

    Guarantees are those of fixed-sequence testing ("Learn then test", Angelopoulos et al., 2021): sets grow from the
    certain end of the ranking, each is tested by the exact binomial test, and a sequence ends at the first set that
    does not pass. The sequences, which start at sets of different sizes, share the error probability (Bonferroni).

    Args:
        goal: what shall be reached.
        cut: the rows in the order of the column that is cut.

    Raises:
        TooFewVerifiedError: these verified rows cannot tell, or the ranking does not reach it.
    """
    if not len(cut.values):
        raise NoisecleanerError("A threshold needs rows with a score, but no row has one.", "Score other rows.")
    if goal.kind == "budget":
        place = min(int(goal.value), len(cut.values) - 1)
        beyond = goal.value >= len(cut.values)
        return math.nextafter(float(cut.values[place]), math.inf) if beyond else float(cut.values[place])
    sets = _sets(goal, cut)
    reached = _reached(goal, sets)
    if reached is None:
        raise _too_few(goal, sets, len(cut.audit), len(cut.values))
    return float(sets.thresholds[reached])


@dataclass(frozen=True)
class _Sets:
    """Sets of rows that grow from the certain end; every array has the shape [sets].

    Args:
        thresholds: where each ends.
        shares: its part of all rows.
        sizes: verified rows in it; where they stand for unequal parts, their effective number.
        errors: how many of these are there wrongly.
        expected: share of rows that are there wrongly, as the scores expect it.
    """

    thresholds: FloatArray
    shares: FloatArray
    sizes: FloatArray
    errors: FloatArray
    expected: FloatArray


def _sets(goal: Goal, cut: Cut) -> _Sets:
    shares = np.arange(1, _SETS + 1) / _SETS
    count = len(cut.values)
    if goal.kind == "precision":
        places = np.minimum(np.ceil(shares * count).astype(int), count - 1)
        thresholds = cut.values[places]
    else:
        thresholds = cut.values[np.maximum(count - np.ceil(shares * count).astype(int), 0)]
    found = [_inside(goal, cut, float(threshold)) for threshold in thresholds]
    sizes, errors, expected = np.array(found).T
    return _Sets(thresholds, shares, sizes, errors, expected)


def _inside(goal: Goal, cut: Cut, threshold: float) -> tuple[float, float, float]:
    """Return effective size, errors and expected share of errors of one set."""
    flagged = goal.kind == "precision"
    below = cut.judged < threshold
    audit = cut.audit.only(below if flagged else ~below)
    expected = cut.expected(threshold)[0 if flagged else 1]
    wrong, size = audit.share() if len(audit) else (0.0, 0.0)
    errors = size - size * wrong if flagged else size * wrong
    share = errors / size if size else math.nan
    if expected is not None:
        share = 1 - expected if flagged else expected
    return size, errors, share


def _reached(goal: Goal, sets: _Sets) -> int | None:
    """Find the largest set that a sequence of passed tests leads to."""
    level = (1 - goal.confidence) / len(_STARTS)
    passes = _p_values(sets.sizes, sets.errors, goal.limit) <= level
    best = None
    for allowed in _STARTS:
        testable = np.flatnonzero(_p_values(sets.sizes, np.full(_SETS, float(allowed)), goal.limit) <= level)
        if not len(testable) or not passes[testable[0]]:
            continue
        failed = np.flatnonzero(~passes[testable[0] :])
        last = testable[0] + (failed[0] if len(failed) else _SETS - testable[0]) - 1
        best = last if best is None else max(best, last)
    return None if best is None else int(best)


def _p_values(sizes: FloatArray, errors: FloatArray, limit: float) -> FloatArray:
    """Probability of at most so many errors where their share is the limit (binomial, continued to real numbers)."""
    return np.where(errors < sizes, special.betainc(np.maximum(sizes - errors, 1e-9), errors + 1, 1 - limit), 1.0)


def _too_few(goal: Goal, sets: _Sets, verified: int, rows: int) -> TooFewVerifiedError:
    asked = f"A precision of {goal.value:g}" if goal.kind == "precision" else f"An effective noise of {goal.value:g}"
    found = f"{asked} cannot be guaranteed with {goal.confidence:.0%} confidence by {verified:,} verified rows"
    less = f"Ask for less, or look at a number of rows: --budget {max(100, verified)}."
    if np.isnan(sets.expected).all():
        return TooFewVerifiedError(f"{found}: none of them can judge this ranking.", less)
    needed = _needed(goal, sets)
    if needed is None:
        reachable = np.nanmin(sets.expected)
        best = 1 - reachable if goal.kind == "precision" else reachable
        return TooFewVerifiedError(
            f"{found}, and more of them would not help: this ranking reaches about {best:.3f} at best.", less
        )
    if needed > rows:
        return TooFewVerifiedError(f"{found}: it would take about {needed:,}, and there are {rows:,} rows.", less)
    more = max(needed - verified, 1)
    return TooFewVerifiedError(
        f"{found}: about {more:,} more are needed.",
        f"Draw them with noisecleaner plan RUN --n {more} --out verify.parquet, or ask for less.",
    )


def _needed(goal: Goal, sets: _Sets) -> int | None:
    """Find the number of verified rows with which some set would pass with the errors expected of it."""
    level = (1 - goal.confidence) / len(_STARTS)

    def enough(rows: float) -> bool:
        sizes = rows * sets.shares
        return bool((_p_values(sizes, sizes * sets.expected, goal.limit) <= level).any())

    few, many = 1.0, _MOST
    if not enough(many):
        return None
    while many - few > 1:
        middle = (few + many) / 2
        few, many = (few, middle) if enough(middle) else (middle, many)
    return math.ceil(many)
