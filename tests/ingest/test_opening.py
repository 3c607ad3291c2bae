"""A path names an image folder, a table, several of them, or nothing that can be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.sources import (
    contents,
    green,
    make,
    read,
    red,
    refusal,
    table,
    texts,
    write_metadata,
)


def test_one_class_or_an_empty_folder_is_refused(tmp_path: Path) -> None:
    assert "an empty folder" in refusal(tmp_path)
    assert "nothing" in refusal(tmp_path / "missing")
    make(tmp_path, "a/x.png")
    assert "has 1 (a)" in refusal(tmp_path)


def test_a_file_that_is_no_table_is_refused(tmp_path: Path) -> None:
    make(tmp_path, "x.png")
    assert "A table must end in" in refusal(tmp_path / "x.png")
    (tmp_path / "x.parquet").write_bytes(b"PAR1 no parquet")
    assert "cannot be read" in refusal(tmp_path / "x.parquet")


def test_a_glob_of_folders_is_told_what_it_lacks(tmp_path: Path) -> None:
    table(tmp_path / "label=a" / "0.parquet", sample_id=["x"])
    assert "is a glob of folders: add /*.parquet." in refusal(tmp_path / "label=*")


def test_a_folder_of_parquet_files_and_a_glob_are_read_in_order(tmp_path: Path) -> None:
    for part in range(3):
        ids = [f"{part}-{row}" for row in range(2)]
        path = tmp_path / "data" / ("sub" if part == 2 else ".") / f"part-{part}.parquet"
        table(path, sample_id=ids, label=["a", "b"], image=[red() + bytes([part]), green()])
    (tmp_path / "data" / "_metadata.parquet").write_bytes(b"hidden")
    (tmp_path / "data" / ".x.parquet").write_bytes(b"hidden")
    everything = read(tmp_path / "data")
    assert texts(everything, "sample_id") == ["0-0", "0-1", "1-0", "1-1", "2-0", "2-1"]
    assert contents(everything)[2] == red() + b"\x01"
    assert texts(read(tmp_path / "data" / "part-*.parquet"), "sample_id") == ["0-0", "0-1", "1-0", "1-1"]
    assert texts(read(tmp_path / "data" / "part-[1].parquet"), "sample_id") == ["1-0", "1-1"]
    assert texts(read(f"file://{tmp_path}/data/part-*.parquet"), "sample_id") == ["0-0", "0-1", "1-0", "1-1"]
    assert texts(read(f"file://{tmp_path}/data/part-1.parquet"), "sample_id") == ["1-0", "1-1"]


def test_a_file_uri_is_a_local_path(tmp_path: Path) -> None:
    make(tmp_path / "my images", "cat/a.png", "dog/b.png")
    assert len(read((tmp_path / "my images").as_uri())) == 2


@pytest.mark.parametrize(
    ("ending", "record"), [("csv", ".noisecleaner.json"), ("json", ".noisecleaner.json"), ("csv", "noisecleaner.json")]
)
def test_a_copy_of_tables_of_text_is_read_by_its_folder(tmp_path: Path, ending: str, record: str) -> None:
    """Earlier versions wrote the record without a dot, and rows below a folder train."""
    make(tmp_path / "images", "1.png", "2.png", "3.png")
    rows = [{"image": f"{tmp_path}/images/{name}.png", "label": "a", "sample_id": name} for name in "123"]
    rows[2]["label"] = "b"
    place = tmp_path / "out" / ("train" if record[0] != "." else "") / f"d.{ending}"
    place.parent.mkdir(parents=True)
    if ending == "json":
        place.write_text(json.dumps(rows))
    else:
        write_metadata(place, rows)
    assert "a folder without images" in refusal(tmp_path / "out")
    (tmp_path / "out" / record).write_text("{}")
    assert texts(read(tmp_path / "out", allow_absolute=True), "sample_id") == ["1", "2", "3"]
