"""Columns in the names of folders are columns."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
from support.datasets import Command
from support.field import VECTORS as VECTOR_OPTIONS
from support.sources import VECTORS, labels, read, refusal, table, texts

from noisecleaner.ingest import open_tables


def shard(path: Path, *ids: str) -> Path:
    return table(path, sample_id=list(ids), embedding=VECTORS[: len(ids)])


def test_the_label_is_read_from_the_folders(tmp_path: Path) -> None:
    shard(tmp_path / "d" / "label=cat" / "part-0.parquet", "x", "y")
    shard(tmp_path / "d" / "label=a%20dog" / "part-0.parquet", "z")
    (tmp_path / "d" / "_SUCCESS").touch()
    manifest = read(tmp_path / "d", embedding="embedding")
    assert labels(manifest) == {"z": "a dog", "x": "cat", "y": "cat"}
    assert manifest.notices[0].message == (
        f"2 classes from the folders label=… of {tmp_path / 'd'} (2 files): a dog, cat."
    )
    assert labels(read(tmp_path / "d" / "*" / "*.parquet", embedding="embedding")) == labels(manifest)


def test_several_levels_are_several_columns_and_a_missing_value_is_none(tmp_path: Path) -> None:
    shard(tmp_path / "site=north" / "label=cat" / "0.parquet", "x")
    shard(tmp_path / "site=north" / "label=__HIVE_DEFAULT_PARTITION__" / "0.parquet", "y")
    shard(tmp_path / "site=" / "label=dog" / "0.parquet", "z")
    manifest = read(tmp_path, embedding="embedding")
    assert labels(manifest) == {"z": "dog", "y": None, "x": "cat"}
    files = open_tables(str(tmp_path))
    assert files is not None
    assert files.schema.names == ["sample_id", "embedding", "site", "label"]
    assert files.column("site").to_pylist() == ["", "north", "north"]
    batches = list(files.batches(["label", "sample_id"], 10))
    assert [row for batch in batches for row in batch.to_pylist()] == [
        {"sample_id": "z", "label": "dog"},
        {"sample_id": "y", "label": None},
        {"sample_id": "x", "label": "cat"},
    ]


def test_a_column_in_both_places_is_refused(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        table(tmp_path / f"label={name}" / "0.parquet", sample_id=[name], label=["?"], embedding=VECTORS[:1])
    said = refusal(tmp_path, embedding="embedding")
    assert "A column must stand in the folders' names or in the files, but label" in said


def test_folders_that_name_other_columns_are_refused(tmp_path: Path) -> None:
    shard(tmp_path / "label=cat" / "0.parquet", "x")
    shard(tmp_path / "class=dog" / "0.parquet", "y")
    assert "must name the same columns" in refusal(tmp_path, embedding="embedding")


def test_files_of_one_name_get_ids_from_their_folders(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        table(tmp_path / f"label={name}" / "part.parquet", embedding=VECTORS[:2])
    manifest = read(tmp_path, embedding="embedding", row_ids=True)
    assert texts(manifest, "sample_id") == [
        "label=cat/part.parquet:0",
        "label=cat/part.parquet:1",
        "label=dog/part.parquet:0",
        "label=dog/part.parquet:1",
    ]


def test_an_equals_sign_above_the_dataset_is_no_column(tmp_path: Path) -> None:
    path = table(tmp_path / "lr=0.1" / "d.parquet", sample_id=["x", "y"], label=["a", "b"], embedding=VECTORS[:2])
    for data in (path, path.parent, path.parent / "*.parquet"):
        files = open_tables(str(data))
        assert files is not None
        assert files.schema.names == ["sample_id", "label", "embedding"]


def test_a_copy_has_the_columns_of_the_folders(tmp_path: Path, command: Command) -> None:
    for name in ("cat", "dog"):
        ids = [f"{name}{row}" for row in range(30)]
        vectors = [[float(name == "cat"), 1.0]] * 30
        table(tmp_path / "d" / f"label={name}" / "site=n" / "0.parquet", sample_id=ids, embedding=vectors)
    fit = ["fit", tmp_path / "d", "--method", "uniform", "--out", tmp_path / "run", *VECTOR_OPTIONS]
    outcome = command(*fit, "--epochs", "2", "--folds", "3")
    assert outcome.code == 0, outcome.err
    assert command("score", tmp_path / "run").code == 0
    outcome = command("export-clean", tmp_path / "run", "--on-flag", "keep", "--out", tmp_path / "clean")
    assert outcome.code == 0, outcome.err
    (file,) = (tmp_path / "clean").rglob("*.parquet")
    copied = pq.read_table(file)
    assert copied["site"].to_pylist() == ["n"] * 60
    assert copied["sample_id"].to_pylist() == [f"{name}{row}" for name in ("cat", "dog") for row in range(30)]
