"""`min-kept-per-class`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from support.datasets import Command
from support.gates import only_finding
from support.scored import make_run, noise_of, sampled

from noisecleaner.files import write_json
from noisecleaner.runs.scored_run import ScoredRun
from noisecleaner.tables import SCORES, write_table


def test_kept_rows_are_counted_exactly(command: Command, run: Path, tmp_path: Path) -> None:
    assert only_finding(command, run, "--min-kept-per-class", "400")["outcome"] == "passed"
    finding = only_finding(command, run, "--min-kept-per-class", "401")
    assert (finding["outcome"], finding["value"], finding["classes"]) == ("failed", 400, ["dog"])
    gone = make_run(tmp_path / "gone", rows={"cat": (5, 5), "dog": (0, 3), "emu": (0, 0)}, audited={})
    finding = only_finding(command, gone, "--min-kept-per-class", "1")
    assert (finding["value"], finding["classes"]) == (0, ["dog", "emu"])


def test_names_that_never_had_a_row_are_left_out(command: Command, run: Path, tmp_path: Path) -> None:
    rows = {f"unused{number}": (0, 0) for number in range(46)} | {"cat": (5, 0), "dog": (4, 0)}
    unused = tuple(name for name in rows if name.startswith("unused"))
    names = make_run(tmp_path / "names", rows=rows, audited={}, unused=unused)
    finding = only_finding(command, names, "--min-kept-per-class", "4")
    assert (finding["outcome"], finding["value"], finding["classes"]) == ("passed", 4, [])
    assert finding["message"] == "At least 4 rows of each class must be kept; each of 2 classes keeps that many."


def test_a_class_that_new_rows_have_and_the_fit_had_not_is_judged(command: Command, run: Path, tmp_path: Path) -> None:
    rows = {"cat": (99, 0), "emu": (0, 0)}
    new = make_run(tmp_path / "new", rows=rows, audited={}, skipped=[("emu", "unreadable")], unused=("emu", "cat"))
    outcome = command("gate", new, "--min-kept-per-class", "1")
    assert outcome.code == 1
    assert "1 of 2 classes keep fewer: 'emu' 0." in outcome.out


def test_without_a_class_that_had_rows_nothing_can_be_told(command: Command, run: Path, tmp_path: Path) -> None:
    other = make_run(tmp_path / "other", rows={"cat": (9, 0)}, audited={})
    scored = ScoredRun(other)
    metadata = replace(scored.metadata, classes=("emu",), unused=("emu",)).to_json()
    write_table(other / "scores.parquet", [scored.scores()], SCORES, metadata)
    write_json(other / "noise.json", {**noise_of({"emu": sampled(0, 0)}, sampled(0, 0)).to_json(), "calibration": None})
    finding = only_finding(command, other, "--min-kept-per-class", "1")
    assert (finding["outcome"], finding["value"]) == ("inconclusive", None)
    assert "no row was ever given one of the classes" in str(finding["message"])


def test_many_classes_make_one_short_finding(command: Command, tmp_path: Path, run: Path) -> None:
    rows = {f"class {n} {'x' * 500}": (1, 0) for n in range(300)}
    many = make_run(tmp_path / "many", rows=rows, audited={})
    finding = only_finding(command, many, "--min-kept-per-class", 5)
    assert len(finding["classes"]) == 20
    assert "and 297 more" in finding["message"]
    assert len(str(finding["message"])) < 1500
