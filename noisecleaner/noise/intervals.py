"""Intervals as a gate needs them: of a difference, and how many more audited rows would make one narrow enough."""

from __future__ import annotations

import math
from collections.abc import Callable

from noisecleaner.noise.estimate import wilson
from noisecleaner.noise.rate import Interval, Rate

_MOST = 10**9  # audited rows; whoever is told to verify more cannot


def difference(*, new: Interval, old: Interval) -> Interval:
    """Interval of the difference of two independent shares (Newcombe, 1998, method 10: MOVER with their intervals).

    Args:
        new: a share.
        old: what is taken off.
    """
    value = new.value - old.value
    below = math.hypot(new.value - new.low, old.high - old.value)
    above = math.hypot(new.high - new.value, old.value - old.low)
    return Interval(value=value, low=value - below, high=value + above)


def clears(interval: Interval, limit: float) -> bool:
    """Whether an interval lies on one side of an upper limit: at or below it, or above."""
    return interval.high <= limit or interval.low > limit


def more_for_limit(rate: Rate, limit: float) -> int | None:
    """Estimate how many more audited rows would decide whether a share is at most `limit`.

    The rate is taken to stay what it is; where there is none yet, it is taken to be 0, the easiest case.

    Returns:
        The number, at least 1; None if none would do, as when the rate is the limit.
    """
    value = rate.value or 0.0
    return _least(lambda rows: clears(_foreseen(rate, value, rows), limit), rate.sample_size)


def more_for_increase(*, new: Rate, old: Rate, limit: float) -> tuple[int, int] | None:
    """Estimate how many more audited rows would decide whether the noise rose by at most `limit`.

    Returns:
        The numbers for the new and the old run: (n, 0) if rows of the new one alone would do, else equally many
        audited rows in both; None if no number would do.
    """
    value = new.value if new.value is not None else old.value or 0.0
    base = old.value if old.value is not None else value
    known = old.interval
    if known is not None:
        alone = _least(
            lambda rows: clears(difference(new=_foreseen(new, value, rows), old=known), limit), new.sample_size
        )
        if alone is not None:
            return alone, 0
    most = max(new.sample_size, old.sample_size)
    both = _least(
        lambda rows: clears(difference(new=_foreseen(new, value, rows), old=_foreseen(old, base, rows)), limit), most
    )
    return None if both is None else (most + both - new.sample_size, most + both - old.sample_size)


def _least(enough: Callable[[int], bool], audited: int) -> int | None:
    """Find the least number of rows, on top of the audited ones, that is enough."""
    low, high = audited, _MOST
    if not enough(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return max(high - audited, 1)


def _foreseen(rate: Rate, value: float, rows: int) -> Interval:
    """Wilson's interval around a value on so many audited rows, narrowed as the rate's is, whatever made it."""
    gain, interval = 1.0, rate.interval
    if interval is not None and rate.sample_size and interval.high > interval.low:
        plain = wilson(interval.value, size=rate.sample_size)
        gain = ((plain.high - plain.low) / (interval.high - interval.low)) ** 2
    return wilson(value, size=rows * gain)
