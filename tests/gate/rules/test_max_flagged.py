"""`max-flagged`."""

from __future__ import annotations

from pathlib import Path

from support.datasets import Command
from support.gates import only_finding


def test_flagged_rows_are_counted_exactly(command: Command, run: Path) -> None:
    finding = only_finding(command, run, "--max-flagged", "0.15")
    assert (finding["outcome"], finding["value"], finding["low"], finding["high"]) == ("passed", 0.15, None, None)
    finding = only_finding(command, run, "--max-flagged", "0.149")
    assert finding["outcome"] == "failed"
    assert "150 of 1,000 scored rows are flagged (15 %)" in finding["message"]
