"""`min-kept-per-class`."""

from __future__ import annotations

from pathlib import Path

from support.datasets import Command
from support.gates import only_finding
from support.scored import make_run


def test_kept_rows_are_counted_exactly(command: Command, run: Path, tmp_path: Path) -> None:
    assert only_finding(command, run, "--min-kept-per-class", "400")["outcome"] == "passed"
    finding = only_finding(command, run, "--min-kept-per-class", "401")
    assert (finding["outcome"], finding["value"], finding["classes"]) == ("failed", 400, ["dog"])
    gone = make_run(tmp_path / "gone", rows={"cat": (5, 5), "dog": (0, 3), "emu": (0, 0)}, audited={})
    finding = only_finding(command, gone, "--min-kept-per-class", "1")
    assert (finding["value"], finding["classes"]) == (0, ["dog", "emu"])


def test_many_classes_make_one_short_finding(command: Command, tmp_path: Path, run: Path) -> None:
    rows = {f"class {n} {'x' * 500}": (1, 0) for n in range(300)}
    many = make_run(tmp_path / "many", rows=rows, audited={})
    finding = only_finding(command, many, "--min-kept-per-class", 5)
    assert len(finding["classes"]) == 20
    assert "and 295 more" in finding["message"]
    assert len(str(finding["message"])) < 1500
