"""Rows that a clean copy marks as verified never audit it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns, Source, ingest


def copy_of(folder: Path, certified: list[object], **more: object) -> Source:
    """Rows of which some are marked."""
    rows = len(certified)
    columns = {
        "sample_id": [f"r{row}" for row in range(rows)],
        "label": ["cat", "dog"] * (rows // 2),
        "embedding": [[float(row), 1.0] for row in range(rows)],
        "nc_verified": certified,
        **more,
    }
    pq.write_table(pa.table(columns), folder / "copy.parquet")
    return Source(str(folder / "copy.parquet"), columns=Columns(embedding="embedding"))


def verified(folder: Path, labels: dict[str, str]) -> str:
    path = folder / "verified.csv"
    path.write_text("sample_id,trusted_label\n" + "".join(f"{row},{label}\n" for row, label in labels.items()))
    return str(path)


def test_marked_rows_steer_and_measure_nothing(tmp_path: Path) -> None:
    source = copy_of(tmp_path, [True, True, False, None, False, False])
    dataset, _ = ingest(source, verified(tmp_path, {"r0": "cat", "r1": "cat", "r2": "dog"}))
    assert dataset.table["trusted_label"].to_pylist() == [None, None, "dog", None, None, None]
    assert dataset.table["corrected_label"].to_pylist() == ["cat", "cat", None, None, None, None]
    (notice,) = [notice for notice in dataset.notices if notice.code == "verified-before-the-copy"]
    assert notice.message.startswith("2 of 3 verified rows carry their verified label since this copy was exported")
    assert "those of the rows that nobody had verified before" in notice.message


def test_the_same_holds_for_a_trusted_column_of_the_copy(tmp_path: Path) -> None:
    dataset, _ = ingest(copy_of(tmp_path, [True, False], trusted_label=["cat", "dog"]))
    assert dataset.table["trusted_label"].to_pylist() == [None, "dog"]


def test_marks_without_verified_labels_say_nothing(tmp_path: Path) -> None:
    dataset, _ = ingest(copy_of(tmp_path, [True, False]))
    assert dataset.table["corrected_label"].null_count == 2
    assert not [notice for notice in dataset.notices if notice.code == "verified-before-the-copy"]


def test_a_column_that_says_neither_true_nor_false_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoisecleanerError, match="must say true or false of each row"):
        ingest(copy_of(tmp_path, ["maybe", "later"]))
