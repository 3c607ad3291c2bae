"""Signals are held back while what has begun must end: a folder that was made is removed, what was renamed is told."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

#: What a signal that Python handles calls.
_Handler = Callable[[int, FrameType | None], object]
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Hold:
    """Signals that came while they were held back. A second one does not wait."""

    def __init__(self) -> None:
        self._came: list[int] = []
        self._before: dict[int, _Handler] = {}

    def begin(self) -> None:
        """Hold signals back from now on; those that end a process without Python's doing stay as they are."""
        for signum in _SIGNALS:
            handler = signal.getsignal(signum)
            if callable(handler):
                self._before[signum] = handler
                signal.signal(signum, self._note)

    def end(self) -> None:
        """Let signals through again, and those first that came: what they call may raise."""
        for signum, handler in self._before.items():
            signal.signal(signum, handler)
        came, self._came = self._came, []
        for signum in came:
            self._before[signum](signum, None)

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """Let signals through while the block runs."""
        self.end()
        try:
            yield
        finally:
            self.begin()

    def _note(self, signum: int, frame: FrameType | None) -> None:
        if self._came:
            self._before[signum](signum, frame)
        self._came.append(signum)


class _NoHold(Hold):
    """Of a thread in which Python handles no signals."""

    def begin(self) -> None:
        """Do nothing."""

    def end(self) -> None:
        """Do nothing."""


@contextmanager
def holding() -> Iterator[Hold]:
    """Hold signals back while the block runs, but for where it lifts that; what came is raised at its end.

    In a thread that is not the main one, no signal is raised anyway.
    """
    main = threading.current_thread() is threading.main_thread()
    hold = Hold() if main else _NoHold()
    hold.begin()
    try:
        yield hold
    finally:
        hold.end()
