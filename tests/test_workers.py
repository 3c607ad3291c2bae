"""Work in several processes: the same results, and nobody is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from conftest import Command, embeddings, write_trusted
from test_resume import SignalAt, interrupt, results
from torch import nn

from noisecleaner import crossfit
from noisecleaner.backbones import build
from noisecleaner.errors import Interrupted, NoisecleanerError
from noisecleaner.progress import Interrupts, Progress
from noisecleaner.training import small
from noisecleaner.workers import side_by_side


class Heard(Progress):
    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(f"note {text}")

    def warn(self, text: str) -> None:
        self.said.append(f"warning {text}")


def write(folder: Path, piece: int, progress: Progress, interrupts: Interrupts) -> None:
    """Leave the number of the process in a file."""
    progress.note(f"piece {piece}")
    progress.warn(f"piece {piece}")
    (folder / str(piece)).write_text(str(os.getpid()))


def fail(folder: Path, piece: int, progress: Progress, interrupts: Interrupts) -> None:
    write(folder, piece, progress, interrupts)
    if piece == 3:
        raise NoisecleanerError("Piece 3 must be whole, but it is broken.", "Mend it.")


def die(folder: Path, piece: int, progress: Progress, interrupts: Interrupts) -> None:
    write(folder, piece, progress, interrupts)
    if piece == 1:
        os.kill(os.getpid(), signal.SIGKILL)


def stumble(folder: Path, piece: int, progress: Progress, interrupts: Interrupts) -> None:
    if piece == 1:
        raise ZeroDivisionError("a bug")


def wait(folder: Path, piece: int, progress: Progress, interrupts: Interrupts) -> None:
    """Piece 0 ends as soon as piece 1 runs; that one runs until it is asked to stop."""
    write(folder, piece, progress, interrupts)
    while piece == 0 and not (folder / "1").exists():
        time.sleep(0.05)
    while piece == 1 and not interrupts.pending():
        time.sleep(0.05)
    if piece == 1:
        (folder / "stopped").touch()
        interrupts.raise_pending()


def wait_and_signal(folder: Path, piece: int, progress: Progress, interrupts: Interrupts) -> None:
    wait(folder, piece, progress, interrupts)
    if piece == 0:
        os.kill(os.getpid(), signal.SIGTERM)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_every_piece_is_done_once_and_all_that_was_told_arrives(tmp_path: Path) -> None:
    heard = Heard()
    side_by_side(partial(write, tmp_path), range(5), 3, "elsewhere", heard, Interrupts())
    by = [int((tmp_path / str(piece)).read_text()) for piece in range(5)]
    assert by[0] == by[3] == os.getpid()
    assert by[1] == by[4]
    assert len(set(by)) == 3
    assert sorted(heard.said) == sorted(f"{kind} piece {piece}" for kind in ("note", "warning") for piece in range(5))
    assert not any(alive(pid) for pid in set(by) - {os.getpid()})


@pytest.mark.parametrize(("pieces", "workers"), [([], 0), ([], 8), ([4], 8)])
def test_one_piece_or_none_needs_no_other_process(tmp_path: Path, pieces: list[int], workers: int) -> None:
    side_by_side(partial(write, tmp_path), pieces, workers, "elsewhere", Heard(), Interrupts())
    assert {file.read_text() for file in tmp_path.iterdir()} <= {str(os.getpid())}
    assert len(list(tmp_path.iterdir())) == len(pieces)


def test_an_error_elsewhere_comes_through_with_its_hint(tmp_path: Path) -> None:
    heard = Heard()
    with pytest.raises(NoisecleanerError, match=r"^Piece 3 must be whole, but it is broken\. Mend it\.$"):
        side_by_side(partial(fail, tmp_path), range(6), 2, "elsewhere", heard, Interrupts())
    assert not (tmp_path / "5").exists()
    assert "warning piece 3" in heard.said


def test_a_process_that_was_killed_is_told_from_one_that_failed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(NoisecleanerError, match=r"signal 9.*--workers 1"):
        side_by_side(partial(die, tmp_path), range(2), 2, "elsewhere", Heard(), Interrupts())
    with pytest.raises(RuntimeError, match="traceback is above"):
        side_by_side(partial(stumble, tmp_path), range(2), 2, "elsewhere", Heard(), Interrupts())
    assert "ZeroDivisionError: a bug" in capfd.readouterr().err


def test_a_signal_stops_the_others_at_their_next_step(tmp_path: Path) -> None:
    interrupts = Interrupts()
    with interrupts.installed(), pytest.raises(Interrupted), interrupts.deferred():
        side_by_side(partial(wait_and_signal, tmp_path), range(2), 2, "elsewhere", Heard(), interrupts)
    assert (tmp_path / "stopped").exists()
    assert not alive(int((tmp_path / "1").read_text()))


def test_nobody_outlives_a_parent_that_was_killed(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from functools import partial\n"
        "from pathlib import Path\n"
        "from test_workers import Heard, Interrupts, side_by_side, wait\n"
        "if __name__ == '__main__':\n"
        "    side_by_side(partial(wait, Path(sys.argv[1])), range(2), 2, 'elsewhere', Heard(), Interrupts())\n"
    )
    (tmp_path / "script.py").write_text(script)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    parent = subprocess.Popen([sys.executable, tmp_path / "script.py", tmp_path], env=environment)
    try:
        until(lambda: (tmp_path / "1").exists() and (tmp_path / "1").read_text() != "")
    finally:
        parent.kill()
        parent.wait()
    until(lambda: (tmp_path / "stopped").exists() and not alive(int((tmp_path / "1").read_text())))


def until(done: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    for _ in range(600):
        if done():
            return
        time.sleep(0.1)
    raise AssertionError("it did not happen within a minute")


@pytest.fixture
def fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    write_trusted(tmp_path / "trusted.parquet", embeddings(tmp_path / "data.parquet", rows=300), every=2)
    words = ["data.parquet", "--trusted", "trusted.parquet", "--embedding-column", "embedding", "--folds", "3"]
    return [*words, "--method", "l2b"]


@pytest.fixture
def worth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let folds that nobody would wait for have processes of their own."""
    monkeypatch.setattr(crossfit, "_WORTH", 0)


