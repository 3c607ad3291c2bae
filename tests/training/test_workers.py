"""Work in several processes: the same results, and nobody is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path

import pytest
from e2e.test_resume import SignalAt, interrupt, results
from hypothesis import given
from hypothesis import strategies as st
from support.datasets import Command, embeddings, write_trusted
from torch import nn

from noisecleaner.errors import Interrupted, NoisecleanerError
from noisecleaner.networks.backbones import build
from noisecleaner.progress import Interrupts, Progress
from noisecleaner.training import crossfit
from noisecleaner.training.threads import small
from noisecleaner.training.workers import Work, side_by_side, wrapped


class Heard(Progress):
    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(f"note {text}")

    def warn(self, text: str) -> None:
        self.said.append(f"warning {text}")


def write(folder: Path, piece: int, until: float, progress: Progress, interrupts: Interrupts) -> None:
    """Leave the number of the process in a file."""
    progress.note(f"piece {piece}")
    progress.warn(f"piece {piece}")
    (folder / str(piece)).write_text(str(os.getpid()))
    with (folder / "log").open("a") as log:
        log.write(f"{piece} {until} {os.getpid()}\n")


def fail(folder: Path, piece: int, until: float, progress: Progress, interrupts: Interrupts) -> None:
    write(folder, piece, until, progress, interrupts)
    if piece == 3:
        raise NoisecleanerError("Piece 3 must be whole, but it is broken.", "Mend it.")


def die(folder: Path, piece: int, until: float, progress: Progress, interrupts: Interrupts) -> None:
    write(folder, piece, until, progress, interrupts)
    if piece == 1:
        os.kill(os.getpid(), signal.SIGKILL)


def stumble(folder: Path, piece: int, until: float, progress: Progress, interrupts: Interrupts) -> None:
    if piece == 1:
        raise ZeroDivisionError("a bug")


def wait(folder: Path, piece: int, until: float, progress: Progress, interrupts: Interrupts) -> None:
    """Piece 0 ends as soon as piece 1 runs; that one runs until it is asked to stop."""
    write(folder, piece, until, progress, interrupts)
    while piece == 0 and not (folder / "1").exists():
        time.sleep(0.05)
    while piece == 1 and not interrupts.pending():
        time.sleep(0.05)
    if piece == 1:
        (folder / "stopped").touch()
        interrupts.raise_pending()


def wait_and_signal(folder: Path, piece: int, until: float, progress: Progress, interrupts: Interrupts) -> None:
    wait(folder, piece, until, progress, interrupts)
    if piece == 0:
        os.kill(os.getpid(), signal.SIGTERM)


def beside(
    work: Work,
    pieces: Sequence[int],
    workers: int,
    progress: Progress | None = None,
    interrupts: Interrupts | None = None,
) -> None:
    side_by_side(
        work,
        pieces,
        workers=workers,
        title="elsewhere",
        progress=progress or Heard(),
        interrupts=interrupts or Interrupts(),
    )


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@given(st.integers(1, 40).flatmap(lambda pieces: st.tuples(st.just(pieces), st.integers(1, pieces))))
def test_every_worker_does_as_much_and_no_piece_is_in_two_hands_at_once(numbers: tuple[int, int]) -> None:
    """With pieces of length 1: nobody waits, and all end at pieces / workers."""
    pieces, workers = numbers
    lots = wrapped(range(pieces), workers)
    cut = {piece: share(until, workers) for lot in lots for piece, until, _ in lot if until < 1}
    stretches: dict[int, list[tuple[Fraction, Fraction]]] = {piece: [] for piece in range(pieces)}
    for lot in lots:
        clock = Fraction(0)
        for piece, until, begun in lot:
            began, clock = clock, clock + share(until, workers) - (cut[piece] if begun else 0)
            stretches[piece].append((began, clock))
        assert clock == Fraction(pieces, workers)
    for found in stretches.values():
        assert sum(end - began for began, end in found) == 1
        if len(found) == 2:  # the worker with the rest comes first in the list
            rest, beginning = found
            assert beginning[1] <= rest[0]
    assert sum(map(len, stretches.values())) <= pieces + workers - 1


def share(until: float, workers: int) -> Fraction:
    return Fraction(until).limit_denominator(workers)


def test_every_piece_is_done_once_and_all_that_was_told_arrives(tmp_path: Path) -> None:
    heard = Heard()
    beside(partial(write, tmp_path), range(5), 3, heard)
    lines = [line.split() for line in (tmp_path / "log").read_text().splitlines()]
    done = [(int(piece), round(float(until), 2), int(process)) for piece, until, process in lines]
    by = {(piece, until): process for piece, until, process in done}
    assert sorted(by) == [(0, 1), (1, 0.33), (1, 1), (2, 1), (3, 0.67), (3, 1), (4, 1)]
    assert len(done) == len(by)
    assert by[0, 1] == by[1, 1] == os.getpid()
    assert by[1, 0.33] == by[2, 1] == by[3, 1]
    assert by[3, 0.67] == by[4, 1]
    assert len(set(by.values())) == 3
    for piece in (1, 3):
        order = [until for done_piece, until, _ in done if done_piece == piece]
        assert order == sorted(order)
    told = [piece for piece, _ in by]
    assert sorted(heard.said) == sorted(f"{kind} piece {piece}" for kind in ("note", "warning") for piece in told)
    assert not any(alive(pid) for pid in set(by.values()) - {os.getpid()})


@pytest.mark.parametrize(("pieces", "workers"), [([], 0), ([], 8), ([4], 8)])
def test_one_piece_or_none_needs_no_other_process(tmp_path: Path, pieces: list[int], workers: int) -> None:
    beside(partial(write, tmp_path), pieces, workers)
    written = list(tmp_path.glob("[0-9]"))
    assert {file.read_text() for file in written} <= {str(os.getpid())}
    assert len(written) == len(pieces)


def test_an_error_elsewhere_comes_through_with_its_hint(tmp_path: Path) -> None:
    heard = Heard()
    with pytest.raises(NoisecleanerError, match=r"^Piece 3 must be whole, but it is broken\. Mend it\.$"):
        beside(partial(fail, tmp_path), range(6), 2, heard)
    assert not (tmp_path / "5").exists()
    assert "warning piece 3" in heard.said


def test_a_process_that_was_killed_is_told_from_one_that_failed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(NoisecleanerError, match=r"signal 9.*workers=1"):
        beside(partial(die, tmp_path), range(2), 2)
    with pytest.raises(RuntimeError, match="traceback is above"):
        beside(partial(stumble, tmp_path), range(2), 2)
    assert "ZeroDivisionError: a bug" in capfd.readouterr().err


def test_a_signal_stops_the_others_at_their_next_step(tmp_path: Path) -> None:
    interrupts = Interrupts()
    with interrupts.installed(), pytest.raises(Interrupted), interrupts.deferred():
        beside(partial(wait_and_signal, tmp_path), range(2), 2, interrupts=interrupts)
    assert (tmp_path / "stopped").exists()
    assert not alive(int((tmp_path / "1").read_text()))


def test_nobody_outlives_a_parent_that_was_killed(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from functools import partial\n"
        "from pathlib import Path\n"
        "from training.test_workers import beside, wait\n"
        "if __name__ == '__main__':\n"
        "    beside(partial(wait, Path(sys.argv[1])), range(2), 2)\n"
    )
    (tmp_path / "script.py").write_text(script)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
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
    return [*words, "--method", "l2b", "--hidden", "4"]  # folds of a linear head are trained in one step


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
@pytest.mark.parametrize(
    ("word", "step", "workers", "then"),
    [("fold", 5, "3", "1"), ("other processes", 1, "3", "1"), ("fold", 60, "2", "2")],
)
def test_folds_side_by_side_go_on_after_a_signal(
    command: Command,
    tmp_path: Path,
    fit: list[str],
    monkeypatch: pytest.MonkeyPatch,
    word: str,
    step: int,
    workers: str,
    then: str,
) -> None:
    """In the parent's own fold, also where another one is cut, and while it waits for the others."""
    assert command("fit", *fit, "--workers", "1", "--out", "whole").code == 0
    at = SignalAt(word, step, signal.SIGINT)
    interrupt(command, monkeypatch, [*fit, "--workers", workers, "--out", "cut"], at)
    resumed = command("fit", *fit, "--workers", then, "--out", "cut", "--resume")
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
