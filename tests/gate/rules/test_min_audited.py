"""`min-audited`."""

from __future__ import annotations

from pathlib import Path

from support.datasets import Command
from support.gates import only_finding


def test_audited_rows_are_counted_exactly(command: Command, run: Path) -> None:
    finding = only_finding(command, run, "--min-audited", "300")
    assert (finding["outcome"], finding["value"], finding["low"]) == ("passed", 300, None)
    finding = only_finding(command, run, "--min-audited", "301")
    assert finding["outcome"] == "failed"
    assert "verify 1 more" in finding["message"]
    finding = only_finding(command, run, "--min-audited", "5000")
    assert "at least 5,000 must be, and there are 700 more rows" in finding["message"]
