"""How much commands tell: -q for scripts, -v for those who want to know all of it; before and behind the command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from support.datasets import Command


@pytest.fixture
def run(fitted: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(fitted / "run", tmp_path / "run"))


@pytest.mark.parametrize("quiet", ["-q", "--quiet"])
def test_quiet_commands_write_nothing_but_what_was_asked_for(quiet: str, command: Command, run: Path) -> None:
    loud = command("score", run)
    before, behind = command(quiet, "score", run), command("score", run, quiet)
    assert (before.code, before.out) == (behind.code, behind.out) == (0, "")
    # what stands beside the numbers otherwise is not lost with them
    assert [line for line in behind.err.splitlines() if not line.startswith("Warning: ")] == []
    assert loud.out.count("Warning: ") + loud.err.count("Warning: ") == behind.err.count("Warning: ")
    assert json.loads(command("score", run, quiet, "--format", "json").out)["run"] == str(run)
    assert command("plan", run, "--out", run / "verify.parquet", quiet).out == ""
    assert (run / "verify.parquet").exists()


def test_a_quiet_gate_tells_its_verdict_and_what_broke_it(command: Command, run: Path) -> None:
    assert command("score", run, "-q").code == 0
    outcome = command("gate", run, "--max-noise", "0.001", "--max-flagged", "1", "-q")
    failed, *warned, verdict = outcome.out.splitlines()
    assert outcome.code == 1
    assert failed.startswith("failed")
    assert "max-noise" in failed
    assert all(not line.startswith("passed") for line in warned)
    assert verdict.startswith("Gate failed (exit code 1)")
    assert command("gate", run, "--max-noise", "1", "-q").out.splitlines()[-1].startswith("Gate passed")


def test_errors_are_told_in_any_case(command: Command, tmp_path: Path) -> None:
    outcome = command("-q", "score", tmp_path / "nothing")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("Error: ")


def test_verbose_commands_tell_what_is_read_and_when(command: Command, run: Path) -> None:
    usual, outcome = command("score", run), command("-v", "score", run)
    assert outcome.out == usual.out
    assert f" s  Read 600 rows of {run / 'trace.parquet'}." in outcome.err
    assert " of 600 are flagged." in outcome.err
    assert " s  Read" not in usual.err


def test_both_at_once_are_refused(command: Command) -> None:
    outcome = command("-q", "methods", "-v")
    assert (outcome.code, outcome.out) == (2, "")
    assert "--quiet tells less and --verbose more" in outcome.err


def test_the_next_command_is_as_loud_as_before(command: Command, run: Path) -> None:
    command("score", run, "-q")
    assert "Wrote scores.parquet" in command("score", run).out
