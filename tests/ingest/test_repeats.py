"""A row that was verified twice counts once, where both say the same."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.repeats import Repeats


def repeats(rows: list[int], labels: list[str | None], ids: list[str] | None = None) -> Repeats:
    names = [f"r{row}" for row in rows] if ids is None else ids
    return Repeats.find(text(labels), np.array(rows), text(names), "t.csv")


def text(values: list[str | None] | list[str]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, pa.string())])


def test_labels_that_agree_count_once() -> None:
    labels: list[str | None] = ["a", None, "b", "a", "b", "b"]
    found = repeats([0, 0, 5, 0, 5, 7], labels)
    assert found.merged(text(labels)).to_pylist() == ["a", None, "b", None, None, "b"]
    (notice,) = found.notices()
    assert notice.message == (
        "2 rows of t.csv verify a row again, with the same label: each row of the dataset counts once."
    )


def test_where_no_row_comes_twice_nothing_is_said() -> None:
    labels: list[str | None] = ["a", "b", None]
    found = repeats([0, 1, 1], labels)
    assert found.merged(text(labels)).to_pylist() == labels
    assert list(found.notices()) == []
    assert list(repeats([], []).notices()) == []


def test_rows_that_are_not_in_the_dataset_are_told_apart_by_their_ids() -> None:
    labels: list[str | None] = ["a", "b", "b", "a"]
    found = repeats([-1, -1, -1, 0], labels, ["x", "y", "y", "z"])
    assert found.again.tolist() == [False, False, True, False]
    without = Repeats.find(text(["a", "b"]), np.array([-1, -1]), text([None, None]), "t.csv")
    assert not without.again.any()


def test_labels_that_contradict_each_other_are_refused_with_their_rows() -> None:
    with pytest.raises(NoisecleanerError, match="2 rows have labels that contradict each other") as refused:
        repeats([0, 1, 0, 1, 0], ["a", "b", "b", "c", "a"])
    assert "'r0' (a and b), 'r1' (b and c)" in refused.value.message
