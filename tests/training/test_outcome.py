"""What a fit leaves behind its trace: what it says of too few verified rows, and what new rows need."""

from __future__ import annotations

from dataclasses import replace

import pytest

from noisecleaner.notices import Severity
from noisecleaner.quality.fitting import MIN_EACH
from noisecleaner.runs.record import FitResult
from noisecleaner.training.folds import MIN_AUDITED
from noisecleaner.training.outcome import halved, shortage

RESULT = FitResult(
    rows=900, skipped={}, audited=200, clean_only=0, judging=100, judged_wrong=5, quality="planted", seconds={}
)


def warned(result: FitResult) -> list[str]:
    return [notice.message for notice in shortage(result)]


@pytest.mark.parametrize("quality", ["audited", "transfer"])
def test_what_is_calibrated_on_real_errors_needs_no_warning(quality: str) -> None:
    assert warned(replace(RESULT, quality=quality)) == []


@pytest.mark.parametrize(("quality", "reason"), [("planted", "known wrong labels"), ("uncalibrated", "uncalibrated")])
def test_what_is_not_says_why_and_how_many_rows_would_do(quality: str, reason: str) -> None:
    (warning,) = warned(replace(RESULT, quality=quality))
    assert reason in warning
    assert "only 100 could judge, 5 of them wrong" in warning
    assert "Verify about 300 rows" in warning  # of which 15 would be wrong


@pytest.mark.parametrize(
    ("judging", "wrong", "enough"),
    [(100, 5, 300), (100, 95, 300), (100, 0, 300), (0, 0, 300), (10, 5, 30), (10_000, 1, 150_000), (12, 11, 180)],
)
def test_enough_rows_hold_half_as_many_again_as_are_needed_of_each_kind(judging: int, wrong: int, enough: int) -> None:
    (warning,) = warned(replace(RESULT, judging=judging, judged_wrong=wrong))
    assert f"Verify about {enough:,} rows" in warning
    assert enough >= MIN_AUDITED
    if rarer := min(wrong, judging - wrong):
        assert enough * rarer / judging >= 1.5 * MIN_EACH


def test_where_a_part_of_the_audited_rows_steers_a_single_network_it_is_said_how_many_judge() -> None:
    (notice,) = halved(replace(RESULT, audited=1200, judging=500))
    assert notice.severity is Severity.NOTE
    assert notice.message.startswith("700 of the 1,200 audited rows steer this network; the other 500 judge")


@pytest.mark.parametrize("judging", [0, 200])
def test_where_all_judge_or_none_there_are_no_parts(judging: int) -> None:
    assert halved(replace(RESULT, judging=judging)) == ()
