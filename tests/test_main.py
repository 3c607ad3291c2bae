"""How the process begins and ends: streams that are closed or full, and signals at any time."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import noisecleaner

#: As the installed command begins.
START = "from noisecleaner.__main__ import main; main()"


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of a shell in which `nc` is the command."""
    home = Path(noisecleaner.__file__).parents[1]
    line = f'export PYTHONPATH={home}; nc() {{ {sys.executable} -m noisecleaner "$@"; }}; {line}'
    return subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def failing(fitted: Path) -> Path:
    """A folder with a scored run that fails `--max-noise 0.01`."""
    assert shell("nc score run -q", fitted).returncode == 0
    return fitted


@pytest.mark.parametrize("streams", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", "2>/dev/full"])
@pytest.mark.parametrize("format", ["console", "json"])
def test_a_gate_that_fails_says_so_whatever_its_streams_are(failing: Path, streams: str, format: str) -> None:
    assert shell(f"nc gate run --max-noise 0.01 --format {format} {streams}", failing).returncode == 1


@pytest.mark.parametrize("command", ["--help", "methods", "score run", "score run --format json", "ids data.parquet"])
def test_streams_that_are_closed_or_full_end_no_command_with_another_code(failing: Path, command: str) -> None:
    assert shell(f"nc {command} >&-", failing).returncode == 0
    assert shell(f"nc {command} 2>&-", failing).returncode == 0
    full = shell(f"nc {command} >/dev/full", failing)
    assert full.returncode == 2
    assert "No space left on device" in full.stderr
    assert "Traceback" not in full.stderr


@pytest.mark.parametrize("streams", ["2>&-", "2>/dev/full"])
def test_an_error_that_nobody_can_be_told_keeps_its_code(tmp_path: Path, streams: str) -> None:
    assert shell(f"nc score nowhere {streams}", tmp_path).returncode == 2


def test_files_never_take_the_number_of_a_closed_stream(failing: Path) -> None:
    """Else what is printed would end up in the table that was opened first."""
    assert shell("nc plan run --n 5 --out closed.parquet >&- 2>&-", failing).returncode == 0
    assert (failing / "closed.parquet").read_bytes()[:4] == b"PAR1"


@pytest.mark.parametrize("encoding", ["ascii", "ascii:strict", "utf-16", "cp1252", "cp037"])
def test_streams_take_what_their_encoding_lacks(failing: Path, encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    assert subprocess.run([sys.executable, "-c", START, "methods"], capture_output=True, check=False).returncode == 0
    judged = [sys.executable, "-c", START, "gate", "run", "--max-noise", "0.01"]
    assert subprocess.run(judged, cwd=failing, capture_output=True, check=False).returncode == 1


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_command_line_is_read_in_leaves_no_traceback(signum: signal.Signals) -> None:
    """From the first line of our own on: what Python does before that is not ours."""
    begins = f"import sys; sys.stdout.write('.'); sys.stdout.flush(); {START}"
    early = 0
    for number in range(20):
        words = [sys.executable, "-c", begins, "methods"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.read(1)
            time.sleep(0.005 + 0.015 * number)
            process.send_signal(signum)
            _, said = process.communicate()
        # before our first line is read, the system ends a process by itself, without a word
        assert process.returncode in (0, 128 + signum, -signum), said
        assert "Traceback" not in said
        early += "Interrupted" not in said and process.returncode != 0
    assert early
