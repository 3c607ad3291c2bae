"""`--format github`."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.datasets import Command
from support.gates import verdict

from noisecleaner.api import Outcome, render
from noisecleaner.notices import Notice


def test_github_gets_annotations_and_a_summary(command: Command, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    rules = ["--max-noise", "0.1", "--max-flagged", "0.1", "--min-audited", "1000", "--min-kept-per-class", "1"]
    words = ["gate", run, *rules, "--warn", "min-audited"]
    lines = command(*words, "--format", "github").out.splitlines()
    assert [line.split(" ")[0] for line in lines] == ["::error", "::error", "::warning", "::notice", "::notice"]
    assert lines[0].startswith("::error title=noisecleaner gate%3A max-noise inconclusive::10.00 %25 (7.09 to 13.92; ")
    assert command(*words, "--format", "github").code == 1
    headline = (
        "### noisecleaner: Gate failed (exit code 1): 1 of 4 rules passed, 1 failed, 1 inconclusive, 1 with a warning"
    )
    assert Path("summary.md").read_text().count(headline) == 2
    assert command(*words, "--format", "json").code == 1
    assert Path("summary.md").read_text().count(headline) == 2
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(run))  # a directory: the verdict stands
    outcome = command(*words, "--format", "github")
    assert outcome.code == 1
    assert "cannot be written" in outcome.err


def test_github_gets_a_warning_for_each_doubt_behind_those_of_rules() -> None:
    notices = [Notice(code=f"doubt-{number}", message="x") for number in range(12)]
    lines = render("github", verdict(["y"], outcome=Outcome.PASSED, notices=notices)).splitlines()
    assert lines[0] == "::warning title=noisecleaner gate%3A doubt-0::x"
    assert lines[9:] == [
        "::warning title=noisecleaner gate::and 3 more",
        "::notice title=noisecleaner gate%3A rows::scored 200 of 200 rows",
        "::notice title=noisecleaner gate%3A max-noise passed::y",
    ]


@pytest.mark.parametrize("text", ["%" * 100_000, "\N{PILE OF POO}" * 100_000])
def test_github_gets_at_most_ten_of_a_kind_and_900_kilobytes(text: str) -> None:
    assert render("github", verdict(["x"] * 10)).count("::error ") == 10
    text_of_30 = render("github", verdict([text] * 30))
    assert text_of_30.count("::error ") == 10
    assert text_of_30.splitlines()[9:] == [
        "::error title=noisecleaner gate::and 21 more",
        "::notice title=noisecleaner gate%3A rows::scored 200 of 200 rows",
    ]
    passed = verdict([text] * 30, outcome=Outcome.PASSED)
    assert 3 * max(len(render("github", v).encode()) for v in (passed, verdict([text] * 30))) < 900_000
