"""`max-skipped`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.datasets import Command
from support.gates import only_finding
from support.scored import make_run

from noisecleaner.notices import Notice
from noisecleaner.runs.fitted_labels import LABELS_LOST

Skipped = list[tuple[str | None, str]]
MISSING: Skipped = [("cat", "missing_file")]
UNLABELLED: Skipped = [(None, "no_label")]


def part(folder: Path, skipped: Skipped, scored: int = 60, **metadata: Any) -> Path:
    return make_run(folder / "part", rows={"cat": (scored, 0)}, audited={}, skipped=skipped, **metadata)


def findings(command: Command, *words: object) -> tuple[int, Mapping[str, Mapping[str, Any]]]:
    outcome = command("gate", *words, "--format", "json")
    return outcome.code, {finding["rule"]: finding for finding in json.loads(outcome.out)["findings"]}


def test_a_gate_that_has_not_seen_one_row_in_twenty_cannot_tell(command: Command, tmp_path: Path, run: Path) -> None:
    code, found = findings(command, part(tmp_path, MISSING * 140), "--max-flagged", "0.5")
    assert code == 3
    assert [(name, finding["outcome"]) for name, finding in found.items()] == [
        ("max-flagged", "passed"),
        ("max-skipped", "inconclusive"),
    ]
    assert (found["max-skipped"]["value"], found["max-skipped"]["limit"]) == (0.7, 0.05)
    assert found["max-skipped"]["message"] == (
        "140 of 200 rows were not scored (70 %): 140 missing_file; at most 5 % may be where no limit is set. Bring "
        "those rows back, or set the limit with --max-skipped SHARE."
    )


def test_above_a_limit_that_was_set_the_gate_fails(command: Command, tmp_path: Path, run: Path) -> None:
    scored = part(tmp_path, MISSING * 140)
    failed = only_finding(command, scored, "--max-skipped", "0.69")
    assert (failed["outcome"], failed["value"], failed["low"]) == ("failed", 0.7, None)
    assert failed["message"] == (
        "140 of 200 rows were not scored (70 %): 140 missing_file; at most 69 % may be. The column skip_reason of "
        "scores.parquet tells which."
    )
    assert command("gate", scored, "--max-skipped", "0.69").code == 1
    assert only_finding(command, scored, "--max-skipped", "0.7")["outcome"] == "passed"
    assert command("gate", scored, "--max-skipped", "0.7", "--max-flagged", "0.5").code == 0


def test_at_or_below_the_default_it_passes_and_without_skipped_rows_it_is_not_told(
    command: Command, tmp_path: Path, run: Path
) -> None:
    code, found = findings(command, part(tmp_path, MISSING * 3, scored=57), "--max-flagged", "0.5")
    assert (code, found["max-skipped"]["outcome"], found["max-skipped"]["value"]) == (0, "passed", 0.05)
    code, found = findings(command, part(tmp_path, MISSING * 4, scored=57), "--max-flagged", "0.5")
    assert (code, found["max-skipped"]["outcome"]) == (3, "inconclusive")
    assert list(findings(command, part(tmp_path, []), "--max-flagged", "0.5")[1]) == ["max-flagged"]


def test_it_does_not_make_a_gate_of_no_rule(command: Command, tmp_path: Path, run: Path) -> None:
    outcome = command("gate", part(tmp_path, MISSING * 140))
    assert outcome.code == 2
    assert "A gate needs at least one rule" in outcome.err


@pytest.mark.parametrize(("choice", "code"), [("fail", 1), ("warn", 0), ("pass", 0)])
def test_what_was_not_seen_counts_as_the_user_says(
    command: Command, tmp_path: Path, run: Path, choice: str, code: int
) -> None:
    scored = part(tmp_path, MISSING * 140)
    outcome = command("gate", scored, "--max-flagged", "0.5", "--on-inconclusive", choice)
    assert outcome.code == code
    assert "scored 60 of 200 rows (140 missing_file)" in outcome.out


def test_it_may_only_warn_also_without_a_limit(command: Command, tmp_path: Path, run: Path) -> None:
    scored = part(tmp_path, MISSING * 140)
    outcome = command("gate", scored, "--max-flagged", "0.5", "--warn", "max-skipped")
    assert outcome.code == 0
    assert "failed        max-skipped (warn): 140 of 200 rows were not scored (70 %)" in outcome.out
    assert "1 with a warning" in outcome.out


def test_a_limit_stands_in_a_file(command: Command, tmp_path: Path, run: Path) -> None:
    scored = part(tmp_path, MISSING * 140)
    for limit, code in [("0.8", 0), ("0.5", 1), ("{limit = 0.5, level = 'warn'}", 0), ("2", 2)]:
        Path("gate.toml").write_text(f"[gate]\nmax-flagged = 0.5\nmax-skipped = {limit}\n")
        assert command("gate", scored, "--config", "gate.toml").code == code


def test_classes_that_the_run_does_not_know_have_a_name(command: Command, tmp_path: Path, run: Path) -> None:
    unknown: Skipped = [("emu", "unknown_class")] * 50 + [("horse", "unknown_class")] * 90
    scored = part(tmp_path, [*unknown, ("cat", "unreadable")])
    _, found = findings(command, scored, "--max-flagged", "0.5")
    assert str(found["max-skipped"]["message"]).startswith(
        "141 of 201 rows were not scored (70.15 %): 140 carry classes that the run does not know (such as 'horse' 90; "
        "'emu' 50), 1 unreadable; at most 5 % may be"
    )
    outcome = command("gate", scored, "--max-flagged", "0.5", "--format", "json")
    assert json.loads(outcome.out)["coverage"] == {
        "message": "scored 60 of 201 rows (140 unknown_class, 1 unreadable)",
        "rows": 201,
        "scored": 60,
        "skipped": {"unknown_class": 140, "unreadable": 1},
        "unknown_classes": {"horse": 90, "emu": 50},
    }


def test_a_few_rows_of_a_new_class_pass_with_its_name(command: Command, tmp_path: Path, run: Path) -> None:
    outcome = command("gate", part(tmp_path, [("horse", "unknown_class")]), "--max-flagged", "0.5")
    assert outcome.code == 0
    found = (
        "passed        max-skipped: 1 of 61 rows were not scored (1.639 %): 1 carry classes that the run does not know"
    )
    assert f"{found} (such as 'horse' 1)" in outcome.out


def test_a_thousand_new_classes_make_one_short_finding(command: Command, tmp_path: Path, run: Path) -> None:
    scored = part(tmp_path, [(f"{n} {'x' * 500}", "unknown_class") for n in range(1000)])
    code, found = findings(command, scored, "--max-flagged", "0.5")
    assert code == 3
    assert "and 995 more" in found["max-skipped"]["message"]
    assert len(found["max-skipped"]["message"]) < 1000


def test_rows_that_nobody_labelled_have_no_label_to_judge(command: Command, tmp_path: Path, run: Path) -> None:
    scored = part(tmp_path, UNLABELLED * 500)
    assert list(findings(command, scored, "--max-flagged", "0.5")[1]) == ["max-flagged"]
    assert "scored 60 of 560 rows (500 no_label)" in command("gate", scored, "--max-flagged", "0.5").out
    lost = part(tmp_path, UNLABELLED * 500 + MISSING * 20)
    _, found = findings(command, lost, "--max-flagged", "0.5")
    assert found["max-skipped"]["value"] == 0.25
    start = "20 of 80 rows with a label were not scored (25 %): 20 missing_file;"
    assert str(found["max-skipped"]["message"]).startswith(start)


def test_labels_that_got_lost_count(command: Command, tmp_path: Path, run: Path) -> None:
    notice = Notice(code=LABELS_LOST, message="They had labels.")
    scored = part(tmp_path, UNLABELLED * 140, notices=(notice,))
    code, found = findings(command, scored, "--max-flagged", "0.5")
    assert (code, found["max-skipped"]["value"]) == (3, 0.7)
    assert str(found["max-skipped"]["message"]).startswith("140 of 200 rows were not scored (70 %): 140 no_label;")
