"""One process at a time writes an output."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from noisecleaner.errors import NoisecleanerError
from noisecleaner.runs.lock import alone


def test_a_second_one_is_refused_and_nothing_stays(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with (
        alone(out, work="fit"),
        pytest.raises(NoisecleanerError, match="One embed at a time"),
        alone(out, work="embed"),
    ):
        pass
    with alone(out, work="embed"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    holding = "import sys, time; from pathlib import Path; from noisecleaner.runs.lock import alone\n"
    holding += "with alone(Path(sys.argv[1]), work='fit'): print('held', flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", holding, str(tmp_path / "out")], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    with pytest.raises(NoisecleanerError), alone(tmp_path / "out", work="fit"):
        pass
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with alone(tmp_path / "out", work="fit"):
        pass
