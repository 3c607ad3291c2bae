"""`gate` on a scored run: what it needs, what it refuses, and what it says in the end."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.datasets import Command
from support.scored import make_run

from noisecleaner.api import GateConfig, Limit, NoisecleanerError, OnInconclusive, Outcome, gate, gather_config
from noisecleaner.files import write_json

VECTORS = ["--embedding-column", "embedding"]


@pytest.mark.parametrize("output", ["run/noise.json/result", ".", "/dev/null"])
def test_an_output_that_cannot_be_a_file_is_refused(command: Command, run: Path, output: str) -> None:
    outcome = command("gate", run, "--max-noise", "0.14", "--output", output)
    assert outcome.code == 2
    assert "--output" in outcome.err
    assert Path("/dev/null").is_char_device()


def test_a_run_without_usable_scores_cannot_pass(command: Command, run: Path, tmp_path: Path) -> None:
    words = ["--min-audited", "0"]
    assert command("gate", run, *words).code == 0
    (tmp_path / "empty").mkdir()
    assert "noisecleaner score empty" in command("gate", "empty", *words).err
    assert command("gate", "empty", *words).code == command("gate", "nowhere", *words).code == 2
    none = make_run(tmp_path / "none", rows={"cat": (0, 0)}, audited={})
    outcome = command("gate", none, *words)
    assert outcome.code == 2
    assert "scored rows" in outcome.err


def damage(run: Path, **changes: object) -> None:
    content = json.loads((run / "noise.json").read_text())
    write_json(run / "noise.json", {**content, **changes})


RATE = {"rate": 0.1, "low": 0.07, "high": 0.14, "audited": 300, "errors": 30, "method": "wilson"}


@pytest.mark.parametrize(
    "overall",
    [
        {},
        None,
        {**RATE, "rate": 1.5},
        {**RATE, "rate": True},
        {**RATE, "low": "0"},
        {**RATE, "low": None},
        {**RATE, "low": 0.2},
        {**RATE, "audited": -1},
        {**RATE, "audited": 1.5},
        {**RATE, "audited": 301},  # more than are verified: of another scores.parquet
    ],
)
def test_damaged_noise_is_refused(command: Command, run: Path, overall: object) -> None:
    damage(run, overall=RATE)
    assert command("gate", run, "--max-noise", "0.5").code == 0
    damage(run, overall=overall)
    outcome = command("gate", run, "--max-noise", "0.5")
    assert outcome.code == 2
    assert "noise.json is required, but it cannot be used" in outcome.err
    assert "noisecleaner score" in outcome.err


def test_missing_foreign_and_broken_files_are_refused(command: Command, run: Path) -> None:
    words = ["gate", run, "--max-noise", "0.5"]
    damage(run, per_given_class={"cat": RATE, "emu": RATE})
    assert "does not belong" in command(*words).err
    for content in ("[]", "{", "\xff", '{"overall": NaN}', "[" * 100_000):
        (run / "noise.json").write_text(content, "latin-1")
        assert command(*words).code == 2
    (run / "noise.json").unlink()
    assert command(*words).code == 2
    make_run(run)
    assert command(*words).code == 0
    whole = (run / "scores.parquet").read_bytes()
    for broken in (whole[:-20], b"", whole.replace(b"given_label", b"taken_label")):
        (run / "scores.parquet").write_bytes(broken)
        outcome = command(*words)
        assert outcome.code == 2
        assert "scores.parquet is required" in outcome.err


@pytest.mark.parametrize("rule", ["--max-flagged", "--min-kept-per-class"])
def test_a_damaged_run_does_not_pass_where_no_rule_asks_for_its_noise(command: Command, run: Path, rule: str) -> None:
    words = ["gate", run, rule, "1"]
    assert command(*words).code == 0
    (run / "noise.json").write_text("garbage")
    assert command(*words).code == 2
    (run / "noise.json").unlink()
    assert command(*words).code == 2


def test_python_gets_the_same_verdict(run: Path) -> None:
    judged = gate(run, gather_config({"max-noise": 0.1}, on_inconclusive="fail"))
    assert (judged.outcome, judged.exit_code) == (Outcome.FAILED, 1)
    assert gate(run, GateConfig({"max-noise": Limit(0.1)})).exit_code == 3
    assert gate(run, GateConfig({"max-noise": Limit(0.1)}, OnInconclusive.PASS)).exit_code == 0
    with pytest.raises(NoisecleanerError, match="at least one rule"):
        GateConfig({})


def test_a_gate_imports_no_torch(run: Path) -> None:
    script = (
        "import sys\nfrom noisecleaner.cli import main\n"
        f"try:\n    main(['gate', {str(run)!r}, '--max-noise', '0.2', '--format', 'junit'])\n"
        "except SystemExit as stop:\n    sys.exit(stop.code or 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_fitted_run_and_new_rows_are_judged(
    command: Command, fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = shutil.copytree(fitted / "run", tmp_path / "copy", ignore=shutil.ignore_patterns("scores.parquet", "new"))
    rules = ["--max-noise", "0.5", "--max-noise-per-class", "0.6", "--max-flagged", "0.6", "--min-audited", "150"]
    assert command("gate", run, *rules).code == 2
    assert command("score", run).code == 0
    outcome = command("gate", run, *rules)
    assert outcome.code == 0, outcome.out
    assert command("gate", run, "--max-noise", "0.1").code == 1
    new = ["--data", fitted / "data.parquet", "--trusted", fitted / "trusted.parquet", *VECTORS]
    outcome = command("gate", run, *rules, *new, "--max-noise-increase", "0.2", "--baseline", run)
    assert outcome.code == 0, outcome.out + outcome.err
    (scored,) = (run / "new").iterdir()
    assert str(scored) in outcome.out
    assert (scored / "scores.parquet").exists()
    outcome = command("gate", run, "--max-noise", "0.1", *new, "--out", "elsewhere", "--format", "json")
    assert outcome.code == json.loads(outcome.out)["exit_code"] == 1  # talk about scoring goes to stderr
    assert outcome.err
    assert Path("elsewhere/noise.json").exists()
    assert command("gate", run, "--max-noise", "0.3", "--data", fitted / "data.parquet", *VECTORS).code == 3
    nearly_all = command("gate", run, "--max-flagged", "0.9", *new, "--threshold", "1")
    assert nearly_all.code == 1
