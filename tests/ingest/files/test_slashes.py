"""Backslashes are slashes where no file is called so, and ids stay as they are written."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.sources import IMAGE, contents, make, read, red, table, texts, told, write_metadata

from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.files.slashes import forward
from noisecleaner.notices import Severity


def test_a_table_from_windows_is_read(tmp_path: Path) -> None:
    made = make(tmp_path, "images/cat/1.png", "images/dog/2.png")
    written = ["images\\cat\\1.png", "images/dog/2.png"]
    manifest = read(table(tmp_path / "d.parquet", image=written, label=["a", "b"]))
    assert texts(manifest, "path") == list(made)
    assert texts(manifest, "sample_id") == written
    assert contents(manifest) == list(made.values())
    (notice,) = told(manifest)
    assert notice.severity is Severity.NOTE
    assert notice.message == ("1 path is written with backslashes: 'images\\cat\\1.png' is read as 'images/cat/1.png'.")


def test_a_file_that_is_called_so_is_taken(tmp_path: Path) -> None:
    made = make(tmp_path, "a\\1.png", "b.png")
    manifest = read(table(tmp_path / "d.parquet", image=list(made), label=["a", "b"]))
    assert contents(manifest) == list(made.values())
    assert told(manifest) == []


def test_paths_in_structs_and_in_metadata_are_read_alike(tmp_path: Path) -> None:
    made = make(tmp_path / "s", "images/1.png")
    rows = pa.array([{"bytes": None, "path": "images\\1.png"}, {"bytes": red(), "path": "x.png"}], IMAGE)
    manifest = read(table(tmp_path / "s" / "d.parquet", image=rows, label=["a", "b"]))
    assert contents(manifest) == [made["images/1.png"], red()]
    make(tmp_path / "m", "train/cat/1.png", "train/dog/2.png")
    names = [{"file_name": f"{name}\\{i}.png", "label": name} for i, name in ((1, "cat"), (2, "dog"))]
    write_metadata(tmp_path / "m" / "train" / "metadata.csv", names)
    manifest = read(tmp_path / "m")
    assert texts(manifest, "path") == ["train/cat/1.png", "train/dog/2.png"]
    assert told(manifest) == []  # no image is left over


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet="ab/\\.: \0é", max_size=12))
def test_any_path_may_be_turned(tmp_path: Path, path: str) -> None:
    turned = forward(Place.parse(tmp_path), path.replace("\0", ""))
    assert turned.replace("\\", "/") == path.replace("\0", "").replace("\\", "/")
