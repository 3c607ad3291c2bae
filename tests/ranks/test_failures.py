"""What one process failed of is raised by another: the same text, the same exit code."""

from __future__ import annotations

import signal

import pytest

from noisecleaner.errors import Interrupted, NoisecleanerError
from noisecleaner.ranks.failures import lost, of_text, to_text


def test_an_error_keeps_its_texts_and_its_exit_code() -> None:
    error = NoisecleanerError("Too few rows.", "Verify more.")
    error.exit_code = 3
    again = of_text(to_text(error))
    assert isinstance(again, NoisecleanerError)
    assert (again.message, again.hint, again.exit_code) == ("Too few rows.", "Verify more.", 3)


@pytest.mark.parametrize(
    ("error", "signum"), [(Interrupted(signal.SIGTERM), signal.SIGTERM), (KeyboardInterrupt(), signal.SIGINT)]
)
def test_a_signal_stays_one(error: BaseException, signum: int) -> None:
    again = of_text(to_text(error))
    assert isinstance(again, Interrupted)
    assert again.signum == signum


def test_the_system_and_bugs_are_quoted() -> None:
    assert isinstance(of_text(to_text(OSError(28, "No space left"))), OSError)
    bug = of_text(to_text(ZeroDivisionError("one over nothing")))
    assert isinstance(bug, RuntimeError)
    assert "ZeroDivisionError: one over nothing" in str(bug)


def test_a_lost_process_ends_the_others_as_a_signal_does() -> None:
    gone = lost(4, first=True)
    assert isinstance(gone, Interrupted)
    assert gone.signum == signal.SIGTERM
    assert "4 processes" in gone.message
