"""Tables come back as they were written, or are called damaged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.scored import scores_table

from noisecleaner.errors import NoisecleanerError
from noisecleaner.tables import (
    DESIGN,
    METADATA_KEY,
    PLAN,
    REPORT,
    SCORES,
    read_table,
    require_columns,
    write_table,
)

SCHEMA = pa.schema([pa.field("name", pa.string()), pa.field("value", pa.float32())])
ROWS = pa.table({"name": ["a", "b"], "value": pa.array([0.5, None], pa.float32())}, schema=SCHEMA)


def test_tables_come_back_with_their_notes(tmp_path: Path) -> None:
    write_table(tmp_path / "t.parquet", [ROWS], SCHEMA, {"classes": ["a"]})
    table, meta = read_table(tmp_path / "t.parquet", SCHEMA)
    assert table.equals(ROWS)
    assert meta == {"classes": ["a"]}


def test_floats_are_byte_stream_split_and_zstd_compressed(tmp_path: Path) -> None:
    write_table(tmp_path / "t.parquet", [ROWS], SCHEMA, {})
    group = pq.ParquetFile(tmp_path / "t.parquet").metadata.row_group(0)
    assert group.column(1).compression == "ZSTD"
    assert "BYTE_STREAM_SPLIT" in group.column(1).encodings


def test_a_flipped_bit_in_a_table_is_found(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    values = pa.table(
        {"name": ["x"] * 4000, "value": pa.array(np.random.default_rng(0).random(4000), pa.float32())}, schema=SCHEMA
    )
    write_table(path, [values], SCHEMA, {})
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    with pytest.raises(NoisecleanerError, match="damaged"):
        read_table(path, SCHEMA)


@pytest.mark.parametrize(
    "other",
    [
        ROWS.rename_columns(["name", "valeur"]).replace_schema_metadata({METADATA_KEY: b"{}"}),
        ROWS.replace_schema_metadata(None),
        ROWS.replace_schema_metadata({METADATA_KEY: b"no json"}),
    ],
)
def test_a_table_of_another_kind_is_called_damaged(tmp_path: Path, other: pa.Table) -> None:
    pq.write_table(other, tmp_path / "t.parquet")
    with pytest.raises(NoisecleanerError, match="damaged"):
        read_table(tmp_path / "t.parquet", SCHEMA)


def test_some_columns_may_be_read_alone(tmp_path: Path) -> None:
    write_table(tmp_path / "t.parquet", [ROWS, ROWS], SCHEMA, {})
    table, _ = read_table(tmp_path / "t.parquet", SCHEMA, ["value"])
    assert table.column_names == ["value"]
    assert len(table) == 4


def test_a_table_that_is_missing_is_called_damaged(tmp_path: Path) -> None:
    with pytest.raises(NoisecleanerError, match="is required, but it cannot be read"):
        read_table(tmp_path / "t.parquet", SCHEMA)


def test_a_table_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    def batches() -> Iterator[pa.Table]:
        yield ROWS
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        write_table(tmp_path / "t.parquet", batches(), SCHEMA, {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("schema", [SCORES, REPORT, PLAN, DESIGN])
def test_every_schema_of_ours_can_hold_no_rows_at_all(tmp_path: Path, schema: pa.Schema) -> None:
    write_table(tmp_path / "t.parquet", [schema.empty_table()], schema, {"rows": 0})
    table, metadata = read_table(tmp_path / "t.parquet", schema)
    assert table.schema.equals(schema)
    assert (len(table), metadata) == (0, {"rows": 0})


def test_columns_that_are_there_once_are_what_is_required() -> None:
    require_columns(SCHEMA, {"sample_id": "name", "label": "value"}, "table.csv")
    with pytest.raises(NoisecleanerError, match=r"table\.csv needs a column called 'key'.* name, value") as error:
        require_columns(SCHEMA, {"sample_id": "key"}, "table.csv")
    assert error.value.hint == "Name the right one with `Columns(sample_id=NAME)`."


def test_a_column_that_is_there_twice_is_refused() -> None:
    twice = pa.schema([("name", pa.string()), ("name", pa.string())])
    with pytest.raises(NoisecleanerError, match=r"has 2 columns called 'name'"):
        require_columns(twice, {"label": "name"}, "table.csv")


@pytest.mark.parametrize("columns", [None, ["corrected_label", "given_label"]])
def test_what_an_earlier_version_did_not_write_is_null(tmp_path: Path, columns: list[str] | None) -> None:
    rows = scores_table(given_label=["a", "b"])
    older = pa.schema([field for field in SCORES if field.name != "corrected_label"])
    write_table(tmp_path / "t.parquet", [rows.select(older.names)], older, {})
    table, _ = read_table(tmp_path / "t.parquet", SCORES, columns)
    assert table.equals(rows.select(columns or SCORES.names))
    other = pa.schema([field for field in SCORES if field.name != "given_label"])
    write_table(tmp_path / "t.parquet", [rows.select(other.names)], other, {})
    with pytest.raises(NoisecleanerError, match="damaged"):
        read_table(tmp_path / "t.parquet", SCORES)
