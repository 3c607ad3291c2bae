"""How a long call talks to its caller: progress, notes, and the wish to stop. Silent by default."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import Any

from noisecleaner.errors import Interrupted
from noisecleaner.notices import Notice, Severity

#: What Python calls with an exception that it cannot raise; its argument has a type of Python's own.
_Hook = Callable[[Any], Any]


class Stage:
    """One counted piece of work, such as decoding or one training run."""

    def advance(self, count: int = 1, **numbers: float) -> None:
        """Say that `count` more units are done; `numbers` are shown beside them (loss, accuracy)."""


class Progress:
    """The silent listener; `bars.ProgressBars` is the one that shows something."""

    def note(self, text: str) -> None:
        """Tell a choice that was made for the user."""

    def detail(self, text: str) -> None:
        """Tell what was read, joined or decided, for those who ask for all of it."""

    def warn(self, text: str) -> None:
        """Tell something that may make the result worse than it looks."""

    def tell(self, *notices: Notice) -> None:
        """Tell notices when they are found; they stand in the outputs, too."""
        for notice in notices:
            if notice.severity is Severity.NOTE:
                self.note(notice.message)
            else:
                self.warn(notice.message)

    @contextmanager
    def stage(self, title: str, total: int, unit: str, done: int = 0) -> Iterator[Stage]:
        """Announce `total` units of work, of which `done` were done earlier, and hand out the counter for them."""
        yield Stage()


#: Who hears of what takes long, or is waited for, where no listener is handed on to: set by `heard_by` for as long as
#: its block runs.
_LISTENER = ContextVar("listener", default=Progress())  # noqa: B039  # it holds nothing


@contextmanager
def heard_by(progress: Progress) -> Iterator[None]:
    """Have a listener hear of what takes long, or is waited for, while the block runs, see `Patience`."""
    before = _LISTENER.set(progress)
    try:
        yield
    finally:
        _LISTENER.reset(before)


def listener() -> Progress:
    """Who hears of what nobody is handed on to hear of, see `heard_by`."""
    return _LISTENER.get()


class Patience:
    """Says now and then how far something has come of which nobody knows how long it takes.

    Args:
        first: seconds until it is told for the first time; from then on after three times as long each time.
    """

    def __init__(self, first: float = 5.0) -> None:
        self._started, self._next = time.monotonic(), first

    def tell(self, text: Callable[[], str]) -> None:
        """Tell what has been found so far, if it is time to."""
        passed = time.monotonic() - self._started
        if passed >= self._next:
            self._next = 3 * passed
            listener().note(f"{text()} ({passed:,.0f} s so far).")


class Interrupts:
    """Turns SIGINT and SIGTERM into `Interrupted`: at once, or at the next safe point.

    A training step must not be cut in two, so the loop runs inside `deferred()` and asks
    `pending()` between steps, where it can still write a checkpoint. A second signal does not wait.
    """

    def __init__(self) -> None:
        self._pending: int | None = None
        self._deferring = False

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Catch both signals while the block runs (main thread only)."""
        previous = {s: signal.signal(s, self._handle) for s in (signal.SIGINT, signal.SIGTERM)}
        hook, sys.unraisablehook = sys.unraisablehook, _heard_again(sys.unraisablehook)
        try:
            yield
        finally:
            sys.unraisablehook = hook
            for signum, handler in previous.items():
                signal.signal(signum, handler)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Hold a first signal back while the block runs; raise it at the end if nobody asked."""
        self._deferring = True
        try:
            yield
        finally:
            self._deferring = False
        self.raise_pending()

    def pending(self) -> bool:
        """Whether a signal is being held back."""
        return self._pending is not None

    def raise_pending(self) -> None:
        """Raise the signal that is being held back, if there is one."""
        if self._pending is not None:
            raise Interrupted(self._pending)

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        if not self._deferring or self._pending is not None:
            raise Interrupted(signum)
        self._pending = signum


def _heard_again(other: _Hook) -> _Hook:
    """Send a signal again that came where nothing can be raised, as in a library's clearing up; others are told."""

    def hook(lost: Any) -> None:
        if isinstance(lost.exc_value, Interrupted):
            threading.Timer(0.01, os.kill, (os.getpid(), lost.exc_value.signum)).start()
        else:
            other(lost)

    return hook
