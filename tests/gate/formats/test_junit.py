"""`--format junit`."""

from __future__ import annotations

from pathlib import Path

from support.datasets import Command
from support.gates import check_junit


def test_junit_has_a_case_for_each_rule(command: Command, run: Path) -> None:
    rules = ["--max-noise", "0.1", "--max-flagged", "0.1", "--min-audited", "1000", "--min-kept-per-class", "1"]
    words = ["gate", run, *rules, "--warn", "min-audited", "--format", "junit"]
    root = check_junit(command(*words).out)
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert {case.get("classname") for case in cases.values()} == {"noisecleaner.gate"}
    kinds = {name: failure.get("type") for name, case in cases.items() if (failure := case.find("failure")) is not None}
    assert kinds == {"max-noise": "inconclusive", "max-flagged": "failed"}
    assert cases["min-audited"].findtext("system-out", "").startswith("Warning: 300 rows are audited")
    assert len(cases["min-kept-per-class"]) == 0
    root = check_junit(command(*words, "--on-inconclusive", "warn").out)
    assert [case.get("name") for case in root.iter("testcase") if case.find("skipped") is not None] == ["max-noise"]
