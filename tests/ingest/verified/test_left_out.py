"""Verified rows that a clean copy left out are counted; other strangers are refused as ever."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns, Manifest, Source, ingest


def copy_of(folder: Path, *, left_out: dict[str, list[str]] | None, marked: bool) -> Source:
    """Four rows of a copy."""
    table = {
        "sample_id": ["r0", "r1", "r2", "r3"],
        "label": ["cat", "dog"] * 2,
        "embedding": [[0.0], [1.0], [2.0], [3.0]],
        **({"nc_verified": [True, False, False, False]} if marked else {}),
    }
    pq.write_table(pa.table(table), folder / "copy.parquet")
    if left_out is not None:
        (folder / "noisecleaner.json").write_text(json.dumps({"left_out": left_out}))
    return Source(str(folder / "copy.parquet"), columns=Columns(embedding="embedding"))


def table(folder: Path, text: str, column: str = "trusted_label") -> str:
    (folder / "labels.csv").write_text(f"sample_id,{column}\n{text}")
    return str(folder / "labels.csv")


def told(dataset: Manifest) -> str:
    (notice,) = [notice for notice in dataset.notices if notice.code == "rows-left-out-of-the-copy"]
    return notice.message


def test_rows_of_which_no_class_is_right_cannot_be_in_a_copy(tmp_path: Path) -> None:
    source = copy_of(tmp_path, left_out=None, marked=True)
    labels = table(tmp_path, "r0,cat\nr1,cat\nr8,none\nr9,none\n")
    dataset, clean_only = ingest(source, labels)
    assert clean_only is None
    assert dataset.table["trusted_label"].to_pylist() == [None, "cat", None, None]
    assert told(dataset) == (
        f"2 verified rows of {labels} are not in this copy, because its export left them out (2 of no class): nothing "
        "is made of them here."
    )


def test_rows_that_the_copy_names_are_counted_whatever_their_label(tmp_path: Path) -> None:
    source = copy_of(tmp_path, left_out={"flagged": ["r9"], "unreadable": ["r7"]}, marked=False)
    dataset, _ = ingest(source, table(tmp_path, "r0,cat\nr9,dog\n"))
    assert dataset.table["trusted_label"].to_pylist() == ["cat", None, None, None]
    assert told(dataset).startswith("1 verified row of ")
    assert "left it out: nothing is made of it here" in told(dataset)


def test_corrections_of_such_rows_are_counted_likewise(tmp_path: Path) -> None:
    source = copy_of(tmp_path, left_out={"no_class": ["r9"]}, marked=True)
    labels = table(tmp_path, "r1,cat\nr9,none\n", "corrected_label")
    dataset, _ = ingest(source, corrections=labels)
    assert dataset.table["corrected_label"].to_pylist() == [None, "cat", None, None]
    assert told(dataset).startswith("1 corrected row of ")


@pytest.mark.parametrize("marked", [True, False])
def test_other_strangers_are_refused_and_only_they_are_counted(tmp_path: Path, marked: bool) -> None:
    source = copy_of(tmp_path, left_out={"flagged": ["r9"]}, marked=marked)
    with pytest.raises(NoisecleanerError, match=r"1 of 3 labelled rows .* does not hold .such as 'r8'"):
        ingest(source, table(tmp_path, "r0,cat\nr9,dog\nr8,dog\n"))


def test_a_dataset_that_is_no_copy_refuses_rows_of_no_class_that_it_does_not_hold(tmp_path: Path) -> None:
    source = copy_of(tmp_path, left_out=None, marked=False)
    with pytest.raises(NoisecleanerError, match="does not hold"):
        ingest(source, table(tmp_path, "r0,cat\nr8,none\n"))
