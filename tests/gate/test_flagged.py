"""The flagged rows, the worst first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.scored import make_run, metadata_of, scores_table

from noisecleaner.gate.flagged import FlaggedRow, FlaggedRows
from noisecleaner.runs import scored_run
from noisecleaner.runs.scored_run import ScoredRun
from noisecleaner.tables import SCORES, write_table


def rows_of(folder: Path, quality: list[float], flagged: list[bool | None]) -> FlaggedRows:
    run = make_run(folder)
    table = scores_table(given_label=["cat"] * len(quality), label_quality=quality, flagged=flagged)
    write_table(run / "scores.parquet", [table], SCORES, metadata_of(["cat"]).to_json())
    return FlaggedRows(run=ScoredRun(run))


@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_the_worst_come_first_and_rows_that_are_as_bad_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    """However the rows are cut into batches."""
    monkeypatch.setattr(scored_run, "_BATCH", batch)
    quality = np.random.default_rng(0).integers(0, 10, 100) / 10
    rows = rows_of(tmp_path / "run", quality.tolist(), (quality < 0.5).tolist())
    expected = [f"r{row:05d}" for row in np.argsort(quality, kind="stable") if quality[row] < 0.5]
    assert [row.sample_id for row in rows.worst(1000)] == expected
    assert [row.sample_id for row in rows.worst(12)] == expected[:12]
    assert len(rows) == len(expected)


def test_rows_without_a_score_are_not_flagged(tmp_path: Path) -> None:
    rows = rows_of(tmp_path / "run", [0.1, float("nan"), 0.9], [True, None, False])
    assert [row.sample_id for row in rows.worst(5)] == ["r00000"]


def test_flagged_rows_without_a_value_come_last(tmp_path: Path) -> None:
    """Those without a label, after a transfer."""
    rows = rows_of(tmp_path / "run", [float("nan"), 0.1, 0.9], [True, True, False])
    first, last = rows.worst(5)
    assert (first.sample_id, last.sample_id, last.value) == ("r00001", "r00000", None)
    assert last.sentence == "The label 'cat' of 'r00000' looks wrong; no other class is surely right."


def test_no_run_has_no_rows() -> None:
    assert (len(FlaggedRows()), list(FlaggedRows().worst(5)), FlaggedRows().source) == (0, [], None)


@pytest.mark.parametrize(
    ("given", "suggested", "sentence"),
    [
        ("cat", "dog", "The label 'cat' of 'a' looks wrong (label_quality 0.0312); 'dog' is likelier."),
        ("cat", None, "The label 'cat' of 'a' looks wrong (label_quality 0.0312); no other class is surely right."),
        (None, "dog", "The missing label of 'a' looks wrong (label_quality 0.0312); 'dog' is likelier."),
        (
            "\x1b[31m",
            None,
            "The label '�[31m' of 'a' looks wrong (label_quality 0.0312); no other class is surely right.",
        ),
    ],
)
def test_a_row_is_a_sentence(given: str | None, suggested: str | None, sentence: str) -> None:
    row = FlaggedRow(sample_id="a", path=None, given=given, suggested=suggested, by="label_quality", value=0.03125)
    assert row.sentence == sentence
