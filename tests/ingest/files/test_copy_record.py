"""What a clean copy tells of itself: read from its folder and that of its tables, and nowhere else."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns, Source, ingest
from noisecleaner.ingest.files.copy_record import CopyRecord

TOLD = {"label_column": "label", "label_names": ["cat", "dog"], "left_out": {"no_class": ["r8", "r9"]}}


def copy_in(folder: Path, told: object = TOLD) -> Path:
    """A copy of rows whose labels are numbers."""
    (folder / "data").mkdir()
    columns = {"sample_id": ["r0", "r1"], "label": [1, 0], "other": [0, 1], "embedding": [[0.0], [1.0]]}
    pq.write_table(pa.table(columns), folder / "data" / "train-00000-of-00001.parquet")
    (folder / "noisecleaner.json").write_text(json.dumps(told))
    return folder


def columns(**changed: object) -> Columns:
    return Columns(**{"embedding": "embedding", **changed})  # type: ignore[arg-type]  # mixed on purpose


@pytest.mark.parametrize("below", ["", "data", "data/train-00000-of-00001.parquet", "data/*.parquet"])
def test_names_of_classes_come_with_the_copy_however_it_is_named(tmp_path: Path, below: str) -> None:
    source = Source(str(copy_in(tmp_path) / below), columns=columns())
    dataset, _ = ingest(source)
    assert dataset.table["given_label"].to_pylist() == ["dog", "cat"]
    assert dataset.classes == ("cat", "dog")
    (notice,) = [notice for notice in dataset.notices if notice.code == "class-names-of-the-copy"]
    assert notice.message == "The classes are called as the copy's own noisecleaner.json says: 0 is cat, 1 is dog."


def test_names_that_are_told_come_first_and_those_of_another_column_are_not_taken(tmp_path: Path) -> None:
    copy = str(copy_in(tmp_path))
    told, _ = ingest(Source(copy, columns=columns(label_names=("emu", "fox"))))
    assert told.table["given_label"].to_pylist() == ["fox", "emu"]
    other, _ = ingest(Source(copy, columns=columns(label="other")))
    assert other.table["given_label"].to_pylist() == ["0", "1"]


def test_a_folder_above_is_no_copy_of_what_lies_below(tmp_path: Path) -> None:
    copy_in(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    assert CopyRecord.beside(str(tmp_path / "elsewhere" / "x.parquet")) is None
    assert CopyRecord.beside("s3://bucket/data") is None


def test_a_copy_of_a_copy_lacks_what_either_left_out() -> None:
    first = CopyRecord(left_out={"flagged": pa.array(["a"]), "no_class": pa.array(["b"])})
    second = CopyRecord(left_out={"flagged": pa.array(["c"])}, label="label")
    both = second.after(first)
    assert {why: ids.to_pylist() for why, ids in both.left_out.items()} == {"flagged": ["a", "c"], "no_class": ["b"]}
    assert (both.label, both.ids.to_pylist()) == ("label", ["a", "c", "b"])
    assert second.after(None) == second


@pytest.mark.parametrize("text", ["{", "[]", '{"left_out": 3}'])
def test_a_damaged_record_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "noisecleaner.json").write_text(text)
    with pytest.raises(NoisecleanerError, match="must say what the copy beside it leaves out"):
        CopyRecord.beside(str(tmp_path))


def test_what_earlier_versions_wrote_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "noisecleaner.json").write_text('{"schema_version": 1, "rows": 3}')
    assert CopyRecord.beside(str(tmp_path)) == CopyRecord()
