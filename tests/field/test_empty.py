"""Data without a single row: the error says so, whatever kind of file it is and whatever it was given for."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import ipc
from support.datasets import Command

SCHEMA = pa.schema([("sample_id", pa.string()), ("label", pa.string()), ("embedding", pa.list_(pa.float32()))])
COLUMNS = "only columns (sample_id, label, embedding)."
FIT = ["--embedding-column", "embedding", "--trusted", "none", "--out", "run"]


def write(name: str) -> None:
    """Write a file of that name and kind that holds no row."""
    if name == "no_rows.parquet":
        pq.write_table(SCHEMA.empty_table(), name)
    elif name == "no_groups.parquet":
        pq.ParquetWriter(name, SCHEMA).close()
    elif name == "no_rows.arrow":
        with ipc.new_file(name, SCHEMA) as file:
            file.write_table(SCHEMA.empty_table())
    else:
        Path(name).write_text("sample_id,label,embedding\n" if name == "header.csv" else "")


@pytest.mark.parametrize("name", ["no_rows.parquet", "no_groups.parquet", "no_rows.arrow", "header.csv"])
def test_a_table_of_columns_only_has_no_rows(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(name)
    fit = command("fit", name, *FIT)
    assert fit.code == 2
    assert f"A table needs rows, but {tmp_path / name} has none, {COLUMNS}" in fit.err


@pytest.mark.parametrize("name", ["empty.csv", "empty.json", "empty.jsonl", "empty.parquet", "empty.arrow"])
def test_an_empty_file_is_called_one(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(name)
    fit = command("fit", name, *FIT)
    assert fit.code == 2
    assert f"A table needs rows, but {tmp_path / name} is an empty file." in fit.err


def test_an_empty_array_and_empty_folders_are_called_so(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("array.json").write_text(json.dumps([]))
    assert "but it holds an empty array." in command("fit", "array.json", *FIT).err
    Path("images/cat").mkdir(parents=True)
    assert "images is an empty folder." in command("fit", "images", "--out", "run").err
    Path("images/cat/notes.txt").write_text("no image")
    assert "images is a folder without images or Parquet files." in command("fit", "images", "--out", "run").err


def test_one_of_several_files_may_be_empty_and_not_all(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write("no_rows.parquet")
    write("no_groups.parquet")
    fit = command("fit", "no_*.parquet", *FIT)
    assert (fit.code, f"A table needs rows, but none of {tmp_path} (2 files) has any" in fit.err) == (2, True)
    rows = {"sample_id": ["a", "b"], "label": ["cat", "dog"], "embedding": [[1.0], [2.0]]}
    pq.write_table(pa.table(rows, SCHEMA), "no_more.parquet")
    assert "2 classes" in command("fit", "no_*.parquet", *FIT).err


@pytest.mark.parametrize("option", ["--trusted", "--corrections"])
def test_a_table_beside_the_dataset_needs_rows_too(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = {"sample_id": ["a", "b"], "label": ["cat", "dog"], "embedding": [[1.0], [2.0]]}
    pq.write_table(pa.table(rows, SCHEMA), "data.parquet")
    Path("labels.csv").write_text("sample_id,trusted_label\n")
    fit = command("fit", "data.parquet", "--embedding-column", "embedding", option, "labels.csv", "--out", "run")
    assert fit.code == 2
    assert f"A table needs rows, but {tmp_path / 'labels.csv'} has none, only columns" in fit.err


def test_metadata_without_rows_is_no_dataset_but_one_split_may_have_none(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for split in ("train", "test"):
        Path("images", split).mkdir(parents=True)
        Path("images", split, "metadata.csv").write_text("file_name,label\n")
    fit = command("fit", "images", "--trusted", "none", "--out", "run")
    assert (fit.code, f"but the metadata of {tmp_path / 'images'} has none." in fit.err) == (2, True)
    Path("images/train/metadata.csv").write_text("file_name,label\n1.png,cat\n2.png,dog\n")
    assert "2 classes" in command("fit", "images", "--trusted", "none", "--out", "run").err
