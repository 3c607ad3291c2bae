"""Rows in parts: what others take for their labels, and their vectors block by block."""

from __future__ import annotations

import numpy as np
import pytest

from noisecleaner.arrays import NO_CLASS, UNVERIFIED
from noisecleaner.inputs.rooting import root
from noisecleaner.training import parted
from noisecleaner.training.parted import Rows, single

U, N = UNVERIFIED, NO_CLASS


def rows(**changes: object) -> Rows:
    """Of two parts and one row of none; one row is not used."""
    vectors = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float16)
    made = {
        "vectors": vectors,
        "mean": np.array([0.1, 0.2, 0.3], np.float32),
        "scale": np.array([1, 2, 3], np.float32),
        "given": np.array([0, 1, 2, 0, 1, -1, 2]),
        "known": np.array([U, 2, N, U, U, 1, U]),
        "part": np.array([0, 0, 0, 1, 1, -1, -1]),
        "used": np.array([True, True, True, True, False, True, True]),
        "classes": 3,
    }
    return Rows(**{**made, **changes})  # type: ignore[arg-type]  # by its own names


def test_members_are_the_rows_of_each_part_that_train_and_those_of_none_behind_them() -> None:
    assert [some.tolist() for some in rows().members] == [[0, 1, 2], [3], [5, 6]]
    assert rows().parts == 2


def test_labels_are_the_certain_ones_else_the_given_ones_and_none_where_no_class_is_right() -> None:
    assert rows().labels.tolist() == [0, 2, -1, 0, -1, 1, 2]
    hard = rows().hard(np.arange(7))
    assert hard.sum(axis=1).tolist() == [1, 1, 0, 1, 0, 1, 1]
    assert hard.argmax(axis=1)[[0, 1, 3, 5, 6]].tolist() == [0, 2, 0, 1, 2]


def test_labels_of_parts_that_nobody_verified_are_open() -> None:
    assert np.flatnonzero(rows().open).tolist() == [0, 3]
    assert np.flatnonzero(rows().certain).tolist() == [1]


@pytest.mark.parametrize("rooted", [False, True])
def test_blocks_are_standardised(monkeypatch: pytest.MonkeyPatch, rooted: bool) -> None:
    monkeypatch.setattr(parted, "_BLOCK", 2)
    made = rows(rooted=rooted)
    blocks = list(made.blocks(np.array([1, 3, 6])))
    assert [some.tolist() for some, _ in blocks] == [[1, 3], [6]]
    vectors = root(made.vectors) if rooted else made.vectors.astype(np.float32)
    expected = (vectors[[1, 3, 6]] - made.mean) * made.scale
    np.testing.assert_allclose(np.concatenate([block for _, block in blocks]), expected, rtol=1e-6)


def test_views_have_the_coordinates_that_stand_side_by_side() -> None:
    assert rows(views=(1, 2)).columns == [slice(0, 1), slice(1, 3)]
    assert rows().columns == [slice(0, 3)]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_single_precision_holds_the_same_values(dtype: type) -> None:
    values = np.random.default_rng(0).normal(size=(4, 5)).astype(dtype)
    wide = single(values)
    assert wide.dtype == np.float32
    np.testing.assert_array_equal(wide, values.astype(np.float32))
    assert not np.shares_memory(wide, values)
