"""Classes that verified labels call by other names are found, and honest labels are left alone, however noisy."""

from __future__ import annotations

import numpy as np
import pytest

from noisecleaner.arrays import Array
from noisecleaner.noise.cross_table import CrossTable
from noisecleaner.noise.exchanged import find_exchange, find_renaming


def drawn(seed: int, *, rows: int, classes: int, noise: float, kind: str = "any") -> tuple[Array, Array]:
    """True and given labels: wrong ones are any, or the next one, or only a third of the first class is the second."""
    rng = np.random.default_rng((seed, rows, classes))
    true = rng.integers(0, classes, rows)
    wrong = (rng.random(rows) < 1 / 3) & (true == 0) if kind == "third" else rng.random(rows) < noise
    away = rng.integers(1, classes, rows) if kind == "any" else 1
    return true, np.where(wrong, (true + away) % classes, true)


@pytest.mark.parametrize("classes", [2, 4, 10])
@pytest.mark.parametrize(
    ("kind", "noise"), [("any", 0.05), ("any", 0.2), ("any", 0.4), ("next", 0.2), ("next", 0.4), ("third", 0.0)]
)
def test_honest_labels_are_left_alone(classes: int, kind: str, noise: float) -> None:
    """Of 100 samples of each size."""
    for rows in (40, 200, 1000):
        for seed in range(100):
            table = CrossTable.of(*drawn(seed, rows=rows, classes=classes, noise=noise, kind=kind))
            assert find_exchange(table) is None
            assert find_renaming(table) is None


@pytest.mark.parametrize(
    ("rows", "classes", "noise", "least"), [(40, 4, 0.05, 0.85), (100, 4, 0.2, 0.97), (200, 10, 0.2, 0.95)]
)
def test_two_classes_that_changed_places_are_found(rows: int, classes: int, noise: float, least: float) -> None:
    """Of 100 samples."""
    swap = np.array([1, 0, *range(2, classes)])
    found = 0
    for seed in range(100):
        true, given = drawn(seed, rows=rows, classes=classes, noise=noise)
        exchange = find_exchange(CrossTable.of(swap[true], given))
        found += exchange is not None and set(exchange.stands_for) == {(0, 1), (1, 0)}
    assert found >= 100 * least


def test_a_ring_of_three_among_ten_is_found_with_its_shares() -> None:
    true, given = drawn(0, rows=300, classes=10, noise=0.1)
    labels = np.array([1, 2, 0, *range(3, 10)])[true]
    exchange = find_exchange(CrossTable.of(labels, given))
    assert exchange is not None
    assert sorted(exchange.stands_for) == [(0, 2), (1, 0), (2, 1)]
    rows = given < 3
    assert exchange.own == pytest.approx(np.mean(labels[rows] == given[rows]))
    assert exchange.other == pytest.approx(np.mean(true[rows] == given[rows]))


@pytest.mark.parametrize(
    ("rows", "classes", "noise", "least"), [(100, 4, 0.2, 0.9), (300, 10, 0.2, 0.9), (300, 10, 0.4, 0.6)]
)
def test_a_class_that_is_written_as_another_is_found(rows: int, classes: int, noise: float, least: float) -> None:
    """Of 100 samples."""
    found = 0
    for seed in range(100):
        true, given = drawn(seed, rows=rows, classes=classes, noise=noise)
        renaming = find_renaming(CrossTable.of(np.where(true == 0, 1, true), given))
        found += renaming is not None and (renaming.given, renaming.label) == (0, 1)
    assert found >= 100 * least


def test_rows_that_were_picked_because_they_are_wrong_are_no_exchange() -> None:
    true, given = drawn(0, rows=400, classes=4, noise=0.9)
    assert find_exchange(CrossTable.of(true, given)) is None


def test_without_rows_or_with_one_class_there_is_nothing_to_exchange() -> None:
    for rows in (0, 50):
        table = CrossTable.of(np.zeros(rows, np.int64), np.zeros(rows, np.int64))
        assert find_exchange(table) is None
        assert find_renaming(table) is None
