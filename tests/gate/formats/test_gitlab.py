"""`--format gitlab`: code quality, as GitLab's documentation describes it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.datasets import Command
from support.gates import check_gitlab, verdict
from support.scored import make_run

from noisecleaner.api import render
from noisecleaner.gate.formats import gitlab
from noisecleaner.notices import Notice, Severity

RULE = ["--max-noise", "0.14", "--format", "gitlab"]


def test_the_worst_hundred_rows_have_an_entry_each_at_their_image(command: Command, run: Path) -> None:
    assert gitlab.MOST == 100
    entries = check_gitlab(command("gate", run, *RULE).out)
    kinds = [entry["check_name"].removeprefix("noisecleaner/") for entry in entries]
    assert kinds == ["rows", "max-noise", "flagged-rows-left-out", *["wrong-label"] * 100]
    assert entries[2]["description"].startswith("100 of 150 flagged rows are listed, the worst first; 50 more flagged")
    assert [entry["location"]["path"] for entry in entries[1:5]] == [
        "run/scores.parquet",
        "run/scores.parquet",
        "images/450.png",
        "images/451.png",
    ]
    assert entries[3]["description"].startswith("The label 'cat' of '450' looks wrong (label_quality 0.2500)")


def test_the_help_says_how_many_rows_are_listed(command: Command) -> None:
    words = " ".join(command("gate", "--help").out.replace("│", " ").split())
    assert "At most the worst 100 flagged rows in gitlab and 25,000 flagged rows in sarif are listed." in words


def test_rows_of_a_table_stand_at_the_scores(command: Command, run: Path, tmp_path: Path) -> None:
    entries = check_gitlab(command("gate", make_run(tmp_path / "table"), *RULE).out)
    assert {entry["location"]["path"] for entry in entries} == {"table/scores.parquet"}


def test_fingerprints_are_those_of_the_run_before(command: Command, run: Path, tmp_path: Path) -> None:
    """Whatever else has changed: numbers in the sentences, the run's name, one more row before the others."""
    before = check_gitlab(command("gate", run, *RULE).out)
    other = make_run(tmp_path / "other", audited={"cat": (4, 151), "dog": (25, 150)})
    after = check_gitlab(command("gate", other, *RULE).out)
    known = {entry["fingerprint"]: entry for entry in before}
    same = [known[entry["fingerprint"]] for entry in after if entry["fingerprint"] in known]
    assert [entry["check_name"] for entry in same] == [entry["check_name"] for entry in after]
    assert before[1]["description"] != after[1]["description"]


def test_a_rule_that_fails_now_is_another_entry(command: Command, run: Path) -> None:
    passed, failed = (check_gitlab(command("gate", run, "--max-noise", n, *RULE[2:]).out)[1] for n in ("0.14", "0.07"))
    assert (passed["severity"], failed["severity"]) == ("info", "blocker")
    assert passed["fingerprint"] != failed["fingerprint"]


def test_warnings_are_entries() -> None:
    notices = [
        Notice(code="picked", message="They were picked.", severity=Severity.VOID),
        Notice(code="few", message="They are few."),
        Notice(code="few", message="They are fewer still."),
        Notice(code="read", message="It was read.", severity=Severity.NOTE),
    ]
    entries = check_gitlab(render("gitlab", verdict(["x"], notices=notices)))
    assert [(entry["check_name"], entry["severity"]) for entry in entries[2:]] == [
        ("noisecleaner/picked", "critical"),
        ("noisecleaner/few", "major"),
        ("noisecleaner/few", "major"),
    ]


@pytest.mark.parametrize("run", ["../away", "/away", "."])
def test_scores_elsewhere_have_no_path_out_of_the_repository(run: str) -> None:
    entries = check_gitlab(render("gitlab", verdict(["x"], run)))
    assert {entry["location"]["path"] for entry in entries} == {"scores.parquet"}
