"""Intervals as a gate needs them: of a difference, and how many more audited rows would make one narrow enough."""

from __future__ import annotations

import math
from collections.abc import Callable

from noisecleaner.noise.estimate import OWN_PART, Stratum, wilson, wilson_of
from noisecleaner.noise.rate import Interval

#: Fewer rows do not move a rate that leans on other classes.
_FEW = 10


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


def more_for_limit(part: Stratum, limit: float) -> int | None:
    """Estimate how many more audited rows would decide whether a share is at most `limit`.

    The rate is taken to stay what it is; where there is none yet, it is taken to be 0, the easiest case. Once all rows
    are audited it is known.

    Args:
        part: the rows, and the share of wrong labels among them.
        limit: of that share.

    Returns:
        The number, at least 1; None where every row has been audited.
    """
    rate, value = part.rate, part.rate.value or 0.0
    more = _least(lambda rows: clears(_foreseen(part, value, rows), limit), rate.sample_size, part.rows)
    if more is None or rate.method != "small-area":
        return more
    return max(more, min(_FEW, part.rows - rate.sample_size))


def more_for_increase(*, new: Stratum, old: Stratum, limit: float) -> tuple[int, int] | None:
    """Estimate how many more audited rows would decide whether the noise rose by at most `limit`.

    Args:
        new: the rows of the new run, and the share of wrong labels among them.
        old: those of the old one.
        limit: of the difference.

    Returns:
        The numbers for the new and the old run: (n, 0) if rows of the new one alone would do, else such that as many
        rows are audited in both, or all; None if no number would do.
    """
    rates = new.rate, old.rate
    value = rates[0].value if rates[0].value is not None else rates[1].value or 0.0
    base = rates[1].value if rates[1].value is not None else value
    known, seen = rates[1].interval, (rates[0].sample_size, rates[1].sample_size)
    if known is not None:
        alone = _least(
            lambda rows: clears(difference(new=_foreseen(new, value, rows), old=known), limit), seen[0], new.rows
        )
        if alone is not None:
            return alone, 0

    def enough(rows: int) -> bool:
        return clears(difference(new=_foreseen(new, value, rows), old=_foreseen(old, base, rows)), limit)

    both = _least(enough, min(seen), max(new.rows, old.rows))
    if both is None:
        return None
    rows = min(seen) + both
    return max(min(rows, new.rows) - seen[0], 0), max(min(rows, old.rows) - seen[1], 0)


def _least(enough: Callable[[int], bool], audited: int, most: int) -> int | None:
    """Find the least number of rows, on top of the audited ones and at most all, that is enough."""
    low, high = audited, most
    if high <= low or not enough(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high - audited


def _foreseen(part: Stratum, value: float, rows: int) -> Interval:
    """The interval around a value on so many audited rows, narrowed as the rate's is, whatever made it.

    Fewer rows than are audited already, or more than there are, are taken for as many.
    """
    seen, interval, gain = part.rate.sample_size, part.rate.interval, 1.0
    rows = min(max(rows, seen), part.rows)
    if rows == part.rows:
        return wilson_of(value, sample=rows, rows=rows)
    if interval is not None and seen and interval.high > interval.low:
        if part.rate.method == "small-area":
            return _shrunk(interval, value, part=part, rows=rows)
        plain = wilson_of(interval.value, sample=seen, rows=part.rows)
        gain = ((plain.high - plain.low) / (interval.high - interval.low)) ** 2
    left = 1 - rows / part.rows
    return wilson_of(value, sample=_part(rows * gain / left, part.rows), rows=part.rows)


def _shrunk(interval: Interval, value: float, *, part: Stratum, rows: int) -> Interval:
    """Shrink both sides of an interval, of whatever shape, with the square root of the rows.

    It holds the central part of what these rows say for themselves, as `small_areas.lean` sees to.
    """
    seen = part.rate.sample_size
    shrinks = math.sqrt(seen / rows * (part.rows - rows) / (part.rows - seen))
    own = wilson(value, size=rows, confidence=OWN_PART)
    low = min(value - (interval.value - interval.low) * shrinks, own.low)
    high = max(value + (interval.high - interval.value) * shrinks, own.high)
    return Interval(value=value, low=max(low, 0.0), high=min(high, 1.0))


def _part(size: float, rows: int) -> float:
    """The sample of some rows that tells as much as one of this size of endlessly many."""
    return size / (1 + size / rows)
