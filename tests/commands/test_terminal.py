"""What a terminal shows while work goes on: bars where somebody watches, lines elsewhere, all on stderr."""

from __future__ import annotations

import time

import pytest

from noisecleaner.commands import terminal
from noisecleaner.commands.terminal import TerminalProgress
from noisecleaner.notices import Notice, Severity
from noisecleaner.progress import bars


def test_a_terminal_gets_bars_and_a_pipe_gets_lines(capfd: pytest.CaptureFixture[str]) -> None:
    with TerminalProgress().stage("Decoding", 10, "images") as stage:
        stage.advance(10, loss=0.5)
    assert capfd.readouterr().err == "Decoding: 10 images in 0.0 s (loss 0.500)\n"


def test_a_terminal_shows_rate_and_time_left(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", "160")
    with TerminalProgress().stage("Training", 50, "steps") as stage:
        for _ in range(40):
            stage.advance(1, **{"mean α": 0.25})
            time.sleep(0.01)
    shown = capfd.readouterr().err
    assert "Training" in shown
    assert "40/50" in shown
    assert "steps/s" in shown
    assert "0:00:0" in shown
    assert "mean α 0.250" in shown


def test_a_pipe_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """With a clock of its own: a step takes two seconds, a line comes after five."""
    now = [0.0]
    monkeypatch.setattr(bars.time, "monotonic", lambda: now[0])
    with TerminalProgress().stage("Training", 1_100, "steps", done=1_000) as stage:
        for _ in range(10):
            now[0] += 2
            stage.advance(10, trusted_accuracy=0.5)
    assert capfd.readouterr().err.splitlines() == [
        "Training: 1,030 of 1,100 steps, 5/s, 14 s left (trusted accuracy 0.500)",
        "Training: 1,060 of 1,100 steps, 5/s, 8 s left (trusted accuracy 0.500)",
        "Training: 1,090 of 1,100 steps, 5/s, 2 s left (trusted accuracy 0.500)",
        "Training: 1,100 steps in 20.0 s (trusted accuracy 0.500)",
    ]


def test_notes_and_warnings_say_what_one_types_and_are_safe(capfd: pytest.CaptureFixture[str]) -> None:
    TerminalProgress().note("\x1b[31mSet `seed=1`.")
    TerminalProgress().warn("See `methods()`.")
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err == "\ufffd[31mSet --seed 1.\nWarning: See `noisecleaner methods`.\n"


def test_warnings_that_stand_beside_the_numbers_are_not_printed_twice(capsys: pytest.CaptureFixture[str]) -> None:
    note = Notice(code="a", message="Read so.", severity=Severity.NOTE)
    odd, lost = (Notice(code=code, message=f"This is {code}.") for code in ("odd", "lost"))
    with terminal.LateProgress() as progress:
        progress.tell(note, odd, lost)
        assert capsys.readouterr().err == "Read so.\n"
        progress.tell(odd)
        progress.release([odd])
    assert capsys.readouterr().err == "Warning: This is lost.\n"


def test_warnings_are_printed_where_the_command_ends_with_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    def ending_badly() -> None:
        with terminal.LateProgress() as progress:
            progress.tell(odd, odd)
            raise ValueError("no")

    odd = Notice(code="odd", message="This is odd.")
    with pytest.raises(ValueError, match="no"):
        ending_badly()
    assert capsys.readouterr().err == "Warning: This is odd.\n"
