"""The command line itself: help, versions, streams, exit codes, speed."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.datasets import Command

from noisecleaner import __version__
from noisecleaner.commands import console

COMMANDS = ["demo", "fit", "score", "plan", "gate", "export-clean", "corrupt", "methods", "bench"]


def timed(*words: str) -> float:
    started = time.monotonic()
    subprocess.run([sys.executable, "-m", "noisecleaner", *words], check=True, capture_output=True)
    return time.monotonic() - started


def test_help_answers_in_under_a_second() -> None:
    assert min(timed("--help") for _ in range(5)) < 1


@pytest.mark.parametrize(
    "words", [["--help"], ["fit", "--help"], ["gate", "--help"], ["bench", "--help"], ["methods"], ["--version"]]
)
def test_asking_does_not_import_torch(words: list[str]) -> None:
    script = (
        "import sys\nfrom noisecleaner.cli import main\n"
        f"try:\n    main({words!r})\nexcept SystemExit as stop:\n"
        "    sys.exit(stop.code or 'torch' in sys.modules or 'sklearn' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_scoring_and_exporting_do_not_import_torch(fitted: Path, tmp_path: Path) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom noisecleaner.api import export_clean, score\n"
        f"score(Path({str(fitted / 'run')!r}))\n"
        f"export_clean(Path({str(fitted / 'run')!r}), Path({str(tmp_path / 'clean')!r}))\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize("name", COMMANDS)
def test_every_commands_help_has_an_example_that_names_it(command: Command, name: str) -> None:
    outcome = command(name, "--help")
    assert outcome.code == 0
    assert f"Example: noisecleaner {name}" in outcome.out


def test_the_help_lists_every_command(command: Command) -> None:
    outcome = command("--help")
    assert all(name in outcome.out for name in COMMANDS)


def test_the_version_is_that_of_the_package(command: Command) -> None:
    assert command("--version").out == f"noisecleaner {__version__}\n"


@pytest.mark.parametrize("words", [["nonsense"], ["fit"], ["fit", "--bogus"], ["score", "x", "--threshold", "half"]])
def test_wrong_usage_exits_with_2(command: Command, words: list[str]) -> None:
    outcome = command(*words)
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err


def test_a_bug_of_ours_exits_with_70_and_asks_to_report_it(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> None:
        raise ZeroDivisionError("one over nothing")

    monkeypatch.setattr(console, "show_methods", broken)
    outcome = command("methods")
    assert outcome.code == 70
    assert "bug in noisecleaner (ZeroDivisionError: one over nothing)" in outcome.err
    assert "--debug" in outcome.err
    assert "Traceback" in command("--debug", "methods").err


def test_debug_shows_the_traceback_of_a_users_error(command: Command) -> None:
    assert "Traceback" not in command("score", "nowhere").err
    assert "Traceback" in command("score", "nowhere", "--debug").err


def test_results_go_to_stdout_and_talk_to_stderr(command: Command, fitted: Path, tmp_path: Path) -> None:
    words = ["fit", fitted / "data.parquet", "--trusted", fitted / "trusted.parquet", "--embedding-column", "embedding"]
    outcome = command(*words, "--epochs", "1", "--out", tmp_path / "run")
    assert "Fitted 600 rows (0 skipped) with 150 audited trusted rows" in outcome.out
    assert f"Next: noisecleaner score {tmp_path / 'run'}" in outcome.out
    assert "Training" in outcome.err
    assert "trusted accuracy" in outcome.err
    assert "mean α" in outcome.err
    assert "Training" not in outcome.out


def test_the_summary_tells_what_the_files_hold(command: Command, fitted: Path) -> None:
    outcome = command("score", fitted / "run", "--threshold", "0.5")
    assert outcome.code == 0
    scores = pq.read_table(fitted / "run" / "scores.parquet").to_pylist()
    flagged = [row for row in scores if row["flagged"]]
    assert f"Flagged  {len(flagged):,} rows" in outcome.out
    assert f"Kept     {600 - len(flagged):,} rows" in outcome.out
    assert "95 % interval; 150 audited rows, " in outcome.out
    worst = sorted(scores, key=lambda row: row["label_quality"])[:10]
    positions = [outcome.out.index(row["sample_id"]) for row in worst]
    assert positions == sorted(positions)
    for title in ("Worst classes", "Most likely confusions", "Most suspicious rows"):
        assert title in outcome.out


def test_the_flags_follow_from_the_threshold_in_the_file(command: Command, fitted: Path) -> None:
    for words in (["--threshold", "0.3"], ["--threshold", "0.8"], ["--threshold", "0.9", "--by", "alpha"]):
        assert command("score", fitted / "run", *words).code == 0
        by = "alpha" if "alpha" in words else "label_quality"
        for row in pq.read_table(fitted / "run" / "scores.parquet").to_pylist():
            assert row["flagged"] == (row[by] < float(words[1]))
