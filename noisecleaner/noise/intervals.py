"""Intervals as a gate needs them: of a difference, and how many more audited rows would make one narrow enough."""

from __future__ import annotations

import math
from collections.abc import Callable

from noisecleaner.noise.estimate import wilson
from noisecleaner.runs.scored_run import Measured

Interval = tuple[float, float, float]  # value, low, high
_MOST = 10**9  # audited rows; whoever is told to verify more cannot


def difference(new: Interval, old: Interval) -> Interval:
    """Interval of the difference of two independent shares (Newcombe, 1998, method 10: MOVER with their intervals).

    Args:
        new: value, low and high.
        old: what is taken off, likewise.
    """
    (p1, low1, high1), (p0, low0, high0) = new, old
    d = p1 - p0
    return d, d - math.hypot(p1 - low1, high0 - p0), d + math.hypot(high1 - p1, p0 - low0)


def clears(interval: Interval, limit: float) -> bool:
    """Whether an interval lies on one side of an upper limit: at or below it, or above."""
    _, low, high = interval
    return high <= limit or low > limit


def more_for_limit(measured: Measured, limit: float) -> int | None:
    """Estimate how many more audited rows would decide whether a share is at most `limit`.

    The rate is taken to stay what it is; where there is none yet, it is taken to be 0, the easiest case.

    Returns:
        The number, at least 1; None if none would do, as when the rate is the limit.
    """
    return _least(lambda n: clears(_foreseen(measured, measured.rate or 0.0, n), limit), measured.audited)


def more_for_increase(new: Measured, old: Measured, limit: float) -> tuple[int, int] | None:
    """Estimate how many more audited rows would decide whether the noise rose by at most `limit`.

    Returns:
        The numbers for the new and the old run: (n, 0) if rows of the new one alone would do, else equally many
        audited rows in both; None if no number would do.
    """
    p1 = new.rate if new.rate is not None else old.rate or 0.0
    p0 = old.rate if old.rate is not None else p1
    known = old.interval
    if known is not None:
        alone = _least(lambda n: clears(difference(_foreseen(new, p1, n), known), limit), new.audited)
        if alone is not None:
            return alone, 0
    most = max(new.audited, old.audited)
    both = _least(lambda n: clears(difference(_foreseen(new, p1, n), _foreseen(old, p0, n)), limit), most)
    return None if both is None else (most + both - new.audited, most + both - old.audited)


def _least(enough: Callable[[int], bool], audited: int) -> int | None:
    """Find the least number of rows, on top of the audited ones, that is enough."""
    low, high = audited, _MOST
    if not enough(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return max(high - audited, 1)


def _foreseen(measured: Measured, rate: float, audited: int) -> Interval:
    """Wilson's interval around a rate on so many audited rows, narrowed as the measured one is, whatever made it."""
    gain = 1.0
    if measured.interval is not None and measured.audited:
        value, low, high = measured.interval
        plain = wilson(value, measured.audited)
        gain = ((plain[1] - plain[0]) / (high - low)) ** 2 if high > low else 1.0
    return rate, *wilson(rate, audited * gain)
