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


def test_what_is_no_scored_run_is_called_what_it_is(tmp_path: Path) -> None:
    """A plan or a page in place of the run, a run without scores, a folder of something else, nothing."""
    (tmp_path / "plan.parquet").touch()
    for name in ("run", "images"):
        (tmp_path / name).mkdir()
    (tmp_path / "run" / "run.json").touch()
    expected = {
        "plan.parquet": ("plan.parquet is a file", "Name the directory of a run. A table that was filled in goes"),
        "run": ("run has not been scored yet", "Score it: `score("),
        "images": ("images is a folder that holds no run", "Make a run, `fit("),
        "nope": ("nope does not exist", "Make a run, `fit("),
    }
    for name, (message, hint) in expected.items():
        with pytest.raises(NoisecleanerError) as error:
            ScoredRun(tmp_path / name)
        assert message in error.value.message
        assert error.value.hint.startswith(hint)
