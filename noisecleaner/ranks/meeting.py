"""Processes find each other: where they meet, who has come, and how long one waits for the others.

Who waits hears signals, since the waiting is done here and not inside torch. What goes wrong the leader says; while it
has not come, each process that waits for it.
"""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from datetime import timedelta
from queue import Empty, Queue
from threading import Thread
from typing import TYPE_CHECKING

from noisecleaner.errors import ApartError, Interrupted, Lost, NoisecleanerError
from noisecleaner.progress import Patience
from noisecleaner.ranks.board import Board
from noisecleaner.ranks.launch import Launch

if TYPE_CHECKING:
    from torch.distributed import Store  # type: ignore[attr-defined]  # torch exports it without saying so

#: Time between two looks for who has come, and how long one look at a port may take.
_POLL_SECONDS, _KNOCK_SECONDS = 0.05, 1.0
#: How long a store may be silent.
_SILENCE = timedelta(seconds=30)
#: How long the leader, who may keep the store, stays for the others to read why it ends.
_READING_SECONDS = 0.5
_ENVIRONMENT = "env://"


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """Where processes meet.

    Args:
        launch: who this process is.
        method: how they find each other, as of `torch.distributed.init_process_group`.
        timeout: how long one waits for the others.
    """

    launch: Launch
    method: str
    timeout: timedelta

    @property
    def place(self) -> str:
        """Where that is, for an error text."""
        if self.method != _ENVIRONMENT:
            return self.method
        return ":".join(os.environ.get(name, "?") for name in ("MASTER_ADDR", "MASTER_PORT"))

    @property
    def keys(self) -> list[str]:
        """What says of each process that it has come."""
        return [f"rank-{rank}" for rank in range(self.launch.size)]

    def apart(self, reason: str, *, first: bool = True) -> ApartError:
        """Say that they did not find each other.

        Args:
            reason: why, the end of a sentence.
            first: whether this process is the one that says so.
        """
        return ApartError(
            f"{self.launch.size} processes must find each other at {self.place} within "
            f"{self.timeout.total_seconds():,.0f} s, but process {self.launch.rank} did not: {reason}.",
            "Start all of them with one torchrun command, or with the same MASTER_ADDR and MASTER_PORT; unset "
            "WORLD_SIZE for a single process.",
            first=first,
        )

    def stopped(self, signum: int, whom: str) -> Lost:
        """Say that a signal ended the waiting."""
        said = f"Interrupted while process {self.launch.rank} waited for {whom} at {self.place}."
        stop = Lost(signum, said, first=True)
        stop.resumable = False
        return stop


def met(meeting: Meeting) -> tuple[Store, Board]:
    """Wait until all processes have come; return the store that they share, and their notice board in it.

    Raises:
        NoisecleanerError: some do not come in time, or they do not belong together.
        Interrupted: a signal arrived.
    """
    from torch.distributed import PrefixStore  # type: ignore[attr-defined]  # as above

    launch, until = meeting.launch, time.monotonic() + meeting.timeout.total_seconds()
    try:
        keeper = _store(meeting, until)
    except Interrupted as stop:
        raise meeting.stopped(stop.signum, "process 0") from stop
    # with nothing in it that those before a restart of torchrun's have left
    store = PrefixStore(f"attempt-{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", keeper)
    board = Board(PrefixStore("noisecleaner", store), rank=launch.rank, size=launch.size)
    try:
        _gather(meeting, store, board, until)
    except (NoisecleanerError, Interrupted, RuntimeError) as error:
        raise _ended(meeting, store, board, error) from error
    return store, board


def _store(meeting: Meeting, until: float) -> Store:
    """What all processes meet at: torchrun's own store, or one that the leader keeps."""
    from torch.distributed import TCPStore  # type: ignore[attr-defined]  # as above
    from torch.distributed.rendezvous import rendezvous

    launch = meeting.launch
    try:
        if meeting.method != _ENVIRONMENT:
            store: Store = next(rendezvous(meeting.method, launch.rank, launch.size, timeout=meeting.timeout))[0]
            return store
        address, port = os.environ["MASTER_ADDR"], _port(os.environ["MASTER_PORT"])
        keeps = launch.leads and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True"
        if keeps:
            store = TCPStore(address, port, launch.size, is_master=True, wait_for_workers=False)
        else:
            _await_port(address, port, until)
            store = _reached(address, port, launch.size)
        store.set_timeout(_SILENCE)
        return store
    except (RuntimeError, ValueError, OSError) as error:
        raise meeting.apart(reason_of(error)) from error


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 2**16:
        raise ValueError(f"MASTER_PORT is a number up to 65535, but it is {text!r}")
    return int(text)


