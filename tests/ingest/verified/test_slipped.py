"""A table of verified labels of which a part slipped by a row says so, and names the part."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from support.sources import read, vectors

from noisecleaner.ingest.verified.slipped import CODE
from noisecleaner.notices import Notice, Severity

NAMES = [f"class {letter}" for letter in "abcdefgh"]


class Rows:
    """400 rows of a dataset in which a fifth is labelled wrongly; every second one was verified."""

    def __init__(self, folder: Path) -> None:
        rng, self.folder = np.random.default_rng(1), folder
        true = rng.integers(0, 8, 400)
        given = np.where(rng.random(400) < 0.2, (true + rng.integers(1, 8, 400)) % 8, true)
        self.true, self.given = ([NAMES[number] for number in numbers] for numbers in (true, given))

    def found(self, verified: Sequence[str], order: Sequence[int]) -> list[Notice]:
        """What is said of a table with these labels, in this order of the dataset's rows."""
        lines = [f"r{row},{label}" for row, label in zip(order, verified, strict=True)]
        (self.folder / "v.csv").write_text("\n".join(["sample_id,trusted_label", *lines]))
        manifest = read(
            vectors(self.folder / "d.parquet", self.given), embedding="embedding", trusted=self.folder / "v.csv"
        )
        return [notice for notice in manifest.notices if notice.code == CODE]


def read_with(rows: Rows, verified: Sequence[str | None]) -> list[Notice]:
    manifest = read(vectors(rows.folder / "d.parquet", rows.given, trusted_label=verified), embedding="embedding")
    return [notice for notice in manifest.notices if notice.code == CODE]


@pytest.fixture
def rows(tmp_path: Path) -> Rows:
    return Rows(tmp_path)


def test_the_order_of_the_table_counts_and_not_that_of_the_dataset(rows: Rows) -> None:
    order = np.random.default_rng(5).permutation(400)[:200].tolist()
    right = [rows.true[row] for row in order]
    assert rows.found(right, order) == []
    (notice,) = rows.found([*right[:160], *right[161:], right[0]], order)  # a cell was deleted
    assert notice.severity is Severity.VOID
    assert f" to row 199 (r{order[198]}) of column 'trusted_label' of {rows.folder / 'v.csv'}: " in notice.message
    first = int(notice.message.split("about row ")[1].split(" ")[0])
    assert 155 <= first <= 167
    assert f"row {first} (r{order[first - 1]})" in notice.message
    assert "% that of the row below" in notice.message


def test_rows_left_empty_count_as_rows(rows: Rows) -> None:
    """Every second row of a table of all of them was verified; the labels of the last hundred rows slipped."""
    verified = [label if row % 2 else "" for row, label in enumerate(rows.true)]
    assert rows.found(verified, range(400)) == []
    (notice,) = rows.found([*verified[:300], "", *verified[300:399]], range(400))
    assert "% that of the row above" in notice.message


def test_a_datasets_own_column_is_looked_at_too(rows: Rows) -> None:
    verified = [label if row % 2 else None for row, label in enumerate(rows.true)]
    assert read_with(rows, verified) == []
    (notice,) = read_with(rows, [*verified[:200], None, None, *verified[200:398]])
    assert "% that of the row 2 rows above" in notice.message
