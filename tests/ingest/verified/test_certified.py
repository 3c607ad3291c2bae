"""Rows that a clean copy marks as verified never audit it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import png

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns, Source, ingest
from noisecleaner.notices import Severity


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


def without_marks(folder: Path, names: list[str]) -> Source:
    """A copy whose marks are gone, with some of the columns that it was written with."""
    source = copy_of(folder, [True, False], **{name: [None, None] for name in names})
    table = pq.read_table(source.data)
    pq.write_table(table.drop_columns("nc_verified"), source.data)
    return source


@pytest.mark.parametrize("name", ["nc_flagged", "nc_given_label", "nc_label_quality", "nc_alpha", "nc_suggested_label"])
def test_a_copy_that_lost_its_marks_tells_no_rate(tmp_path: Path, name: str) -> None:
    source = without_marks(tmp_path, [name])
    for trusted in (None, verified(tmp_path, {"r0": "cat"})):
        dataset, _ = ingest(source, trusted)
        (notice,) = [notice for notice in dataset.notices if notice.code == "copy-without-marks"]
        assert notice.severity is Severity.VOID
        assert notice.message.startswith(
            f"{source.data} is a clean copy, because of its columns {name}, but the column nc_verified is gone"
        )


def test_columns_of_the_user_make_no_copy(tmp_path: Path) -> None:
    dataset, _ = ingest(without_marks(tmp_path, ["nc_mine", "alpha"]))
    assert not [notice for notice in dataset.notices if notice.code == "copy-without-marks"]


@pytest.mark.parametrize(
    ("told", "codes"), [({"verified": 1}, 1), ({"corrected": 2}, 1), ({"verified": 0}, 0), ({}, 0)]
)
def test_what_lies_beside_a_copy_tells_that_marks_are_gone(tmp_path: Path, told: dict[str, int], codes: int) -> None:
    source = without_marks(tmp_path, [])
    (tmp_path / "noisecleaner.json").write_text(json.dumps(told))
    notices = [notice for notice in ingest(source)[0].notices if notice.code == "copy-without-marks"]
    assert len(notices) == codes
    assert all("because of the noisecleaner.json beside it" in notice.message for notice in notices)


def test_metadata_of_a_folder_of_images_is_looked_at_likewise(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(png(1, np.random.default_rng(0)))
    (tmp_path / "metadata.csv").write_text("file_name,label,nc_flagged\na.png,cat,false\nb.png,dog,false\n")
    assert "copy-without-marks" in {notice.code for notice in ingest(Source(str(tmp_path)))[0].notices}
    (tmp_path / "metadata.csv").write_text(
        "file_name,label,nc_flagged,nc_verified\na.png,cat,false,true\nb.png,dog,false,false\n"
    )
    assert "copy-without-marks" not in {notice.code for notice in ingest(Source(str(tmp_path)))[0].notices}
