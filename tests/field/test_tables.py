"""Tables that cannot be used: refused in one paragraph that says what to do, and nothing written."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.datasets import Command
from support.field import UNIFORM, VECTORS, Refused, table


def test_parquet_without_the_columns(refused: Refused, tmp_path: Path) -> None:
    pq.write_table(pa.table({"file": ["a.png"], "category": ["cat"], "sample_id": ["1"]}), tmp_path / "data.parquet")
    fit = ["fit", "data.parquet", "--out", "run"]
    refused(*fit, says=["'image'", "--image-column"])
    refused(*fit, "--image-column", "file", says=["'label'", "file, category", "--label-column"])
    refused(*fit, "--embedding-column", "vector", says=["'vector'", "file, category", "--embedding-column"])


def test_no_ids(refused: Refused, tmp_path: Path) -> None:
    pq.write_table(pa.table({"embedding": [[1.0]] * 4, "label": ["a", "b"] * 2}), tmp_path / "data.parquet")
    refused("fit", "data.parquet", "--out", "run", *VECTORS, says=["--id-column", "--row-ids"])


def test_not_a_parquet_file(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "data.parquet").write_bytes(b"PAR1 nothing PAR1")
    refused("fit", "data.parquet", "--out", "run", says=["A Parquet file is required"])


def test_a_file_of_another_kind(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "data.ods").write_bytes(b"PK")
    refused("fit", "data.ods", "--out", "run", says=[".parquet, .csv, .tsv, .json, .jsonl"])


def test_duplicate_sample_ids(refused: Refused, tmp_path: Path) -> None:
    pq.write_table(table(sample_id=["same"] * 2 + [str(i) for i in range(38)]), tmp_path / "data.parquet")
    refused(*UNIFORM, says=["unique", "same", "--id-column"])


def test_null_sample_ids(refused: Refused, tmp_path: Path) -> None:
    pq.write_table(table(sample_id=[None] + [str(i) for i in range(39)]), tmp_path / "data.parquet")
    refused(*UNIFORM, says=["1 of 40 rows"])


def test_one_class_only(refused: Refused, tmp_path: Path) -> None:
    pq.write_table(table(label=["cat"] * 40), tmp_path / "data.parquet")
    refused(*UNIFORM, says=["At least two classes", "1 (cat)"])


def test_labels_that_are_no_labels(refused: Refused, tmp_path: Path) -> None:
    pq.write_table(table(label=[[1.0]] * 40), tmp_path / "data.parquet")
    refused(*UNIFORM, says=["text or integers", "--label-column"])


def test_columns_of_the_same_name(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("sample_id,image,label,label\n1,a.png,cat,cat\n2,b.png,dog,dog\n")
    fit = ["fit", "data.csv", "--method", "uniform", "--out", "run"]
    refused(*fit, says=["2 columns called 'label'"])


def test_sample_ids_that_are_no_text(refused: Refused, tmp_path: Path) -> None:
    pq.write_table(table(sample_id=[[1]] * 40), tmp_path / "data.parquet")
    refused(*UNIFORM, says=["Sample ids must be text or integers"])


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(content=b"\x80\n", ending=".csv")
@example(content=b"caf\xe9,label\n1,a\n", ending=".csv")
@given(content=st.binary(max_size=300), ending=st.sampled_from([".parquet", ".csv", ".jsonl"]))
def test_any_bytes_as_a_table_are_refused(command: Command, tmp_path: Path, content: bytes, ending: str) -> None:
    file = tmp_path / f"data{ending}"
    file.write_bytes(content)
    outcome = command("fit", file, "--method", "uniform", "--out", tmp_path / "run", *VECTORS)
    assert outcome.code == 2, outcome.err
    assert not (tmp_path / "run").exists()
