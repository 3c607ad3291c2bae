"""What one folder or table brings, before it is a manifest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.sources import VECTORS, make, red, table, vectors

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns, Source
from noisecleaner.ingest.payloads import ImageColumn, ImageFiles
from noisecleaner.ingest.raw import read_beside_dataset, read_dataset, read_images, with_images
from noisecleaner.ingest.vectors.columns import VectorColumn, VectorFile


def test_a_table_brings_what_its_columns_hold_and_none_for_the_others(tmp_path: Path) -> None:
    path = vectors(tmp_path / "d.parquet", ["a", "b"], camera=["left", "right"])
    rows = read_dataset(Source(str(path), columns=Columns(embedding="embedding", irrelevant="camera")), labelled=True)
    assert rows.ids.to_pylist() == ["r0", "r1"]
    assert rows.labels is not None
    assert rows.labels.text.to_pylist() == ["a", "b"]
    assert rows.irrelevant is not None
    assert rows.irrelevant.text.to_pylist() == ["left", "right"]
    assert (rows.paths, rows.trusted, rows.labels.own) == (None, None, ())
    assert isinstance(rows.payload, VectorColumn)


def test_a_folder_brings_paths_images_and_the_classes_of_its_folders(tmp_path: Path) -> None:
    make(tmp_path, "a/1.png", "b/2.png")
    rows = read_images(Source(str(tmp_path)))
    assert rows.labels is not None
    assert rows.labels.text.to_pylist() == ["a", "b"]
    assert rows.paths is not None
    assert rows.ids.equals(rows.paths)
    assert isinstance(rows.payload, ImageFiles)


def test_a_table_needs_labels_only_where_they_are_asked_for(tmp_path: Path) -> None:
    path = table(tmp_path / "d.parquet", sample_id=["x", "y"], embedding=VECTORS[:2])
    source = Source(str(path), columns=Columns(embedding="embedding"))
    assert read_dataset(source, labelled=False).labels is None
    with pytest.raises(NoisecleanerError, match="'label'"):
        read_dataset(source, labelled=True)


def test_labels_of_rows_beside_a_dataset_keep_their_own_names(tmp_path: Path) -> None:
    path = table(
        tmp_path / "d.parquet", class_names={"label": ["x", "y"]}, sample_id=[1, 2], label=[1, 0], image=[red()] * 2
    )
    rows = read_beside_dataset(Source(str(path)))
    assert rows.labels is not None
    assert rows.labels.text.to_pylist() == ["y", "x"]
    assert rows.labels.own == ("x", "y")
    assert isinstance(rows.payload, ImageColumn)


def test_rows_beside_a_dataset_need_bring_nothing(tmp_path: Path) -> None:
    path = table(tmp_path / "d.parquet", sample_id=["x"], label=["a"])
    assert read_beside_dataset(Source(str(path))).payload is None


@pytest.mark.parametrize("rows", [1, 3])
def test_a_file_of_vectors_needs_a_row_for_each_row(tmp_path: Path, rows: int) -> None:
    np.save(tmp_path / "v.npy", np.zeros((rows, 2), np.float32))
    path = table(tmp_path / "d.parquet", sample_id=["x", "y"], label=["a", "b"])
    source = Source(str(path), columns=Columns(embedding=str(tmp_path / "v.npy")))
    with pytest.raises(NoisecleanerError, match=f"it has {rows} and"):
        read_dataset(source, labelled=True)
    np.save(tmp_path / "v.npy", np.zeros((2, 2), np.float32))
    assert isinstance(read_dataset(source, labelled=True).payload, VectorFile)


def test_an_image_folder_has_no_columns_of_vectors(tmp_path: Path) -> None:
    make(tmp_path, "a/1.png", "b/2.png")
    with pytest.raises(NoisecleanerError, match="Only a table has columns of vectors"):
        read_dataset(Source(str(tmp_path), columns=Columns(probabilities="p")), labelled=True)


def test_a_table_without_content_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path / "d.parquet", sample_id=["x", "y"], label=["a", "b"])
    with pytest.raises(NoisecleanerError, match=r"Columns\(image=NAME\)"):
        read_dataset(Source(str(path)), labelled=True)


def test_a_source_with_a_file_of_vectors_has_its_images_back(tmp_path: Path) -> None:
    columns = Columns(embedding=str(tmp_path / "v.npy"))
    images = table(tmp_path / "images.parquet", sample_id=["x"], label=["a"], image=[red()])
    source = Source(str(images), columns=columns)
    assert with_images(source) == Source(str(images))
    without = replace(source, data=str(table(tmp_path / "d.parquet", sample_id=["x"], label=["a"])))
    assert with_images(without) == without
    column = Source(str(images), columns=Columns(embedding="embedding"))
    assert with_images(column) == column
    make(tmp_path / "folder", "a/1.png", "b/2.png")
    assert with_images(replace(source, data=str(tmp_path / "folder"))) == Source(str(tmp_path / "folder"))


def test_vectors_win_over_images(tmp_path: Path) -> None:
    path = table(tmp_path / "d.parquet", sample_id=["x", "y"], label=["a", "b"], image=[red()] * 2, v=VECTORS[:2])
    assert isinstance(read_dataset(Source(str(path)), labelled=True).payload, ImageColumn)
    assert isinstance(
        read_dataset(Source(str(path), columns=Columns(embedding="v")), labelled=True).payload, VectorColumn
    )
