"""Processes wait for each other, hear signals meanwhile, and refuse whoever does not belong to them."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from support.processes import launch

from noisecleaner.errors import ApartError, Lost
from noisecleaner.progress import Interrupts
from noisecleaner.ranks import meeting as meetings
from noisecleaner.ranks.board import Board
from noisecleaner.ranks.meeting import Meeting, met

Outcome = Board | BaseException


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    """A port at which nobody listens, and where the processes are to meet."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = int(server.getsockname()[1])
    told(monkeypatch, number)
    return number


def told(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", str(number))
    monkeypatch.delenv("TORCHELASTIC_USE_AGENT_STORE", raising=False)


def at_port(rank: int, size: int, seconds: float = 60) -> Meeting:
    return Meeting(launch=launch(rank, size), method="env://", timeout=timedelta(seconds=seconds))


def at_once(places: list[tuple[int, int]], folder: Path) -> list[Outcome]:
    """What becomes of several, each (rank, size), that come at the same time."""
    found: list[Outcome] = [AssertionError("it hangs")] * len(places)

    def come(place: int, rank: int, size: int) -> None:
        method = f"file://{folder / 'store'}"
        try:
            found[place] = met(Meeting(launch=launch(rank, size), method=method, timeout=timedelta(seconds=20)))[1]
        except BaseException as error:  # the test says which
            found[place] = error

    threads = [threading.Thread(target=come, args=(n, *place), daemon=True) for n, place in enumerate(places)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return found


@contextmanager
def signalled(number: signal.Signals, after: float = 0.5) -> Iterator[None]:
    """Send this process a signal in a moment, as somebody does who is tired of waiting."""
    timer = threading.Timer(after, lambda: os.kill(os.getpid(), number))
    with Interrupts().installed():
        timer.start()
        try:
            yield
        finally:
            timer.join()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(("rank", "whom"), [(0, "process 1 of 3, and 1 more,"), (1, "process 0")])
def test_who_waits_hears_signals_and_says_for_whom_it_waited(
    port: int, number: signal.Signals, rank: int, whom: str
) -> None:
    began = time.monotonic()
    with pytest.raises(Lost) as stop, signalled(number):
        met(at_port(rank, 3))
    assert time.monotonic() - began < 2.5
    assert stop.value.signum == number
    assert stop.value.message == f"Interrupted while process {rank} waited for {whom} at 127.0.0.1:{port}."
    assert stop.value.first
    assert not stop.value.resumable


@pytest.mark.parametrize(("rank", "reason"), [(0, "process 1 of 2 has not come"), (1, "process 0 has not come")])
@pytest.mark.usefixtures("port")
def test_waiting_has_an_end_that_is_said(rank: int, reason: str) -> None:
    with pytest.raises(ApartError, match=rf"within 1 s, but process {rank} did not: {reason}") as error:
        met(at_port(rank, 2, seconds=1))
    assert error.value.first


@pytest.mark.parametrize(("rank", "reason"), [(0, "another program listens"), (1, "does not answer")])
def test_a_port_that_is_taken_is_told(monkeypatch: pytest.MonkeyPatch, rank: int, reason: str) -> None:
    monkeypatch.setattr(meetings, "_SILENCE", timedelta(seconds=1))
    server = socket.create_server(("127.0.0.1", 0))
    with closing(server):
        told(monkeypatch, server.getsockname()[1])
        with pytest.raises(ApartError, match=reason):
            met(at_port(rank, 2))


@pytest.mark.parametrize("text", ["port", "0", "70000"])
@pytest.mark.usefixtures("port")
def test_a_port_is_a_number(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("MASTER_PORT", text)
    with pytest.raises(ApartError, match=f"MASTER_PORT is a number up to 65535, but it is '{text}'"):
        met(at_port(1, 2))


@pytest.mark.parametrize(
    ("places", "found"),
    [([(0, 3), (1, 3), (1, 3)], "two with RANK=1"), ([(0, 2), (1, 3)], "WORLD_SIZE is")],
)
def test_who_does_not_belong_ends_all_and_the_leader_says_why(
    tmp_path: Path, places: list[tuple[int, int]], found: str
) -> None:
    errors = at_once(places, tmp_path)
    assert all(isinstance(error, ApartError) and found in error.message for error in errors), errors
    assert isinstance(errors[0], ApartError)
    assert errors[0].first


def test_a_fit_under_way_is_left_alone_by_who_strays_into_it(tmp_path: Path) -> None:
    boards = at_once([(0, 2), (1, 2)], tmp_path)
    (stray,) = at_once([(1, 2)], tmp_path)
    assert isinstance(stray, ApartError)
    assert stray.first
    for board in boards:
        assert isinstance(board, Board)
        board.raise_failure()


def test_all_hear_of_a_signal_to_one_that_waits(tmp_path: Path) -> None:
    others = list[Outcome]()
    thread = threading.Thread(target=lambda: others.extend(at_once([(0, 3)], tmp_path)), daemon=True)
    thread.start()
    until = time.monotonic() + 20
    while not (tmp_path / "store").exists() and time.monotonic() < until:
        time.sleep(0.02)
    method = f"file://{tmp_path / 'store'}"
    own: Callable[[], object] = lambda: met(  # noqa: E731
        Meeting(launch=launch(1, 3), method=method, timeout=timedelta(seconds=20))
    )
    with pytest.raises(BaseException, match="signal 15") as stop, signalled(signal.SIGTERM, after=2):
        own()
    thread.join(20)
    assert type(stop.value).__name__ == "Interrupted"  # the leader speaks
    (leader,) = others
    assert isinstance(leader, Lost)
    assert leader.message.startswith("Interrupted while process 0 waited for process 2 of 3 at")
