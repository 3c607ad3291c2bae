"""CSV: what is written stays as it is."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from support.sources import (
    contents,
    labels,
    make,
    read,
)

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.places import Place
from noisecleaner.ingest.readers import csv


def test_csv_keeps_leading_zeros_and_reads_empty_fields_as_null(tmp_path: Path) -> None:
    made = make(tmp_path, "1.png", "2.png", "3.png", "4.png")
    (tmp_path / "d.csv").write_text("sample_id,image,label\n0001,1.png,a\n0002,2.png,\n0003,3.png,07\n0004,4.png,NA\n")
    manifest = read(tmp_path / "d.csv")
    assert labels(manifest) == {"0001": "a", "0002": None, "0003": "07", "0004": None}
    assert contents(manifest) == list(made.values())


def test_numbers_and_times_stay_text(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2020-01-01\n2.50,NaN\n")
    schema = csv.read_schema(Place.parse(tmp_path / "t.csv"))
    assert [field.type for field in schema] == [pa.string(), pa.string()]
    (batch,) = csv.read_batches(Place.parse(tmp_path / "t.csv"), ["a", "b"], 10)
    assert batch.to_pylist() == [{"a": "1", "b": "2020-01-01"}, {"a": "2.50", "b": "NaN"}]


@pytest.mark.parametrize("content", ["a,b\n1\n", "a,b\n1,2,3\n"], ids=["too short", "too long"])
def test_a_line_of_another_length_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(NoisecleanerError, match="must hold a header line and rows") as error:
        csv.read_schema(Place.parse(tmp_path / "t.csv"))
    assert ".csv must hold text" in error.value.hint
