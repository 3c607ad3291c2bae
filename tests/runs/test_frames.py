"""Tables for those who work with pandas, and a sentence for those who lack it."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest
from support.reports import make_scored

from noisecleaner.errors import NoisecleanerError
from noisecleaner.runs.scored_run import ScoredRun
from noisecleaner.tables import REPORT, SCORES


def test_scores_are_a_frame_with_flags_that_may_be_missing(tmp_path: Path) -> None:
    run = ScoredRun(str(make_scored(tmp_path, rows=100, audited=40)))
    frame, table = run.to_pandas(), run.to_arrow()
    assert list(frame.columns) == table.column_names == SCORES.names
    assert frame["flagged"].dtype == pd.BooleanDtype()
    assert int(frame["flagged"].sum()) == run.counts.flagged
    assert frame["sample_id"].tolist() == table["sample_id"].to_pylist()
    thresholds = run.thresholds().to_pandas()
    assert list(thresholds.columns) == REPORT.names


def test_cleanlabs_names_are_added_where_they_are_asked_for(tmp_path: Path) -> None:
    run = ScoredRun(make_scored(tmp_path, rows=100, audited=40))
    frame = run.to_pandas(cleanlab_columns=True)
    assert list(frame.columns[-3:]) == ["is_label_issue", "label_score", "predicted_label"]
    assert run.to_arrow(cleanlab_columns=True)["is_label_issue"].to_pylist() == frame["is_label_issue"].tolist()


def test_who_has_no_pandas_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = ScoredRun(make_scored(tmp_path, rows=100, audited=40))
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(NoisecleanerError, match=r"needs pandas, which is not installed\. Install it"):
        run.to_pandas()
    assert len(run.to_arrow()) == 100
