"""Tables that `plan` wrote are read back, by way of Parquet and of text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from support.reports import CLASSES, make_scored

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Source
from noisecleaner.planning import plan, read_form, recheck
from noisecleaner.tables import METADATA_KEY


def test_a_plan_knows_its_rows_and_where_they_come_from(tmp_path: Path) -> None:
    run, out = make_scored(tmp_path), tmp_path / "verify.parquet"
    plan(run, out, count=20)
    form, table = read_form(out), pq.read_table(out)
    assert form.ids.to_pylist() == table["sample_id"].to_pylist()
    assert (form.column, len(form), form.labels.null_count) == ("trusted_label", len(table), 20)
    assert form.probability is not None
    np.testing.assert_array_equal(form.probability, table["sample_probability"])
    assert form.origin is not None
    assert (form.origin.source, form.origin.classes) == (Source(str(tmp_path / "data.parquet")), CLASSES)
    assert (form.origin.none_label, form.origin.run) == ("none", str(run))


def test_a_second_look_likewise(tmp_path: Path) -> None:
    run, out = make_scored(tmp_path), tmp_path / "again.parquet"
    recheck(run, out, count=20)
    form = read_form(out)
    assert (form.column, len(form), form.labels.null_count, form.probability) == ("second_label", 20, 20, None)
    assert form.origin is not None
    assert form.origin.run == str(run)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_text_from_a_spreadsheet_has_no_origin(tmp_path: Path, separator: str) -> None:
    """Cells with a decimal comma, and a row that nobody has filled in."""
    lines = [("sample_id", "trusted_label", "sample_probability"), ("007", "", '"0,25"'), ("=1+1", "cat", "")]
    (tmp_path / "back.csv").write_text("\n".join(separator.join(line) for line in lines), "utf-8-sig")
    form = read_form(tmp_path / "back.csv")
    assert form.ids.to_pylist() == ["007", "=1+1"]
    assert form.labels.to_pylist() == [None, "cat"]
    assert form.paths.to_pylist() == [None, None]
    assert form.probability is not None
    np.testing.assert_array_equal(form.probability, [0.25, np.nan])
    assert form.origin is None


@pytest.mark.parametrize("metadata", [b'{"run": "r", "n": 1}', b"[]"])
def test_a_plan_of_an_earlier_version_has_no_origin(tmp_path: Path, metadata: bytes) -> None:
    table = pa.table({"sample_id": ["a"], "trusted_label": ["cat"]})
    pq.write_table(table.replace_schema_metadata({METADATA_KEY: metadata}), tmp_path / "old.parquet")
    form = read_form(tmp_path / "old.parquet")
    assert (form.origin, form.probability) == (None, None)


@pytest.mark.parametrize("metadata", [b'{"source": 3}', b"{", b"[" * 100_000, b'{"source": {}, "run": null}'])
def test_an_origin_that_cannot_be_read_is_refused(tmp_path: Path, metadata: bytes) -> None:
    table = pa.table({"sample_id": ["a"], "trusted_label": ["cat"]})
    pq.write_table(table.replace_schema_metadata({METADATA_KEY: metadata}), tmp_path / "bad.parquet")
    with pytest.raises(NoisecleanerError, match="where its rows come from"):
        read_form(tmp_path / "bad.parquet")


@pytest.mark.parametrize("columns", [["sample_id"], ["trusted_label"], ["sample_id", "trusted_label", "second_label"]])
def test_other_tables_are_no_plan(tmp_path: Path, columns: list[str]) -> None:
    pa.csv.write_csv(pa.table({name: ["a"] for name in columns}), tmp_path / "other.csv")
    with pytest.raises(NoisecleanerError, match="A plan is a table with the columns"):
        read_form(tmp_path / "other.csv")


def test_a_plan_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoisecleanerError, match=r"A plan is required, but .+verify\.parquet does not exist"):
        read_form(tmp_path / "verify.parquet")


def test_repeated_ids_are_refused(tmp_path: Path) -> None:
    pa.csv.write_csv(pa.table({"sample_id": ["a", "a"], "trusted_label": ["b", "c"]}), tmp_path / "twice.csv")
    with pytest.raises(NoisecleanerError, match="must be unique"):
        read_form(tmp_path / "twice.csv")
