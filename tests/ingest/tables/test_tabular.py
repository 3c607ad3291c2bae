"""Several tables are read as one, if they are alike."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st
from support.datasets import CLASSES
from support.sources import (
    VECTORS,
    labels,
    read,
    refusal,
    table,
    texts,
    vectors,
)


def test_a_dot_in_a_column_name_is_no_nesting(tmp_path: Path) -> None:
    path = tmp_path / "d.parquet"
    pq.write_table(pa.table({"my.id": [1, 2], "my.label": ["a", "b"], "my.vectors": VECTORS[:2]}), path)
    manifest = read(path, sample_id="my.id", label="my.label", embedding="my.vectors")
    assert labels(manifest) == {"1": "a", "2": "b"}


def test_files_with_other_columns_are_refused(tmp_path: Path) -> None:
    vectors(tmp_path / "1.parquet", ["a", "b"])
    vectors(tmp_path / "2.parquet", [0, 1])
    assert "same columns" in refusal(tmp_path, embedding="embedding")


def test_files_whose_integers_mean_other_classes_are_refused(tmp_path: Path) -> None:
    vectors(tmp_path / "1.parquet", [0, 1], class_names={"label": ["cat", "dog"]})
    vectors(tmp_path / "2.parquet", [0, 1], class_names={"label": ["dog", "cat"]}, sample_id=["x", "y"])
    assert "same class names" in refusal(tmp_path, embedding="embedding")
    vectors(tmp_path / "2.parquet", [0, 1], class_names={"label": ["cat", "dog"]}, sample_id=["x", "y"])
    assert texts(read(tmp_path, embedding="embedding"), "given_label") == ["cat", "dog", "cat", "dog"]


def test_row_ids_number_the_rows_of_each_file(tmp_path: Path) -> None:
    for name in ("p", "q"):
        table(tmp_path / f"{name}.parquet", label=["a", "b"], embedding=VECTORS[:2])
    assert "`Columns(row_ids=True)`" in refusal(tmp_path, embedding="embedding")
    manifest = read(tmp_path, embedding="embedding", row_ids=True)
    assert texts(manifest, "sample_id") == ["p.parquet:0", "p.parquet:1", "q.parquet:0", "q.parquet:1"]
    table(tmp_path / "sub" / "p.parquet", label=["a", "b"], embedding=VECTORS[:2])
    assert "different names" in refusal(tmp_path, embedding="embedding", row_ids=True)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(max_size=20), min_size=2, max_size=30, unique=True)
    | st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=30, unique=True),
    st.integers(1, 7),
)
def test_ids_and_their_order_survive(ids: list[str] | list[int], rows_of_a_file: int) -> None:
    kind = pa.string() if isinstance(ids[0], str) else pa.int64()
    given_labels = [CLASSES[row % 2] for row in range(len(ids))]
    with tempfile.TemporaryDirectory() as folder:
        for first in range(0, len(ids), rows_of_a_file):
            part = slice(first, first + rows_of_a_file)
            column = pa.array(ids[part], kind)
            vectors(Path(folder) / f"{first:03d}.parquet", given_labels[part], sample_id=column)
        manifest = read(folder, embedding="embedding")
    assert labels(manifest) == dict(zip(map(str, ids), given_labels, strict=True))
    assert texts(manifest, "sample_id") == list(map(str, ids))
