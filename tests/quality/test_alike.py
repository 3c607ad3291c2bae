"""Which rows hold the same, for every kind of array; and which have a neighbour that stands out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from noisecleaner.quality.alike import identical, nearest


def by_bytes(array: np.ndarray, rows: np.ndarray) -> list[int]:
    """The first row of the same bytes, found the slow way."""
    first: dict[bytes, int] = {}
    return [first.setdefault(array[row].tobytes(), int(row)) for row in rows]


@given(
    rows=st.lists(st.lists(st.integers(0, 1), min_size=3, max_size=3), min_size=1, max_size=30),
    kind=st.sampled_from(["u1", "i2", "f2", "f4", "f8"]),
    left_out=st.integers(0, 3),
)
def test_rows_that_hold_the_same_are_found_bit_by_bit(rows: list[list[int]], kind: str, left_out: int) -> None:
    array = np.array(rows, dtype=kind)
    counted = np.arange(len(array))[left_out:]
    assert identical(array, counted).tolist() == by_bytes(array, counted)


@pytest.mark.parametrize("shape", [(8, 8, 3), (5, 5, 3), (1,), (1280,)])
def test_images_and_vectors_of_any_length_are_compared(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    array = rng.integers(0, 255, (3000, *shape)).astype(np.uint8) if len(shape) > 1 else rng.normal(size=(3000, *shape))
    array[2500:2600] = array[100:200]
    found = identical(array, np.arange(3000))
    assert np.array_equal(found[2500:2600], np.arange(100, 200))
    assert (found != np.arange(3000)).sum() == 100


def test_rows_with_one_hash_that_differ_are_told_apart() -> None:
    """The highest bits of two words, in which the hash cannot tell which of them has changed."""
    array = np.zeros((2, 2), dtype=np.uint64)
    array[1] = 1 << 63
    assert identical(array, np.arange(2)).tolist() == [0, 1]


def test_an_array_in_a_file_is_read_a_part_at_a_time() -> None:
    array = np.zeros((3, 2**22), dtype=np.float32)  # each row is longer than what is compared at once
    array[1, -1] = 1
    assert identical(array, np.arange(3)).tolist() == [0, 1, 0]


def test_no_rows_are_alike_where_there_are_none() -> None:
    assert identical(np.zeros((3, 2)), np.empty(0, np.int64)).tolist() == []
    assert len(nearest(np.zeros((3, 2)), np.empty(0, np.int64)).rows) == 0


def test_a_row_that_is_nearly_another_one_stands_out() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(500, 200)).astype(np.float16)
    features[499] = features[7] + 0.3 * rng.normal(size=200)
    features[498] = features[8] + 2.0 * rng.normal(size=200)  # a cosine of 0.45
    found = nearest(features, np.arange(500))
    assert sorted(zip(found.rows.tolist(), found.nearest.tolist(), strict=True)) == [(7, 499), (499, 7)]
    assert not set(found.usual.tolist()) & {7, 499}


def test_rows_that_do_not_count_are_nobodys_neighbours() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(300, 200))
    features[299] = features[7] + 0.3 * rng.normal(size=200)
    assert len(nearest(features, np.delete(np.arange(300), 7)).rows) == 0


def test_where_all_rows_lie_close_none_stands_out() -> None:
    """Ten tight clusters: the nearest row has a cosine above 0.99, and so have many others."""
    rng = np.random.default_rng(0)
    features = 10 * rng.normal(size=(10, 100))[np.arange(400) % 10] + 0.2 * rng.normal(size=(400, 100))
    assert len(nearest(features, np.arange(400)).rows) == 0


def test_one_rare_feature_makes_no_two_rows_alike() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(1000, 100))
    features[:, 0] = 0
    features[[3, 900], 0] = 50
    assert len(nearest(features, np.arange(1000)).rows) == 0


def test_features_that_never_change_do_not_count() -> None:
    rng = np.random.default_rng(0)
    features = np.ones((100, 200))
    features[:, :100] = rng.normal(size=(100, 100))
    features[99, :100] = features[7, :100] + 0.1 * rng.normal(size=100)
    assert nearest(features, np.arange(100)).rows.tolist() == [7, 99]
    assert len(nearest(np.ones((50, 20)), np.arange(50)).rows) == 0
