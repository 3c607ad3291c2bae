"""Where rows are cut: by a number in the range of its column, or by one rule that chooses it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.reports import scored_rows

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Source
from noisecleaner.noise.goal import Goal
from noisecleaner.noise.posterior import best_f1
from noisecleaner.noise.thresholds import TooFewVerifiedError
from noisecleaner.notices import Notice, Severity
from noisecleaner.runs.cutoff import BY, Cutoff
from noisecleaner.runs.scored import By, ScoredRows
from noisecleaner.runs.summary import Summary
from noisecleaner.runs.writing import write

NAMES = ("cat", "dog")


def written(folder: Path, scored: ScoredRows, **cutoff: Any) -> Summary:
    return write(folder, scored, Cutoff(**cutoff), run=folder, source=Source("d.parquet"))


def with_column(by: By, sign: float) -> ScoredRows:
    """Rows whose column follows label quality (sign 1), its opposite (-1) or nothing (0)."""
    scored = scored_rows(600, 300, NAMES)
    noise = np.random.default_rng(1).normal(size=len(scored.label_quality)).astype(np.float32)
    return replace(
        scored, **{by: np.where(np.isnan(scored.label_quality), np.nan, sign * scored.label_quality + noise / 9)}
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"threshold": 1.05},
        {"threshold": -0.1, "by": "positive_share"},
        {"threshold": float("nan"), "by": "margin"},
        {"threshold": float("inf"), "by": "alpha"},
        {"threshold": True},
        {"by": "beta"},
        {"threshold": "auto", "goal": Goal("budget", 3)},
        {"threshold": "auto", "by": "alpha"},
        {"goal": Goal("cost", 5), "by": "margin"},
        {"top": -1},
    ],
)
def test_what_cuts_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(NoisecleanerError):
        Cutoff(**wrong)


def test_each_column_has_its_range_and_its_middle() -> None:
    assert [Cutoff(by=by).number() for by in BY] == [0.5, 0.5, 0.0, 0.0, 0.5]
    assert Cutoff(threshold=1.05, by="alpha").number() == 1.05
    assert Cutoff(threshold=-3, by="margin").number() == -3
    assert Cutoff().number() == 0.5


@pytest.mark.parametrize("by", [by for by in BY if by != "label_quality"])
def test_a_column_is_cut_where_it_ranks_and_refused_with_its_auroc_where_it_does_not(tmp_path: Path, by: By) -> None:
    summary = written(tmp_path, with_column(by, 1), by=by, threshold=0.5)
    assert (summary.by, summary.threshold) == (by, 0.5)
    assert 0 < summary.flagged < summary.rows
    for sign in (0, -1):
        with pytest.raises(NoisecleanerError, match=rf"but {by} tells them apart with AUROC 0\.[0-5]") as refused:
            written(tmp_path, with_column(by, sign), by=by, threshold=0.5)
        assert type(refused.value) is NoisecleanerError
    with pytest.raises(NoisecleanerError, match="no row has"):
        written(tmp_path, scored_rows(600, 300, NAMES), by=by)


def test_the_best_expected_f1_is_chosen_and_told_in_every_file(tmp_path: Path) -> None:
    scored = scored_rows(600, 300, NAMES)
    summary = written(tmp_path, scored, threshold="auto")
    quality = scored.values("label_quality")
    assert summary.threshold == best_f1(quality[np.isfinite(quality)])
    assert summary.flagged == (quality < summary.threshold).sum()
    assert summary.goal == Goal("f1")
    told = json.loads((tmp_path / "noise.json").read_text())["cut"]
    assert (told["by"], told["threshold"]) == ("label_quality", summary.threshold)
    assert told["reason"] == f"best expected F1, {2 * (1 - summary.threshold):.3f}"


def test_costs_choose_the_threshold_of_bayes(tmp_path: Path) -> None:
    summary = written(tmp_path, scored_rows(600, 300, NAMES), goal=Goal("cost", 5))
    assert summary.threshold == 5 / 6


@pytest.mark.parametrize("aim", [{"threshold": "auto"}, {"goal": Goal("cost", 5)}])
def test_what_is_no_probability_chooses_no_threshold(tmp_path: Path, aim: dict[str, Any]) -> None:
    uncalibrated = scored_rows(600, 300, NAMES, model="uncalibrated")
    odd = scored_rows(600, 300, NAMES).noting(Notice(code="x", message="Picked.", severity=Severity.VOID))
    for scored, why in ((uncalibrated, "needs label quality that is calibrated"), (odd, "Picked")):
        with pytest.raises(TooFewVerifiedError, match=why):
            written(tmp_path, scored, **aim)
        # a plan draws from the first scores, which are there with the default threshold
        assert json.loads((tmp_path / "noise.json").read_text())["cut"]["threshold"] == 0.5
