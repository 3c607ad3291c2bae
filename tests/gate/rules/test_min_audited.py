"""`min-audited`."""

from __future__ import annotations

from pathlib import Path

from support.datasets import Command
from support.gates import only_finding
from support.scored import make_run

from noisecleaner.notices import Notice, Severity


def test_audited_rows_are_counted_exactly(command: Command, run: Path) -> None:
    finding = only_finding(command, run, "--min-audited", "300")
    assert (finding["outcome"], finding["value"], finding["low"]) == ("passed", 300, None)
    finding = only_finding(command, run, "--min-audited", "301")
    assert finding["outcome"] == "failed"
    assert "verify 1 more" in finding["message"]
    finding = only_finding(command, run, "--min-audited", "5000")
    assert "at least 5,000 must be, and there are 700 more rows" in finding["message"]


def test_verified_rows_that_measure_nothing_are_not_audited(command: Command, run: Path, tmp_path: Path) -> None:
    picked = Notice(code="not-random", message="They were picked.", severity=Severity.VOID)
    finding = only_finding(command, make_run(tmp_path / "void", audited={}, notices=(picked,)), "--min-audited", "60")
    assert finding["outcome"] == "failed"
    assert finding["message"] == ("0 rows are audited; at least 60 must be: They were picked.")
