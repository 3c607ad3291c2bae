"""The sentence for whoever reads only one, for each kind of rate."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.reports import make_scored

from noisecleaner.noise.goal import Goal
from noisecleaner.noise.rate import UNKNOWN, Rate
from noisecleaner.notices import UNLIKE, Notice, Severity
from noisecleaner.report import wording
from noisecleaner.report.contents import Remainder, Report
from noisecleaner.report.gathering import gather
from noisecleaner.runs.basis import Basis
from noisecleaner.runs.scored_run import ScoredRun


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return gather(ScoredRun(make_scored(tmp_path_factory.mktemp("worded"))), rows=1)


def with_rate(report: Report, rate: Rate) -> Report:
    return replace(report, summary=replace(report.summary, noise=replace(report.summary.noise, overall=rate)))


def with_notice(report: Report, notice: Notice) -> Report:
    return replace(report, summary=replace(report.summary, notices=(notice,)))


MEASURED = Rate(value=0.402, low=0.368, high=0.436, sample_size=300, events=126, method="prediction-powered")


@pytest.mark.parametrize(
    ("rate", "number", "sentence"),
    [
        (MEASURED, "40.2 %", "(95 % interval 36.8 to 43.6 %; 300 rows of 300 verified)."),
        (Rate.expected(0.3, "planted"), "About 30.0 %", "no row was verified, so no interval."),
        (UNKNOWN, "Unknown.", "verify rows that are drawn at random."),
        (
            Rate(value=0.21, low=0.21, high=0.21, sample_size=300, events=63, method="count"),
            "21.0 %",
            "counted: every row was verified (300).",
        ),
    ],
)
def test_the_headline(told: Report, rate: Rate, number: str, sentence: str) -> None:
    said = wording.headline(with_rate(told, rate))
    assert said.number == number
    assert said.sentence.endswith(sentence)
    assert "data.parquet" in said.sentence


@pytest.mark.parametrize(("code", "why"), [(UNLIKE, "unlike the fitted ones"), ("else", "cannot measure it")])
def test_no_rate_is_said_where_none_stands(told: Report, code: str, why: str) -> None:
    void = Notice(code=code, message="So it is.", severity=Severity.VOID)
    said = wording.headline(with_notice(told, void))
    assert said.number == "No rate."
    assert why in said.sentence
    assert "it ranks rows, and is no probability" in wording.quality(with_notice(told, void))


def test_the_cut_tells_rows_and_share(told: Report) -> None:
    flagged = told.summary.flagged
    assert wording.cut(told) == f"{flagged} rows of 299 ({flagged / 2.99:.1f} %) flagged, with label_quality below 0.5."


def test_a_copy_nobody_can_judge_says_why() -> None:
    reason = "No row was verified."
    unknown = Remainder(treatment="drop", rows=5, noise=UNKNOWN, reason=reason, corrected=0, agreeing=0, others=UNKNOWN)
    assert wording.noise_left(unknown) == "cannot tell: No row was verified."
    assert wording.noise_left(replace(unknown, noise=MEASURED)) == "40.2 % (36.8 to 43.6)"
    told = wording.noise_left(replace(unknown, noise=MEASURED, corrected=9, agreeing=7, others=MEASURED))
    assert told.startswith(
        "40.2 % (36.8 to 43.6); 9 rows carry corrections, which are taken as right (the scores agree"
    )
    assert told.endswith("agree with 7); of the other rows 40.2 % (36.8 to 43.6) are wrong")


def test_a_reason_that_holds_of_all_copies_is_said_once(told: Report) -> None:
    assert wording.why_unknown(told) == ""
    lines = tuple(replace(line, noise=UNKNOWN, reason="So.") for line in told.remaining)
    alike = replace(told, remaining=lines)
    assert wording.why_unknown(alike) == "So."
    assert [wording.noise_left(line, "So.") for line in lines] == ["cannot tell"] * 3
    assert wording.why_unknown(replace(alike, remaining=(*lines[:2], replace(lines[2], reason="Else.")))) == ""


@pytest.mark.parametrize(
    ("goal", "said"),
    [
        (Goal("budget", 100), " (budget of 100 rows)"),
        (Goal("precision", 0.9), " (precision at least 0.9 with 90% confidence)"),
        (Goal("noise", 0.05), " (noise of the kept rows at most 0.05 with 90% confidence)"),
    ],
)
def test_what_the_cut_is_for_is_told(told: Report, goal: Goal, said: str) -> None:
    summary = replace(told.summary, goal=goal, unlabelled=7)
    assert wording.cut(replace(told, summary=summary)).endswith(f"0.5{said}, or without a label (7).")


def test_what_new_rows_are_calibrated_on_is_told(told: Report) -> None:
    fitted = replace(told, summary=replace(told.summary, basis=Basis(rows=300, data="fitted")))
    assert wording.quality(fitted) == "label_quality is calibrated on 300 audited rows of the fitted data."
    assert wording.quality(told) == "label_quality is the calibrated probability that the given label is right."


def test_numbers_of_a_row(told: Report) -> None:
    row = replace(told.gallery.rows[0], value=0.25, confidence=0.5, given="cat", suggested="dog", flagged=True)
    assert wording.facts(row, "label_quality") == "label_quality 0.2500, suggestion 0.50"
    assert wording.facts(replace(row, suggested="cat", flagged=False), "alpha") == "alpha 0.2500, kept"
    assert wording.facts(replace(row, value=None, given=None), "alpha") == "suggestion 0.50"


def test_which_rows_are_shown(told: Report) -> None:
    assert wording.shown(told.gallery) == "The 1 row of lowest label_quality, of 299."
    bare = replace(told.gallery, rows=(replace(told.gallery.rows[0], value=None),))
    assert wording.shown(bare) == "1 row of 299 that are flagged because they have no label."
    assert wording.shown(replace(told.gallery, rows=(), of=0)) == "No row has a score."


def test_the_path_of_the_dataset_stays_at_home(told: Report) -> None:
    assert wording.named(told) == "data.parquet"
    assert wording.named(replace(told, dataset="/home/somebody/data/train-*.parquet")) == "train-*.parquet"
