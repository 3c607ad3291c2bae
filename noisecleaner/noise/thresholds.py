"""A threshold for a goal: a precision or an effective noise that is guaranteed, or a number of rows to look at."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from noisecleaner.arrays import BoolArray, FloatArray
from noisecleaner.errors import NoisecleanerError, quoted
from noisecleaner.noise.cuts import Cut
from noisecleaner.noise.goal import BY_PROBABILITY, Goal
from noisecleaner.noise.needed import Draws, Growth, p_values
from noisecleaner.noise.posterior import best_f1, least_cost
from noisecleaner.notices import Notice, Severity
from noisecleaner.texts import agreeing, counted

#: Errors that the first set of each sequence may hold.
_STARTS = (0, 2, 6, 15)
_SETS = 100
#: Ways to make label quality that make it a probability, see `QualityModel.method`.
CALIBRATED = frozenset({"audited", "planted"})
_COUNT = "A number of rows can be flagged without a guarantee: `Goal('budget', 100)`."


class TooFewVerifiedError(NoisecleanerError):
    """More verified rows are needed before there is an answer; the command line exits with 3.

    Attributes:
        written: where scores were written all the same, with the default threshold; None where nothing was written.
    """

    exit_code = 3
    written: Path | None = None

    def after_writing(self, out: Path, *, threshold: float) -> TooFewVerifiedError:
        """Return the same, which also says where scores were written, and with which threshold."""
        told = f"The scores were written to {quoted(out)} all the same, with `threshold={threshold:g}` in its place."
        error = TooFewVerifiedError(f"{self.message} {told}", self.hint)
        error.written = out
        return error


@dataclass(frozen=True, kw_only=True)
class NextPlan:
    """What draws more rows to verify, as a hint names it.

    Args:
        run: the directory with the scores; None in a library call, which knows it.
        out: the table to fill in, which is not there yet.
    """

    run: Path | None = None
    out: Path = Path("verify.parquet")

    def call(self, count: int) -> str:
        """Write the call, in backticks."""
        return f"`plan({'RUN' if self.run is None else repr(str(self.run))}, count={count}, out={str(self.out)!r})`"


def refuse_unmeasured(goal: Goal, notices: Iterable[Notice]) -> None:
    """Refuse a goal that only a sample could guarantee, where the verified rows are none.

    Args:
        goal: what shall be reached.
        notices: what is known of the verified rows.

    Raises:
        TooFewVerifiedError: tells why.
    """
    for notice in notices:
        if notice.severity is Severity.VOID and goal.kind != "budget":
            why = "cannot be told" if goal.kind in BY_PROBABILITY else "cannot be guaranteed"
            raise TooFewVerifiedError(f"{goal.words} {why}. {notice.message}", _COUNT)


def refuse_uncalibrated(goal: Goal, model: str) -> None:
    """Refuse a goal that takes label quality for a probability, where nothing has made it one.

    Args:
        goal: what shall be reached.
        model: how label quality was made, see `QualityModel.method`.

    Raises:
        TooFewVerifiedError: tells why.
    """
    if goal.kind in BY_PROBABILITY and model not in CALIBRATED:
        raise TooFewVerifiedError(
            f"{goal.words} needs label quality that is calibrated, but here it is what the network says, because too "
            "few rows with wrong or right labels were verified, or the network has trained on those that were.",
            "Verify more rows, drawn at random, and fit with them. " + _COUNT,
        )


def choose(goal: Goal, cut: Cut, plan: NextPlan | None = None) -> float:
    """Choose the threshold that reaches a goal and flags most rows (precision) or keeps most (noise).

    Guarantees are those of fixed-sequence testing ("Learn then test", Angelopoulos et al., 2021): sets grow from the
    certain end of the ranking, each is tested by the exact binomial test, and a sequence ends at the first set that
    does not pass. The sequences, which start at sets of different sizes, share the error probability (Bonferroni).

    Args:
        goal: what shall be reached.
        cut: the rows in the order of the column that is cut; of label quality, where the goal is `BY_PROBABILITY`.
        plan: what draws more rows, for the hint.

    Raises:
        TooFewVerifiedError: these verified rows cannot tell, or the ranking does not reach it.
    """
    if not len(cut.values):
        raise NoisecleanerError("A threshold needs rows with a score, but no row has one.", "Score other rows.")
    if goal.kind == "budget":
        place = min(int(goal.value), len(cut.values) - 1)
        beyond = goal.value >= len(cut.values)
        return math.nextafter(float(cut.values[place]), math.inf) if beyond else float(cut.values[place])
    if goal.kind in BY_PROBABILITY:
        return best_f1(cut.values) if goal.kind == "f1" else least_cost(goal.value)
    sets = _sets(goal, cut)
    reached = _reached(goal, sets)
    if reached is None:
        raise _too_few(goal, sets, cut, plan or NextPlan())
    return float(sets.thresholds[reached])


@dataclass(frozen=True, kw_only=True)
class _Sets:
    """Sets of rows that grow from the certain end; every array has the shape [sets].

    Args:
        thresholds: where each ends.
        shares: its part of all rows.
        sizes: verified rows in it; where they stand for unequal parts, their effective number.
        errors: how many of these are there wrongly.
        expected: share of rows that are there wrongly, as the scores expect it.
        counted: whether every row of it was verified, so that nothing is left to test.
        limit: share of rows that may be there wrongly.
    """

    thresholds: FloatArray
    shares: FloatArray
    sizes: FloatArray
    errors: FloatArray
    expected: FloatArray
    counted: BoolArray
    limit: float

    def passes(self, goal: Goal) -> BoolArray:
        """Which of them reach a goal, by the test or by counting."""
        tested = p_values(sizes=self.sizes, errors=self.errors, limit=self.limit) <= _level(goal)
        return np.where(self.counted, self.errors <= self.limit * self.sizes, tested)

    def growth(self, goal: Goal, cut: Cut) -> Growth:
        """What more verified rows would do."""
        draws = Draws(
            expected=cut.each_expected if goal.kind == "precision" else cut.each_expected[::-1],
            verified=len(cut.audit),
            planned=len(cut.audit) > 0 and float(np.ptp(cut.audit.probability)) > 0,
            shares=self.shares,
        )
        return Growth(
            sizes=self.sizes,
            errors=self.errors,
            expected=self.expected,
            draws=draws,
            limit=self.limit,
            level=_level(goal),
            starts=_STARTS,
        )


def _sets(goal: Goal, cut: Cut) -> _Sets:
    shares = np.arange(1, _SETS + 1) / _SETS
    count = len(cut.values)
    rows = np.ceil(shares * count).astype(int)
    ends = np.minimum(rows, count - 1) if goal.kind == "precision" else np.maximum(count - rows, 0)
    thresholds = cut.values[ends].astype(np.float64)
    inside = [_inside(goal, cut, float(threshold)) for threshold in thresholds]
    sizes, errors, expected, counted = np.array(inside).T
    return _Sets(
        thresholds=thresholds,
        shares=shares,
        sizes=sizes,
        errors=errors,
        expected=expected,
        counted=counted > 0,
        limit=_limit(goal, cut),
    )


def _limit(goal: Goal, cut: Cut) -> float:
    """Ask for more where verifiers err: what they call right may be wrong, or the other way round."""
    if cut.verifiers is None:
        return goal.limit
    worst = cut.verifiers.wrong if goal.kind == "precision" else cut.verifiers.misses
    return goal.limit * (1 - worst.high)


class _Inside(NamedTuple):
    """What is in one set, see `_Sets`."""

    size: float
    errors: float
    expected: float
    counted: bool


def _inside(goal: Goal, cut: Cut, threshold: float) -> _Inside:
    audit, expected = goal.side(cut.audits(threshold)), goal.side(cut.expected(threshold))
    if not len(audit):
        return _Inside(0.0, 0.0, math.nan if expected is None else goal.wrongly(expected), False)
    wrong, size = audit.share()
    errors = size - size * wrong if goal.kind == "precision" else size * wrong
    counted = bool((audit.probability >= 1).all()) and len(audit) == goal.side(cut.rows(threshold))
    return _Inside(size, errors, errors / size if expected is None else goal.wrongly(expected), counted)


def _reached(goal: Goal, sets: _Sets) -> int | None:
    """Find the largest set that a sequence of passed tests leads to."""
    level = _level(goal)
    passes, best = sets.passes(goal), None
    if sets.counted.all():
        reached = np.flatnonzero(passes)
        return int(reached[-1]) if len(reached) else None
    for allowed in _STARTS:
        testable = np.flatnonzero(p_values(sizes=sets.sizes, errors=allowed, limit=sets.limit) <= level)
        if not len(testable) or not passes[testable[0]]:
            continue
        failed = np.flatnonzero(~passes[testable[0] :])
        last = testable[0] + (failed[0] if len(failed) else _SETS - testable[0]) - 1
        best = last if best is None else max(best, last)
    return None if best is None else int(best)


def _level(goal: Goal) -> float:
    """The error probability of each sequence (Bonferroni)."""
    return (1 - goal.confidence) / len(_STARTS)


def _too_few(goal: Goal, sets: _Sets, cut: Cut, plan: NextPlan) -> TooFewVerifiedError:
    """Say how many more verified rows it takes, or that they would not help."""
    verified, rows = len(cut.audit), len(cut.values)
    asked = f"{goal.words} cannot be guaranteed with {goal.confidence:.0%} confidence by "
    asked += counted(verified, "verified row")
    left = rows - verified
    less = "Ask for less, or have a number of rows flagged, the most suspicious first, without a guarantee: "
    less += f"`Goal('budget', {max(1, min(100, rows))})`."
    if not verified:
        draw = f"Draw some with {plan.call(min(300, rows))} and verify them. {_COUNT}"
        return TooFewVerifiedError(f"{asked}: nobody has verified rows that may judge.", draw)
    if np.isnan(sets.expected).all():
        return TooFewVerifiedError(f"{asked}: none of them can judge this ranking.", less)
    if not left:
        return TooFewVerifiedError(f"{goal.words} is not reached: every row is verified, and no cut is so good.", less)
    growth = sets.growth(goal, cut)
    needed = growth.needed()
    if needed is None:
        best = goal.wrongly(float(np.nanmin(sets.expected)))
        return TooFewVerifiedError(
            f"{asked}, and more of them would not help: this ranking reaches about {best:.3f} at best.", less
        )
    more = min(needed, left)
    every = f"verifying {agreeing(left, 'the 1 row', f'all {left:,} rows')} that {agreeing(left)} left settles it"
    return TooFewVerifiedError(
        f"{asked}: {every}." if more == left else f"{asked}: about {more:,} more {agreeing(more)} needed.",
        f"Draw them with {plan.call(more)}, or ask for less.",
    )
