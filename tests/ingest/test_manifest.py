"""A manifest is made of columns by name, and says what became of each row."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from noisecleaner.ingest import Manifest, Skip
from noisecleaner.ingest.manifest import SCHEMA, by_row

CLASSES = ("ant", "bee", "cat")
#: The keyword of `Manifest.of`, the column of the table, and a value of it.
COLUMNS = [
    ("paths", "path", "1.png"),
    ("given", "given_label", "ant"),
    ("trusted", "trusted_label", "bee"),
    ("irrelevant", "irrelevant_label", "left camera"),
    ("probability", "sample_probability", 0.25),
    ("skipped", "skip_reason", "no_label"),
]


class Nothing:
    """A payload without images."""

    def read(self, rows: np.ndarray) -> Iterator[tuple[int, bytes | Skip]]:
        return iter([])


def manifest(ids: list[str] = list("wxyz"), **columns: list[object]) -> Manifest:  # noqa: B006  # never changed
    arrays = {name: pa.array(values) for name, values in columns.items()}
    return Manifest.of(pa.array(ids), classes=CLASSES, payload=Nothing(), **arrays)  # type: ignore[arg-type]  # the names of `COLUMNS`


def test_columns_that_are_not_known_are_null_in_every_row() -> None:
    table = manifest().table
    assert table.schema.equals(SCHEMA)
    assert table["sample_id"].to_pylist() == list("wxyz")
    assert all(table[name].null_count == 4 for _, name, _ in COLUMNS)


@pytest.mark.parametrize(("keyword", "column", "value"), COLUMNS)
def test_each_keyword_is_one_column_and_no_other(keyword: str, column: str, value: object) -> None:
    table = manifest(**{keyword: [value, None, value, value]}).table
    assert table[column].to_pylist() == [value, None, value, value]
    assert all(table[other].null_count == 4 for _, other, _ in COLUMNS if other != column)


def test_arrays_in_one_piece_and_in_several_make_the_same() -> None:
    labels = pa.chunked_array([["ant"], ["bee", None], ["cat"]])
    chunked = Manifest.of(pa.chunked_array([["w", "x"], ["y", "z"]]), classes=CLASSES, payload=Nothing(), given=labels)
    assert chunked.table.equals(manifest(given=["ant", "bee", None, "cat"]).table)


def test_a_column_of_another_length_is_no_part_of_it() -> None:
    with pytest.raises(pa.ArrowInvalid):
        manifest(given=["ant", "bee"])


def test_labels_of_rows_that_are_skipped_or_have_none_are_minus_one() -> None:
    rows = manifest(given=["ant", "cat", None, "bee"], trusted=["bee", None, "cat", "fox"])
    assert rows.given.tolist() == [0, 2, -1, 1]
    assert rows.trusted.tolist() == [1, -1, 2, -1]
    skipped = rows.skipping({0: Skip.TRUNCATED})
    assert skipped.given.tolist() == [-1, 2, -1, 1]
    assert skipped.trusted.tolist() == [-1, -1, 2, -1]
    assert skipped.readable.tolist() == [False, True, True, True]
    assert skipped.unlabelled.tolist() == [False, False, True, False]


def test_a_first_reason_stands() -> None:
    rows = manifest(skipped=[None, None, "no_label", None])
    again = rows.skipping({0: Skip.TRUNCATED, 2: Skip.TRUNCATED, 3: Skip.TRUNCATED})
    assert again.table["skip_reason"].to_pylist() == ["truncated", None, "no_label", "truncated"]
    assert list(again.skips().items()) == [("truncated", 2), ("no_label", 1)]
    assert rows.skips() == {"no_label": 1}  # what was there stays as it is


def test_rows_that_only_lack_a_label_may_stay() -> None:
    rows = manifest(skipped=["no_label", "truncated", None, "unknown_class"]).keeping_unlabelled()
    assert rows.table["skip_reason"].to_pylist() == [None, "truncated", None, "unknown_class"]


@settings(deadline=None)
@given(st.dictionaries(st.integers(0, 3), st.sampled_from(CLASSES)))
def test_what_becomes_known_later_replaces_single_rows(labels: dict[int, str]) -> None:
    before = ["ant", None, "ant", None]
    expected = [labels.get(row, label) for row, label in enumerate(before)]
    rows = manifest(trusted=before, irrelevant=before)
    assert rows.trusting(labels).table["trusted_label"].to_pylist() == expected
    assert rows.marking(labels).table["irrelevant_label"].to_pylist() == expected
    drawn = rows.drawn(dict.fromkeys(labels, 0.5))
    assert np.isfinite(drawn.sample_probability).tolist() == [row in labels for row in range(4)]


def test_ids_find_their_rows() -> None:
    rows = manifest().rows_of(pa.chunked_array([["z", "nobody"], ["w"]]))
    assert rows.to_pylist() == [3, None, 0]
    assert by_row(rows, pa.array(["last", "lost", None])) == {3: "last"}
