"""Flagged rows that nobody has looked at, the worst ones, pairs together."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.reports import make_scored

from noisecleaner.errors import NoisecleanerError
from noisecleaner.review.fixing import flagged
from noisecleaner.review.sheet import FlaggedRow, Sheet
from noisecleaner.runs.scored_run import ScoredRun


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_scored(tmp_path_factory.mktemp("fix"))


def flagged_rows(sheet: Sheet) -> list[FlaggedRow]:
    return [row for row in sheet.rows if isinstance(row, FlaggedRow)]


def test_the_worst_rows_that_nobody_has_looked_at_are_chosen(run: Path) -> None:
    scores = pq.read_table(run / "scores.parquet").to_pylist()
    open_rows = [row for row in scores if row["flagged"] and row["trusted_label"] is None]
    worst = sorted(open_rows, key=lambda row: row["label_quality"])[:20]
    sheet, _ = flagged(ScoredRun(run), None, most=20)
    rows = flagged_rows(sheet)
    assert [row.sample_id for row in rows] == [row["sample_id"] for row in worst]
    assert [sheet.classes[row.given] for row in rows] == [row["given_label"] for row in worst]
    assert [sheet.classes[row.suggested or 0] for row in rows] == [row["suggested_label"] for row in worst]
    verified = sum(bool(row["flagged"]) for row in scores) - len(open_rows)
    assert sheet.aside.startswith(
        f"The worst 20 of {len(open_rows)} flagged rows. {verified} flagged rows are verified"
    )


def test_pairs_stand_together_frequent_ones_first_and_the_worst_of_each_first(run: Path) -> None:
    sheet, manifest = flagged(ScoredRun(run), None, most=1_000)
    rows = [flagged_rows(sheet)[place] for place in sheet.order]
    groups = [list(group) for _, group in groupby(rows, key=lambda row: (row.given, row.suggested))]
    assert len(groups) == len({(row.given, row.suggested) for row in rows}) > 3
    assert [len(group) for group in groups] == sorted((len(group) for group in groups), reverse=True)
    for group in groups:
        assert [row.value for row in group] == sorted(row.value or 0 for row in group)
    ids = manifest.table["sample_id"].to_pylist()
    assert [row.sample_id for row in rows] == [ids[number] for number in sheet.numbers]


def test_where_all_have_been_looked_at_there_is_nothing_to_do(tmp_path: Path) -> None:
    run = make_scored(tmp_path, rows=60, audited=59)
    with pytest.raises(NoisecleanerError, match=r"flagged ones that nobody has looked at, but .* has none of"):
        flagged(ScoredRun(run), None, most=10)
