"""Parquet: part by part, with what Hugging Face notes beside the columns."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.readers import parquet


def test_the_metadata_of_the_schema_are_kept(tmp_path: Path) -> None:
    table = pa.table({"label": [0]}).replace_schema_metadata({"huggingface": "{}"})
    pq.write_table(table, tmp_path / "t.parquet")
    assert parquet.read_schema(Place.parse(tmp_path / "t.parquet")).metadata[b"huggingface"] == b"{}"


def test_a_field_of_a_struct_is_read_alone(tmp_path: Path) -> None:
    image = pa.array([{"bytes": b"1", "path": "1.png"}], pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    pq.write_table(pa.table({"image": image}), tmp_path / "t.parquet")
    (batch,) = parquet.read_batches(Place.parse(tmp_path / "t.parquet"), ["image.path"], 10)
    assert batch.column(0).to_pylist() == [{"path": "1.png"}]


def test_only_the_part_that_is_asked_for_is_read(tmp_path: Path) -> None:
    """A broken page behind the first row group is not met before one gets there."""
    path = tmp_path / "t.parquet"
    table = pa.table({"x": [f"{i:05d}" for i in range(4000)]})
    pq.write_table(table, path, row_group_size=1000, write_page_checksum=True, use_dictionary=False, compression="none")
    content = bytearray(path.read_bytes())
    content[content.index(b"03500")] ^= 1
    path.write_bytes(content)
    batches = parquet.read_batches(Place.parse(path), ["x"], 1000)
    assert next(batches).column(0)[0].as_py() == "00000"
    with pytest.raises(NoisecleanerError, match=r"t\.parquet is damaged .*CRC"):
        list(batches)


def test_a_file_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"x": [1, 2]}), path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(NoisecleanerError, match="A Parquet file is required"):
        parquet.read_schema(Place.parse(path))


def test_what_this_arrow_does_not_read_names_the_columns_and_the_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Arrow before 26 says of lists of a fixed length with a null among them."""

    def fails(*arguments: object, **named: object) -> list[pa.RecordBatch]:
        raise pa.ArrowInvalid("Expected all lists to be of size=2 but index 3 had size=0")

    pq.write_table(pa.table({"embedding": [[1.0]]}), tmp_path / "t.parquet")
    monkeypatch.setattr(pq.ParquetFile, "iter_batches", fails)
    with pytest.raises(NoisecleanerError) as error:
        list(parquet.read_batches(Place.parse(tmp_path / "t.parquet"), ["embedding"], 10))
    assert "embedding" in error.value.message
    assert f"Arrow {pa.__version__} (Expected all lists" in error.value.message
    assert "a newer pyarrow" in error.value.hint
