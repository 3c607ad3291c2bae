"""`--format junit`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import junitparser
import pytest
from support.datasets import Command
from support.gates import check_junit, counted, verdict

from noisecleaner.api import Outcome, render
from noisecleaner.notices import Notice, Severity


def test_junit_has_a_case_for_each_rule(command: Command, run: Path) -> None:
    rules = ["--max-noise", "0.1", "--max-flagged", "0.1", "--min-audited", "1000", "--min-kept-per-class", "1"]
    words = ["gate", run, *rules, "--warn", "min-audited", "--format", "junit"]
    root = check_junit(command(*words).out)
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert {case.get("classname") for case in cases.values()} == {f"noisecleaner.gate.{run}"}
    kinds = {name: failure.get("type") for name, case in cases.items() if (failure := case.find("failure")) is not None}
    assert kinds == {"max-noise": "inconclusive", "max-flagged": "failed"}
    assert cases["min-audited"].findtext("system-out", "").startswith("Warning: 300 rows are audited")
    assert cases["min-kept-per-class"].findtext("system-out", "").endswith("\nscored 1,000 of 1,001 rows (1 no_label)")
    root = check_junit(command(*words, "--on-inconclusive", "warn").out)
    assert [case.get("name") for case in root.iter("testcase") if case.find("skipped") is not None] == ["max-noise"]


def test_two_runs_in_one_report_have_no_case_in_common() -> None:
    names = ["main", "./main", "a.b/main", "a%2Eb/main", "a/b/main", "main/new/new-53002c90", "main/new/new-ecc1f60c"]
    roots = [check_junit(render("junit", verdict(["x", "y"], name))) for name in names]
    cases = [(case.get("classname"), case.get("name")) for root in roots for case in root.iter("testcase")]
    assert len(set(cases)) == len(cases) == 2 * len(names)
    assert {str(classname).count(".") for classname, _ in cases} == {2}  # readers part names at full stops


def test_every_case_carries_what_a_reader_must_know() -> None:
    notices = [
        Notice(code="picked", message="They were picked.", severity=Severity.VOID),
        Notice(code="few", message="They are few."),
        Notice(code="read", message="It was read.", severity=Severity.NOTE),
    ]
    lines = ["scored 60 of 200 rows (140 missing_file)", "Warning: They were picked.", "Warning: They are few."]
    for outcome, tag in [
        (Outcome.PASSED, "system-out"),
        (Outcome.FAILED, "failure"),
        (Outcome.INCONCLUSIVE, "failure"),
    ]:
        judged = verdict(["x", "y"], outcome=outcome, counts=counted(60, missing_file=140), notices=notices)
        (suite,) = root = check_junit(render("junit", judged))
        cases = [case.findtext(tag, "").split("\n") for case in root.iter("testcase")]
        assert cases == [["x", *lines], ["y", *lines]]
        assert suite.findtext("system-out", "").split("\n") == lines
        properties = {p.get("name"): p.get("value") for p in suite.iter("property")}
        assert properties["rows"] == lines[0]
        assert (properties["void: picked"], properties["warning: few"]) == ("They were picked.", "They are few.")


def test_a_case_of_which_all_rows_are_scored_without_a_doubt_is_empty() -> None:
    (suite,) = check_junit(render("junit", verdict(["x"], outcome=Outcome.PASSED)))
    assert [len(case) for case in suite.iter("testcase")] == [0]
    assert suite.findtext("system-out") == "scored 200 of 200 rows"


def test_what_others_read_reports_with_finds_cases_and_times(command: Command, run: Path) -> None:
    words = ["--max-noise", "0.1", "--max-flagged", "0.1", "--min-audited", "100", "--format", "junit"]
    command("gate", run, *words, "--output", "gate.xml")
    (suite,) = junitparser.JUnitXml.fromfile("gate.xml")
    cases = list(suite)
    kinds = [[type(result).__name__ for result in case.result] for case in cases]
    assert [case.name for case in cases] == ["max-noise", "max-flagged", "min-audited"]
    assert kinds == [["Failure"], ["Failure"], []]
    assert (suite.tests, suite.failures, suite.errors) == (3, 2, 0)
    assert suite.time == pytest.approx(sum(case.time for case in cases), abs=0.002)


def test_times_are_those_of_the_rules() -> None:
    judged = verdict(["x", "y"])
    timed = replace(
        judged, findings=tuple(replace(f, seconds=s) for f, s in zip(judged.findings, (0.25, 2), strict=True))
    )
    (suite,) = check_junit(render("junit", timed))
    assert [case.get("time") for case in suite.iter("testcase")] == ["0.250", "2.000"]
    assert suite.get("time") == "2.250"
