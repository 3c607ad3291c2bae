"""Intervals of differences, and the rows that would make one narrow enough."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noisecleaner.noise.estimate import wilson
from noisecleaner.noise.intervals import clears, difference, more_for_increase, more_for_limit
from noisecleaner.noise.rate import Rate


def sampled(events: int, size: int) -> Rate:
    """What a plain random sample tells."""
    return Rate.around(wilson(events / size, size=size), sample_size=size, events=events, method="wilson")


def test_the_interval_of_a_difference_is_newcombes() -> None:
    """Newcombe (1998), table II, method 10: 56/70 - 48/80 and 9/10 - 3/10."""
    few = difference(new=wilson(0.8, size=70), old=wilson(0.6, size=80))
    assert (few.low, few.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    fewer = difference(new=wilson(0.9, size=10), old=wilson(0.3, size=10))
    assert (fewer.low, fewer.high) == pytest.approx((0.1705, 0.8090), abs=5e-5)


@given(st.integers(1, 2000), st.floats(0, 1), st.floats(0, 1))
def test_the_number_of_rows_that_is_asked_for_would_be_enough(seen: int, share: float, limit: float) -> None:
    rate = sampled(round(share * seen), seen)
    assert rate.value is not None
    more = more_for_limit(rate, limit)
    if more is None:
        assert abs(rate.value - limit) < 1e-3
        return
    if rate.value == limit:  # 1, which no interval exceeds
        return
    least = 1.959963985**2 * limit * (1 - limit) / (rate.value - limit) ** 2  # Wilson's interval inverts this test
    assert seen + more == pytest.approx(max(least, seen + 1), rel=1e-6, abs=1.001)


@given(st.integers(1, 500), st.integers(1, 500), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_an_increase_can_always_be_decided_unless_it_is_the_limit(
    new: int, old: int, share: float, base: float, limit: float
) -> None:
    a, b = sampled(round(share * new), new), sampled(round(base * old), old)
    assert a.value is not None
    assert b.value is not None
    more = more_for_increase(new=a, old=b, limit=limit)
    assert more is not None or abs(a.value - b.value - limit) < 1e-3
    assert more is None or (more[0] >= 0 and more[1] >= 0 and sum(more) > 0)


def test_a_narrower_interval_asks_for_fewer_rows() -> None:
    plain = sampled(30, 300)
    assert plain.low is not None
    assert plain.high is not None
    narrow = replace(plain, low=0.1 - (0.1 - plain.low) / 2, high=0.1 + (plain.high - 0.1) / 2)
    wide, fewer = more_for_limit(plain, 0.11), more_for_limit(narrow, 0.11)
    assert wide is not None
    assert fewer is not None
    assert 300 + fewer == pytest.approx((300 + wide) / 4, abs=2)


@given(st.floats(0, 1), st.integers(1, 1000), st.floats(0, 1), st.integers(1, 1000))
def test_a_difference_the_other_way_round_is_its_mirror(share: float, size: int, base: float, other: int) -> None:
    new, old = wilson(share, size=size), wilson(base, size=other)
    there, back = difference(new=new, old=old), difference(new=old, old=new)
    assert there.low <= there.value <= there.high
    assert (back.value, back.low, back.high) == pytest.approx((-there.value, -there.high, -there.low))


@given(st.floats(0, 1), st.integers(1, 1000), st.floats(0, 1))
def test_an_interval_clears_a_limit_that_is_outside(share: float, size: int, limit: float) -> None:
    interval = wilson(share, size=size)
    assert clears(interval, limit) == (not interval.low <= limit < interval.high)
