"""The numbers of `score` for machines: one JSON object on stdout, and nothing else there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from support.datasets import Command


def test_numbers_for_machines_are_all_that_stands_on_stdout(fitted: Path, command: Command) -> None:
    run = fitted / "run"
    outcome = command("score", run, "--format", "json")
    told = json.loads(outcome.out)
    assert (outcome.code, told["schema_version"], told["run"]) == (0, 1, str(run))
    noise = json.loads((run / "noise.json").read_text())
    assert (told["noise"], told["ranking"]) == (noise["overall"], noise["ranking"])
    assert told["flagged"] + told["kept"] + sum(told["skipped"].values()) == told["rows"]
    # whoever looks at the terminal still reads the warnings
    assert all(notice["message"][:40] in outcome.err for notice in told["notices"] if notice["severity"] != "note")


def test_numbers_are_written_where_a_goal_is_missed_and_of_new_rows(
    fitted: Path, command: Command, tmp_path: Path
) -> None:
    run = shutil.copytree(fitted / "run", tmp_path / "run")
    words = ["--target-noise", "0.0001", "--trusted", fitted / "trusted.parquet"]
    missed = command("score", run, "--format", "json", *words)
    assert (missed.code, json.loads(missed.out)["goal"]) == (3, None)
    new = ["--data", fitted / "data.parquet", "--out", tmp_path / "new", "--format", "json"]
    outcome = command("score", run, *new)
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["run"] == str(tmp_path / "new")
    assert (tmp_path / "new" / "flagged.csv").exists()
