"""The sentence for whoever reads only one, for each kind of rate."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.reports import make_scored

from noisecleaner.noise.rate import UNKNOWN, Rate
from noisecleaner.notices import UNLIKE, Notice, Severity
from noisecleaner.report import wording
from noisecleaner.report.contents import Remaining, Report
from noisecleaner.report.gathering import gather
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
    unknown = Remaining(treatment="drop", rows=5, noise=UNKNOWN, reason=reason, corrected=0, agreeing=0, others=UNKNOWN)
    assert wording.noise_left(unknown) == "cannot tell: No row was verified."
    assert wording.noise_left(replace(unknown, noise=MEASURED)) == "40.2 % (36.8 to 43.6)"
    told = wording.noise_left(replace(unknown, noise=MEASURED, corrected=9, agreeing=7, others=MEASURED))
    assert told.startswith(
        "40.2 % (36.8 to 43.6); 9 rows carry corrections, which are taken as right (the scores agree"
    )
    assert told.endswith("agree with 7); of the other rows 40.2 % (36.8 to 43.6) are wrong")


def test_the_path_of_the_dataset_stays_at_home(told: Report) -> None:
    assert wording.named(told) == "data.parquet"
    assert wording.named(replace(told, dataset="/home/somebody/data/train-*.parquet")) == "train-*.parquet"
