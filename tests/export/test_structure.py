"""Where rows stand in the dataset: splits by files, folders or a column, and the folders that name the classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.sources import make, vectors, write_metadata

from noisecleaner.export.owner import Owner
from noisecleaner.export.structure import Structure
from noisecleaner.ingest import Columns, Source, read_manifest
from noisecleaner.ingest.tables.splits import Splits


def structure_of(data: Path, level: int | None = None, **columns: str) -> Structure:
    source = Source(str(data), columns=Columns(**columns), label_level=level)  # type: ignore[arg-type]  # all are texts
    return Structure.of(read_manifest(source), source, Owner.of(source.data))


def names(splits: Splits | None) -> list[str] | None:
    return None if splits is None else [splits.names[place] for place in splits.rows.tolist()]


def test_split_folders_of_an_image_folder(tmp_path: Path) -> None:
    make(tmp_path, "test/cat/1.png", "train/cat/1.png", "train/dog/2.png")
    structure = structure_of(tmp_path)
    assert names(structure.splits) == names(structure.folders) == ["test", "train", "train"]
    assert structure.on_top
    assert structure.level is not None
    assert structure.level.place("test/cat/1.png") == 1
    assert structure.counts(np.array([0, 2])) == {"test": 1, "train": 1}
    assert structure.counts(np.array([1])) == {"test": 0, "train": 1}


def test_splits_inside_and_below_the_classes(tmp_path: Path) -> None:
    make(tmp_path / "a", "one/train/cat/1.png", "one/test/dog/1.png", "two/train/dog/1.png")
    structure = structure_of(tmp_path / "a", level=3)
    assert names(structure.splits) == ["test", "train", "train"]
    assert not structure.on_top
    make(tmp_path / "b", "cat/train/1.png", "cat/test/1.png", "dog/train/1.png")
    structure = structure_of(tmp_path / "b", level=1)
    assert names(structure.splits) == ["test", "train", "train"]


def test_classes_that_are_called_like_splits_are_none(tmp_path: Path) -> None:
    make(tmp_path, "train/1.png", "dev/1.png")
    structure = structure_of(tmp_path, level=1)
    assert structure.splits is None
    assert structure.counts(np.array([0])) == {}


def test_metadata_in_split_folders(tmp_path: Path) -> None:
    make(tmp_path, "train/1.png", "test/1.png")
    for split, label in (("train", "cat"), ("test", "dog")):
        write_metadata(tmp_path / split / "metadata.csv", [{"file_name": "1.png", "label": label}])
    structure = structure_of(tmp_path)
    assert (names(structure.splits), structure.level) == (["test", "train"], None)


@pytest.mark.parametrize("labelled", [True, False])
def test_a_column_of_splits_becomes_folders(tmp_path: Path, labelled: bool) -> None:
    make(tmp_path, "cat/1.png", "dog/2.png")
    rows = [("cat/1.png", "cat", "test"), ("dog/2.png", "dog", "train")]
    lines = [
        {"file_name": file, "split": split} | ({"label": label} if labelled else {}) for file, label, split in rows
    ]
    write_metadata(tmp_path / "metadata.csv", lines)
    structure = structure_of(tmp_path)
    assert structure.splits is None
    assert names(structure.folders) == ["test", "train"]
    assert (structure.level is None) == labelled


def test_a_column_of_splits_of_one_file_that_is_called_train(tmp_path: Path) -> None:
    """Its folders must not put test images among those of training."""
    path = vectors(tmp_path / "train.parquet", ["a", "b"], split=["test", "train"])
    structure = structure_of(path, embedding="embedding")
    assert (names(structure.splits), names(structure.folders)) == (["train", "train"], ["test", "train"])


def test_a_column_of_splits_that_is_the_label_is_a_label(tmp_path: Path) -> None:
    path = vectors(tmp_path / "d.parquet", ["x", "y"], split=["test", "train"])
    assert structure_of(path, embedding="embedding", label="split").folders is None


def test_paths_of_a_table_tell_splits(tmp_path: Path) -> None:
    make(tmp_path, "train/1.png", "test/1.png")
    (tmp_path / "d.csv").write_text("image,label\ntrain/1.png,a\ntest/1.png,b\n")
    assert names(structure_of(tmp_path / "d.csv").splits) == ["train", "test"]