def _await_port(address: str, port: int, until: float) -> None:
    """Wait until somebody listens there.

    Raises:
        OSError: nobody does in time.
    """
    while True:
        try:
            socket.create_connection((address, port), timeout=_KNOCK_SECONDS).close()
            return
        except OSError as error:
            if time.monotonic() > until:
                raise OSError(f"process 0 has not come, as nobody listens there ({error})") from error
        time.sleep(_POLL_SECONDS)


def _reached(address: str, port: int, size: int) -> Store:
    """Reach the store, in a thread: torch waits for an answer without end, and deaf to signals.

    Raises:
        OSError: what listens there does not answer.
    """
    from torch.distributed import TCPStore  # type: ignore[attr-defined]  # as above

    reached: Queue[Store | Exception] = Queue()

    def reach() -> None:
        try:
            reached.put(TCPStore(address, port, size, is_master=False, timeout=_SILENCE, wait_for_workers=False))
        except Exception as error:  # it is raised where it is waited for
            reached.put(error)

    Thread(target=reach, name="meeting", daemon=True).start()
    try:
        found = reached.get(timeout=_SILENCE.total_seconds())
    except Empty:
        raise OSError("something else listens there, which does not answer") from None
    if isinstance(found, Exception):
        raise found
    return found


def _gather(meeting: Meeting, store: Store, board: Board, until: float) -> None:
    """Wait for all, and refuse those who do not belong together."""
    launch, patience = meeting.launch, Patience()
    if (size := int(store.compare_set("size", "", str(launch.size)))) != launch.size:
        raise _refused(f"WORLD_SIZE is {launch.size} for process {launch.rank} and {size} for another one")
    if store.add(meeting.keys[launch.rank], 1) > 1:
        raise _refused(f"there are two with RANK={launch.rank} at {meeting.place}")
    while not store.check(meeting.keys):
        board.raise_failure()
        whom = _missing(meeting, store)
        if time.monotonic() > until:
            raise meeting.apart(f"{whom} has not come")
        patience.tell(lambda whom=whom: f"Waiting for {whom} at {meeting.place}")  # type: ignore[misc]  # of lambdas with defaults mypy cannot tell
        time.sleep(_POLL_SECONDS)


def _missing(meeting: Meeting, store: Store) -> str:
    """Who has not come, for a sentence."""
    ranks = [rank for rank, key in enumerate(meeting.keys) if not store.check([key])]
    more = f", and {len(ranks) - 1} more," if len(ranks) > 1 else ""
    return f"process {ranks[0]} of {meeting.launch.size}{more}" if ranks else "nobody"


def _refused(found: str) -> NoisecleanerError:
    return NoisecleanerError(
        f"Processes that fit together have a number each and agree how many they are, but {found}.",
        "Start all of them with one torchrun command; a fit beside it needs another MASTER_PORT.",
    )


def _ended(meeting: Meeting, store: Store, board: Board, error: BaseException) -> BaseException:
    """Let the others hear what ends the waiting, and see to it that one process says it."""
    leads = meeting.launch.leads
    try:
        under_way, led, whom = store.check(meeting.keys), store.check(meeting.keys[:1]), _missing(meeting, store)
        if not under_way:  # a fit that is, is of others, into which this process strayed
            board.fail(error)
        speaks = leads or under_way or not led
    except RuntimeError:  # who kept the store is gone
        whom, speaks = "the others", True
    if leads:
        time.sleep(_READING_SECONDS)
    match error:
        case Interrupted(signum=signum):
            return meeting.stopped(signum, whom) if speaks else error
        case NoisecleanerError(message=message, hint=hint):
            return ApartError(message, hint, first=speaks)
    return meeting.apart(reason_of(error), first=speaks)


def reason_of(error: BaseException) -> str:
    """What torch or the system says, as the end of a sentence."""
    said = (str(error).strip() or type(error).__name__).splitlines()[0][:200].rstrip(".")
    return "another program listens at that port already" if "EADDRINUSE" in said else said