@pytest.mark.usefixtures("worth")
def test_folds_side_by_side_end_in_the_same_bits(command: Command, tmp_path: Path, fit: list[str]) -> None:
    alone = command("fit", *fit, "--workers", "1", "--out", "alone")
    together = command("fit", *fit, "--workers", "2", "--out", "together")
    assert (alone.code, together.code) == (0, 0), together.err
    assert "3 folds are trained, 2 at a time" in together.err
    assert "at a time" not in alone.err
    assert results(tmp_path / "together") == results(tmp_path / "alone")


@pytest.mark.usefixtures("worth")
@pytest.mark.parametrize(("word", "step"), [("fold", 5), ("other processes", 1)])
def test_folds_side_by_side_go_on_after_a_signal(
    command: Command, tmp_path: Path, fit: list[str], monkeypatch: pytest.MonkeyPatch, word: str, step: int
) -> None:
    """In the parent's own fold, and while it waits for the others."""
    assert command("fit", *fit, "--workers", "1", "--out", "whole").code == 0
    at = SignalAt(word, step, signal.SIGINT)
    interrupt(command, monkeypatch, [*fit, "--workers", "3", "--out", "cut"], at)
    resumed = command("fit", *fit, "--workers", "1", "--out", "cut", "--resume")
    assert resumed.code == 0, resumed.err
    assert results(tmp_path / "cut") == results(tmp_path / "whole")


def test_short_fits_and_networks_that_use_all_cores_stay_in_one_process(command: Command, fit: list[str]) -> None:
    short = command("fit", *fit, "--workers", "2", "--out", "short")
    assert short.code == 0
    assert "at a time" not in short.err
    assert small(nn.Linear(1280, 10))
    assert not small(build("cifar-quick", size=32, pretrained=False, weights=None))


def test_workers_must_be_one_at_least(command: Command, fit: list[str]) -> None:
    outcome = command("fit", *fit, "--workers", "0", "--out", "run")
    assert outcome.code == 2
    assert "--workers must be at least 1" in outcome.err
