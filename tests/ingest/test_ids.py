"""The order of rows is told, and is that of the rows that are read."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.sources import make, read, red, refusal, table, texts, vectors, write_metadata

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns, Source
from noisecleaner.ingest.ids import ids


def test_the_ids_of_an_image_folder_are_those_that_are_read(tmp_path: Path) -> None:
    make(tmp_path, "b/2.png", "a/10.png", "a/9.png", "B/1.png")
    listed = list(ids(Source(str(tmp_path))))
    assert listed == ["B/1.png", "a/10.png", "a/9.png", "b/2.png"]
    assert listed == texts(read(tmp_path), "sample_id")


def test_metadata_and_tables_keep_their_order(tmp_path: Path) -> None:
    make(tmp_path / "images", "1.png", "2.png")
    rows = [{"file_name": "2.png", "label": "a"}, {"file_name": "1.png", "label": "b"}]
    write_metadata(tmp_path / "images" / "metadata.csv", rows)
    assert list(ids(Source(str(tmp_path / "images")))) == ["2.png", "1.png"]
    for number in (2, 1):
        vectors(tmp_path / "shards" / f"{number}.parquet", ["a", "b"], sample_id=[f"{number}-b", f"{number}-a"])
    source = Source(str(tmp_path / "shards"))
    assert list(ids(source)) == ["1-b", "1-a", "2-b", "2-a"]
    assert list(ids(source)) == texts(read(tmp_path / "shards", embedding="embedding"), "sample_id")


def test_labels_are_not_needed(tmp_path: Path) -> None:
    path = table(tmp_path / "d.parquet", key=[3, 1], image=[red()] * 2)
    assert list(ids(Source(str(path), columns=Columns(sample_id="key")))) == ["3", "1"]
    assert list(ids(Source(str(path), columns=Columns(row_ids=True)))) == ["d.parquet:0", "d.parquet:1"]


def test_ids_that_no_list_can_hold_are_refused(tmp_path: Path) -> None:
    for number, broken in enumerate((["a", "b\nc"], ["a", "a"], ["a", None])):
        path = vectors(tmp_path / f"{number}.parquet", ["x", "y"], sample_id=broken)
        with pytest.raises(NoisecleanerError, match="line break" if number == 0 else "sample_id|unique"):
            list(ids(Source(str(path))))
    assert "nothing" in refusal(tmp_path / "missing")
