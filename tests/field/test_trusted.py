"""Verified labels that cannot be used: refused in one paragraph that says what to do, and nothing written."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.datasets import embeddings
from support.field import STEERED, VECTORS, Refused, table, trusted


def test_missing_trusted_path(refused: Refused, tmp_path: Path) -> None:
    embeddings(tmp_path / "data.parquet", rows=60)
    refused("fit", "data.parquet", "--trusted", "gone.csv", "--out", "run", *VECTORS, says=["gone.csv is nothing"])


@pytest.mark.parametrize("method", ["soseleto", "l2b", "l2rw"])
def test_no_trusted_rows_for_a_method_that_needs_them(refused: Refused, tmp_path: Path, method: str) -> None:
    pq.write_table(table(), tmp_path / "data.parquet")
    refused(
        *STEERED,
        "--method",
        method,
        says=[f"--method {method}", "--trusted FILE", "--trusted none", "bilevel or uniform"],
    )


def test_rows_of_low_loss_only_where_they_serve(refused: Refused, tmp_path: Path) -> None:
    pq.write_table(table(), tmp_path / "data.parquet")
    refused(*STEERED, "--trusted", "none", "--method", "uniform", says=["--method uniform needs none"])
    pq.write_table(table(trusted_label=["cat", "dog"] * 20), tmp_path / "data.parquet")
    refused(*STEERED, "--trusted", "none", says=["has a column of them", "Leave --trusted out"])


def test_trusted_labels_unknown_to_the_dataset(refused: Refused, tmp_path: Path) -> None:
    pq.write_table(table(), tmp_path / "data.parquet")
    trusted(tmp_path / "t.parquet", ["cat", "horse"])
    refused(*STEERED, "--trusted", "t.parquet", says=["holds horse", "cat, dog", "--trusted-column"])


def test_trusted_rows_all_of_one_class(refused: Refused, tmp_path: Path) -> None:
    pq.write_table(table(), tmp_path / "data.parquet")
    trusted(tmp_path / "t.parquet", ["cat"] * 10)
    refused(*STEERED, "--trusted", "t.parquet", says=["at least two classes", "'cat'", "at random"])


def test_trusted_rows_without_a_label(refused: Refused, tmp_path: Path) -> None:
    pq.write_table(table(), tmp_path / "data.parquet")
    trusted(tmp_path / "t.parquet", [None] * 10)
    refused(*STEERED, "--trusted", "t.parquet", says=["there are none"])


def test_trusted_rows_of_another_dataset(refused: Refused, tmp_path: Path) -> None:
    pq.write_table(table(), tmp_path / "data.parquet")
    trusted(tmp_path / "t.parquet", ["cat", "dog"], ["x", "y"])
    refused(*STEERED, "--trusted", "t.parquet", says=["2 of 2", "same ids"])


def test_trusted_rows_twice(refused: Refused, tmp_path: Path) -> None:
    pq.write_table(table(), tmp_path / "data.parquet")
    trusted(tmp_path / "t.parquet", ["cat", "dog"], ["s1", "s1"])
    refused(*STEERED, "--trusted", "t.parquet", says=["contradict each other", "'s1' (cat and dog)"])
