"""Hints for who names a directory of new rows that is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from noisecleaner.errors import NoisecleanerError
from noisecleaner.runs.near import meant
from noisecleaner.runs.run import Run
from noisecleaner.runs.scored_run import ScoredRun


def test_scores_of_new_rows_are_named_where_one_of_them_was_meant(tmp_path: Path) -> None:
    scored = tmp_path / "run" / "new" / "Bnew-1a2b3c4d"
    scored.mkdir(parents=True)
    (scored / "scores.parquet").touch()
    wrong = scored.with_name("Bnew")
    for attempt in (lambda: Run(wrong).read(), lambda: ScoredRun(wrong)):
        with pytest.raises(NoisecleanerError) as error:
            attempt()
        assert error.value.hint == f"There are scores of new rows in: {scored}."
    with pytest.raises(NoisecleanerError) as error:
        Run(scored).read()
    assert error.value.hint == f"{scored} holds scores of new rows: name the run that made them."


def test_elsewhere_the_hint_is_the_usual_one(tmp_path: Path) -> None:
    assert meant(tmp_path / "nothing", "Make one.") == "Make one."
    assert meant(tmp_path / "no" / "new" / "such", "Make one.") == "Make one."


def test_a_damaged_run_holds_no_new_rows(tmp_path: Path) -> None:
    for name in ("scores.parquet", "trace.parquet"):
        (tmp_path / "run").mkdir(exist_ok=True)
        (tmp_path / "run" / name).touch()
    assert meant(tmp_path / "run", "Fit again.") == "Fit again."
    assert meant(tmp_path / "ru", "Fit again.") == "Fit again."
