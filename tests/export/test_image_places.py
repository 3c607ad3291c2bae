"""Paths of images that a copy names lead to them from anywhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from support.sources import make, table, vectors

from noisecleaner.export.copying import Copy
from noisecleaner.export.image_places import absolute_paths, image_root
from noisecleaner.ingest import Columns, Source, read_manifest


def copy_of(source: Source) -> Copy:
    manifest = read_manifest(source)
    keep = np.ones(len(manifest), bool)
    return Copy(manifest=manifest, source=source, labels=manifest.given, keep=keep, notes=pa.table({}))


def paths(copy: Copy) -> list[str]:
    return [path for part in copy.parts(1) for path in (absolute_paths(part, copy) or pa.array([])).to_pylist()]


def test_those_of_a_folder_start_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "in/a/1.png", "in/b/2.png")
    monkeypatch.chdir(tmp_path)
    copy = copy_of(Source("in"))
    assert image_root(copy) == str(tmp_path / "in")
    assert paths(copy) == [f"{tmp_path}/in/a/1.png", f"{tmp_path}/in/b/2.png"]


def test_those_of_a_table_start_at_its_folder_and_absolute_ones_stay(tmp_path: Path) -> None:
    make(tmp_path, "in/1.png", "2.png")
    path = table(tmp_path / "in" / "d.parquet", image=["1.png", f"{tmp_path}/2.png"], label=["a", "b"])
    copy = copy_of(Source(str(path), allow_absolute=True))
    assert image_root(copy) == str(tmp_path / "in")
    assert paths(copy) == [f"{tmp_path}/in/1.png", f"{tmp_path}/2.png"]


def test_images_beside_vectors_are_named_too(tmp_path: Path) -> None:
    path = vectors(tmp_path / "d.parquet", ["a", "b", "b"], image=["1.png", None, "s3://bucket/2.png"])
    copy = copy_of(Source(str(path), columns=Columns(embedding="embedding")))
    assert paths(copy) == [f"{tmp_path}/1.png", None, "s3://bucket/2.png"]


def test_where_no_column_names_images_there_is_no_root(tmp_path: Path) -> None:
    path = vectors(tmp_path / "d.parquet", ["a", "b"])
    assert image_root(copy_of(Source(str(path), columns=Columns(embedding="embedding")))) is None
    path = table(tmp_path / "e.parquet", image=[b"\x89PNG\r\n\x1a\n"] * 2, label=["a", "b"], sample_id=["1", "2"])
    assert image_root(copy_of(Source(str(path)))) is None
