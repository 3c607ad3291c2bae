"""`noisecleaner gate`: exit codes and files, and what is refused before anything is computed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.asking import Asked
from support.datasets import Command
from support.outcomes import refused
from support.scored import make_run

from noisecleaner.ingest import Columns, Source
from noisecleaner.noise.goal import Goal
from noisecleaner.runs.cutoff import Cutoff
from noisecleaner.settings import Inference


@pytest.mark.parametrize(
    ("words", "code", "outcome_of_rule"),
    [
        (["--max-noise", "0.3"], 0, "passed"),
        (["--max-noise", "0.01"], 1, "failed"),
        (["--max-noise", "0.1"], 3, "inconclusive"),
    ],
)
def test_the_exit_code_is_the_verdict(
    command: Command, tmp_path: Path, words: list[str], code: int, outcome_of_rule: str
) -> None:
    run = make_run(tmp_path / "run")
    outcome = command("gate", run, *words)
    assert outcome.code == code
    assert outcome.out.split()[:2] == [outcome_of_rule, "max-noise:"]
    written = command("gate", run, *words, "--output", tmp_path / "verdict.txt")
    assert written.code == code
    assert (tmp_path / "verdict.txt").read_text("utf-8") == outcome.out
    assert str(tmp_path / "verdict.txt") in written.out


def test_new_rows_are_scored_first(asked: Asked) -> None:
    words = ["--data", "new", "--trusted", "t", "--threshold", "0.2", "--label-column", "l", "--device", "cpu"]
    call = asked("score_new", "gate", "run", "--max-noise", "0.1", *words, "--out", "there", "--strict")
    assert call.positional == (Path("run"), Source("new", columns=Columns(label="l")), Path("there"))
    inference = Inference(device="cpu", strict=True)
    assert call.named == {"trusted": "t", "cutoff": Cutoff(threshold=0.2), "inference": inference}
    for typed, cutoff in (
        (["--threshold", "auto"], Cutoff(threshold="auto")),
        (["--cost", "5:1"], Cutoff(goal=Goal("cost", 5))),
    ):
        assert (
            asked("score_new", "gate", "run", "--max-noise", "0.1", "--data", "new", *typed).named["cutoff"] == cutoff
        )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--threshold", "0.5"], "--threshold would do nothing: only for --data"),
        (["--trusted", "t"], "--trusted would do nothing: only for --data"),
        (["--label-names", "n"], "--label-names would do nothing: only for --data"),
        (["--strict"], "--strict would do nothing: only for --data"),
        (["--label-column", "l"], "column options would do nothing: only for --data"),
        (["--format", "xml"], "--format xml is unknown"),
        (["--output", "/dev/null/gate.xml"], "but /dev/null is no folder"),
        (["--output", "/dev/null"], "--output takes a file, but /dev/null is none"),
    ],
)
def test_what_would_do_nothing_or_cannot_be_written_is_refused(
    command: Command, tmp_path: Path, words: list[str], says: str
) -> None:
    refused(command("gate", make_run(tmp_path / "run"), "--max-noise", "0.3", *words), says)


def test_folders_above_an_output_are_made(command: Command, tmp_path: Path) -> None:
    output = tmp_path / "no" / "such" / "gate.json"
    outcome = command("gate", make_run(tmp_path / "run"), "--max-noise", "0.3", "--format", "json", "--output", output)
    assert outcome.code in (0, 1, 3)
    assert json.loads(output.read_text())["exit_code"] == outcome.code
