"""`max-noise-per-class`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from support.datasets import Command
from support.gates import only_finding
from support.scored import make_run

from noisecleaner.notices import Notice, Severity


def test_noise_per_class_tells_the_worst_classes(command: Command, run: Path, tmp_path: Path) -> None:
    finding = only_finding(command, run, "--max-noise-per-class", "0.1")
    assert (finding["outcome"], finding["classes"]) == ("failed", ["dog"])
    assert finding["value"] == pytest.approx(25 / 150)
    assert "1 of 2 classes has more: 'dog' 16.67 %" in finding["message"]
    assert only_finding(command, run, "--max-noise-per-class", "0.3")["outcome"] == "passed"
    unclear = only_finding(command, run, "--max-noise-per-class", "0.13")
    assert unclear["classes"] == ["dog"]
    assert re.search(r"'dog' .*, verify about [\d,]+ more rows\.", str(unclear["message"]))


def test_a_class_that_has_not_so_many_rows_says_so(command: Command, run: Path, tmp_path: Path) -> None:
    """Of 500 dogs 150 are audited."""
    finding = only_finding(command, run, "--max-noise-per-class", "0.15")
    assert re.search(r"'dog' .*, verify about [23]\d\d more rows\.", finding["message"])
    finding = only_finding(command, run, "--max-noise-per-class", "0.166")
    assert (
        "'dog' 16.67 % (11.55 to 23.45; 150 audited rows), verify all 350 rows that are left, which settles it"
        in str(finding["message"])
    )
    few = make_run(tmp_path / "few", rows={"cat": (100, 0), "dog": (20, 0)}, audited={"cat": (0, 100)})
    finding = only_finding(command, few, "--max-noise-per-class", "0.1")
    assert "'dog' unknown (0 audited rows), verify at least 15 more rows" in str(finding["message"])


def test_a_class_without_audited_rows_is_inconclusive_and_one_without_rows_is_not(
    command: Command, tmp_path: Path, run: Path
) -> None:
    rows = {"cat": (100, 0), "dog": (50, 0), "emu": (0, 0)}
    part = make_run(tmp_path / "part", rows=rows, audited={"cat": (0, 100)})
    finding = only_finding(command, part, "--max-noise-per-class", "0.1")
    assert (finding["outcome"], finding["classes"], finding["value"]) == ("inconclusive", ["dog"], None)
    assert "'dog' unknown (0 audited rows), verify at least 22 more" in finding["message"]


def test_many_classes_make_one_short_finding(command: Command, tmp_path: Path, run: Path) -> None:
    rows = {f"class {n} {'x' * 500}": (1, 0) for n in range(300)}
    many = make_run(tmp_path / "many", rows=rows, audited={})
    finding = only_finding(command, many, "--max-noise-per-class", 0.1)
    assert len(finding["classes"]) == 20
    assert "and 297 more" in finding["message"]
    assert len(str(finding["message"])) < 700


def test_a_class_of_which_no_row_could_be_scored_is_inconclusive(command: Command, tmp_path: Path, run: Path) -> None:
    gone = make_run(
        tmp_path / "gone",
        rows={"cat": (400, 0), "emu": (0, 0)},
        audited={"cat": (0, 300)},
        skipped=[("emu", "missing_file")] * 3,
    )
    outcome = command("gate", gone, "--max-noise-per-class", "0.1", "--format", "json")
    assert outcome.code == 3
    finding = json.loads(outcome.out)["findings"][0]
    assert (finding["outcome"], finding["classes"]) == ("inconclusive", ["emu"])
    assert "'emu' unknown (none of its 3 rows is scored)" in finding["message"]


def test_verified_rows_that_measure_nothing_are_the_reason(command: Command, tmp_path: Path, run: Path) -> None:
    picked = Notice(code="not-random", message="They were picked.", severity=Severity.VOID)
    void = make_run(tmp_path / "void", audited={}, notices=(picked,))
    message = str(only_finding(command, void, "--max-noise-per-class", "0.1")["message"])
    assert message.endswith(
        "2 of 2 classes cannot be told yet: 'cat' unknown (0 audited rows); 'dog' unknown (0 audited rows); They were "
        "picked."
    )
