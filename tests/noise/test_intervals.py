"""Intervals of differences, and the rows that would make one narrow enough."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noisecleaner.noise.estimate import Stratum, wilson, wilson_of
from noisecleaner.noise.intervals import clears, difference, more_for_increase, more_for_limit
from noisecleaner.noise.rate import Interval, Rate


def test_the_interval_of_a_difference_is_newcombes() -> None:
    """Newcombe (1998), table II, method 10: 56/70 - 48/80 and 9/10 - 3/10."""
    few = difference(new=wilson(0.8, size=70), old=wilson(0.6, size=80))
    assert (few.low, few.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    fewer = difference(new=wilson(0.9, size=10), old=wilson(0.3, size=10))
    assert (fewer.low, fewer.high) == pytest.approx((0.1705, 0.8090), abs=5e-5)


def part(events: int, size: int, rows: int) -> Stratum:
    """What a plain random sample of some rows tells of all of them."""
    interval = wilson_of(events / size, sample=size, rows=rows)
    return Stratum(Rate.around(interval, sample_size=size, events=events, method="wilson"), rows)


@given(st.integers(1, 2000), st.integers(1, 2000), st.floats(0, 1), st.floats(0, 1))
def test_the_number_of_rows_that_is_asked_for_would_be_enough(
    seen: int, unseen: int, share: float, limit: float
) -> None:
    rows = seen + unseen
    known = part(round(share * seen), seen, rows)
    assert known.rate.value is not None
    assert known.rate.interval is not None
    more = more_for_limit(known, limit)
    assert more is not None  # all of them settle it
    assert 1 <= more <= unseen
    if not clears(known.rate.interval, limit) and more < unseen:
        after = [wilson_of(known.rate.value, sample=seen + count, rows=rows) for count in (more, more - 1)]
        assert clears(after[0], limit)
        assert not clears(after[1], limit)


def test_where_hardly_a_row_is_left_no_more_than_those_are_asked_for() -> None:
    assert more_for_limit(part(49, 243, 300), 0.2) == 57
    assert more_for_limit(part(60, 300, 300), 0.2) is None


def test_of_endlessly_many_rows_wilsons_interval_tells_how_many_to_verify() -> None:
    least = 1.959963985**2 * 0.12 * 0.88 / 0.02**2  # Wilson's interval inverts this test
    assert more_for_limit(part(30, 300, 10**8), 0.12) == pytest.approx(least - 300, abs=1)


@given(st.integers(1, 500), st.integers(1, 500), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_an_increase_can_always_be_decided(new: int, old: int, share: float, base: float, limit: float) -> None:
    a, b = part(round(share * new), new, 1000), part(round(base * old), old, 700)
    more = more_for_increase(new=a, old=b, limit=limit)
    assert more is not None
    assert sum(more) > 0
    assert 0 <= more[0] <= 1000 - new
    assert 0 <= more[1] <= 700 - old


def test_a_narrower_interval_asks_for_fewer_rows() -> None:
    plain = part(30, 300, 10**8)
    low, high = plain.rate.low, plain.rate.high
    assert low is not None
    assert high is not None
    narrow = replace(plain.rate, low=0.1 - (0.1 - low) / 2, high=0.1 + (high - 0.1) / 2)
    wide, fewer = more_for_limit(plain, 0.11), more_for_limit(Stratum(narrow, plain.rows), 0.11)
    assert wide is not None
    assert fewer is not None
    assert 300 + fewer == pytest.approx((300 + wide) / 4, abs=2)


def leaning(low: float, value: float, high: float, *, size: int, rows: int) -> Stratum:
    """A class that leans on the scores: its interval has a shape of its own."""
    interval = Interval(value=value, low=low, high=high)
    return Stratum(Rate.around(interval, sample_size=size, events=0, method="small-area"), rows)


def test_an_interval_that_is_not_wilsons_shrinks_with_the_square_root_of_the_rows_towards_the_limit() -> None:
    """Wilson's of the same width would end at 11 % already, and ask for one more row."""
    more = more_for_limit(leaning(0.05, 0.06, 0.135, size=100, rows=10**8), 0.11)
    assert more == pytest.approx(100 * (0.075 / 0.05) ** 2 - 100, abs=1)
    half = more_for_limit(leaning(0.05, 0.06, 0.135, size=100, rows=200), 0.11)
    assert half is not None
    assert half < 56  # n / (1 - n / 200) is 450 where n is 138
    assert 100 + half == pytest.approx(450 / (1 + 450 / 200), abs=1)


def test_a_class_that_leans_on_others_needs_rows_of_its_own() -> None:
    few = more_for_limit(leaning(0.0, 0.001, 0.051, size=2, rows=5000), 0.05)
    assert few is not None
    assert few >= 10  # a single row would not move it
    assert more_for_limit(leaning(0.0, 0.001, 0.051, size=2, rows=6), 0.05) == 4


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
