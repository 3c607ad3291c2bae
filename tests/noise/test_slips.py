"""Verified labels that moved by a row in a part of their table are found; honest tables are left alone."""

from __future__ import annotations

import numpy as np
import pytest

from noisecleaner.arrays import Array, IntArray
from noisecleaner.noise.slips import FARTHEST, find_slip


def table(seed: int, *, rows: int = 200, classes: int = 10, noise: float = 0.2, order: str = "none") -> list[IntArray]:
    """True and given labels; `order` says what neighbouring rows have to do with each other."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, classes, rows)
    if order == "bursts":
        true = np.repeat(true, 4)[:rows]
    wrong = rng.random(rows) < noise
    if order == "a bad annotator":
        wrong |= (np.arange(rows) >= 0.8 * rows) & (rng.random(rows) < 0.9)
    given = np.where(wrong, (true + rng.integers(1, classes, rows)) % classes, true)
    by = {"true": true, "given": given}.get(order, np.zeros(rows))
    sequence = np.argsort(by, kind="stable")
    return [true[sequence], given[sequence]]


def moved(labels: Array, first: int, last: int, distance: int) -> Array:
    """Labels of which those from `first` to `last` stand `distance` rows above their own row."""
    slipped = labels.copy()
    slipped[first : last + 1] = np.roll(labels, -distance)[first : last + 1]
    return slipped


@pytest.mark.parametrize("distance", [1, -1, FARTHEST])
@pytest.mark.parametrize(("first", "last"), [(180, 199), (0, 39), (80, 109)])
def test_the_run_that_moved_is_named(first: int, last: int, distance: int) -> None:
    true, given = table(4)
    labels = moved(true, first, last, distance)
    slip = find_slip(labels=labels, given=given)
    assert slip is not None
    assert slip.distance == distance
    assert abs(slip.first - first) <= 8
    assert abs(slip.last - last) <= 8
    run = slice(slip.first, slip.last + 1)
    assert slip.own == pytest.approx((labels[run] == given[run]).mean())
    assert slip.own < 0.4
    assert slip.other > 0.7


def test_a_whole_table_that_moved_is_a_run() -> None:
    true, given = table(0)
    slip = find_slip(labels=np.roll(true, 1), given=given)
    assert slip is not None
    assert (slip.distance, slip.first, slip.last) == (-1, pytest.approx(0, abs=3), pytest.approx(199, abs=3))


def test_rows_between_that_nobody_verified_count_as_rows() -> None:
    true, given = table(0, rows=2000)
    labels = np.where(np.random.default_rng(1).random(2000) < 0.2, moved(true, 1000, 1999, 1), -1)
    slip = find_slip(labels=labels, given=given)
    assert slip is not None
    assert (slip.distance, abs(slip.first - 1000) < 30, slip.last > 1950) == (1, True, True)


@pytest.mark.parametrize("order", ["none", "true", "given", "bursts", "a bad annotator"])
@pytest.mark.parametrize(("classes", "noise"), [(2, 0.4), (4, 0.1), (10, 0.0), (10, 0.4), (60, 0.2)])
def test_honest_tables_are_left_alone(order: str, classes: int, noise: float) -> None:
    """Of 60 each; of 1,000 each at most 3 were called moved."""
    if order == "a bad annotator" and classes == 2:
        pytest.skip("of two classes nine tenths wrong is the other order of them")
    draws = (table(seed, classes=classes, noise=noise, order=order) for seed in range(60))
    assert sum(find_slip(labels=true, given=given) is not None for true, given in draws) == 0


@pytest.mark.parametrize(("rows", "least"), [(10, 0.5), (20, 0.9), (40, 0.99)])
def test_ten_rows_of_two_hundred_are_often_found_and_twenty_nearly_always(rows: int, least: float) -> None:
    found = 0
    for seed in range(100):
        true, given = table(seed)
        found += find_slip(labels=moved(true, 200 - rows, 199, -1), given=given) is not None
    assert found / 100 >= least


def test_few_rows_or_none_tell_nothing() -> None:
    nothing = np.full(50, -1)
    true, given = table(0, rows=19)
    assert find_slip(labels=np.roll(true, 1), given=given) is None
    assert find_slip(labels=nothing, given=nothing) is None
    assert find_slip(labels=np.empty(0, np.int64), given=np.empty(0, np.int64)) is None
