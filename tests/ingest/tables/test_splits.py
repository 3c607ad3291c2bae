"""Splits are those of the owner: by names of files, by folders, or by a column that tells it of every row."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sources import vectors

from noisecleaner.ingest import open_tables
from noisecleaner.ingest.tables.splits import Splits, of_column, of_files, of_paths


def names(splits: Splits | None) -> list[str] | None:
    return None if splits is None else [splits.names[place] for place in splits.rows.tolist()]


@pytest.mark.parametrize(
    ("files", "splits"),
    [
        (["train-00000-of-00001.parquet", "test-00000-of-00001.parquet"], ["test", "train"]),
        (["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"], ["train", "train"]),
        (["data/validation-00000-of-00001-9f3c.parquet", "data/train-00000-of-00001.parquet"], ["train", "validation"]),
        (["gold.v2-00000-of-00001.parquet", "train-00000-of-00001.parquet"], ["gold.v2", "train"]),
        (["train/0.parquet", "val/0.parquet", "Test/0.parquet"], ["Test", "train", "val"]),
        (["split=train/0.parquet", "split=dev/0.parquet"], ["dev", "train"]),
        (["my_train.parquet", "my-test.parquet"], ["test", "train"]),
        (["test.parquet", "train.parquet", "extra.parquet"], ["extra", "test", "train"]),
        (["default/train/0000.parquet", "default/partial-test/0000.parquet"], ["test", "train"]),
        (["gold/data-00000-of-00001.parquet", "silver/data-00000-of-00001.parquet"], ["gold", "silver"]),
        (["data-00000-of-00002.parquet", "data-00001-of-00002.parquet"], None),
        (["train/0.parquet", "a/0.parquet", "b/0.parquet"], ["a-0", "b-0", "train"]),
        (["a.parquet", "b.parquet"], None),
        (["trainer.parquet", "latest.parquet"], None),
        (["train_test.parquet", "other.parquet"], None),
        (["0/x.parquet", "1/x.parquet"], None),
    ],
)
def test_names_of_tables_and_their_folders_tell_splits(
    tmp_path: Path, files: list[str], splits: list[str] | None
) -> None:
    """Folders come sorted."""
    for name in files:
        vectors(tmp_path / "d" / name, ["a", "b"])
    opened = open_tables(str(tmp_path / "d"))
    assert opened is not None
    twice = None if splits is None else [name for name in splits for _ in range(2)]
    assert names(of_files(opened)) == twice


@pytest.mark.parametrize(("name", "split"), [("test.parquet", "test"), ("data.parquet", None)])
def test_one_table_may_be_a_split(tmp_path: Path, name: str, split: str | None) -> None:
    """A folder above it is none of its own, whatever it is called."""
    opened = open_tables(str(vectors(tmp_path / "train" / name, ["a", "b", "a"])))
    assert opened is not None
    assert names(of_files(opened)) == (split and [split] * 3)


@pytest.mark.parametrize(
    ("paths", "splits"),
    [
        (["train/cat/1.png", "test/1.png"], ["train", "test"]),
        (["site/train/1.png", "site/VAL/1.png"], ["train", "VAL"]),
        (["train/1.png", "other/1.png"], None),
        (["train.png"], None),
        (["train/1.png", None], None),
        ([], None),
    ],
)
def test_paths_tell_splits_if_each_has_one(paths: list[str | None], splits: list[str] | None) -> None:
    assert names(of_paths(pa.array(paths, pa.string()))) == splits


@given(st.lists(st.sampled_from(["train", "test", "val"]), min_size=1))
def test_a_column_of_splits_says_it_row_by_row(rows: list[str]) -> None:
    for kind in (pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())):
        found = of_column(pa.chunked_array([pa.array(rows, pa.string()).cast(kind)]))
        assert names(found) == rows
        assert found is not None
        assert found.names == tuple(dict.fromkeys(rows))


@pytest.mark.parametrize(
    "column",
    [pa.array(["train", None]), pa.array([0, 1]), pa.array([str(row) for row in range(21)]), pa.array([], pa.string())],
)
def test_a_column_that_does_not_tell_it_of_each_row_is_none(column: pa.Array) -> None:
    assert of_column(pa.chunked_array([column])) is None
