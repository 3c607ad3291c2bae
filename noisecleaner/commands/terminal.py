"""What a terminal shows while work goes on, in the words of the command line; the bars are in `progress/bars.py`."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from rich.console import Console

from noisecleaner.commands.wording import typed
from noisecleaner.notices import Notice, Severity, doubts
from noisecleaner.progress.bars import ProgressBars, Verbosity

#: How much the command that runs shall tell: set by `main` for as long as it runs, and by nobody else.
_VERBOSITY = ContextVar("verbosity", default=Verbosity.NORMAL)


def open_streams() -> None:
    """Have both streams take whatever is written to them.

    They escape what their encoding lacks: a class called `mücke` ends no command of an ASCII shell. One that was closed
    (`>&-`), which Python has none for, leads nowhere.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  # for as long as Python runs
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def drop_unwritten() -> None:
    """Forget what a stream cannot take: else Python tries again when it ends, and ends with a code of its own."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def escaped(text: str) -> str:
    """The text as stdout shows it, so that a table knows how wide it is."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def on_stdout() -> Console:
    """Where results go."""
    return Console(highlight=False, soft_wrap=True)


@contextmanager
def telling(verbosity: Verbosity) -> Iterator[None]:
    """Have a command tell as much, or as little, while the block runs."""
    before = _VERBOSITY.set(verbosity)
    try:
        yield
    finally:
        _VERBOSITY.reset(before)


def verbosity() -> Verbosity:
    """How much the command that runs shall tell."""
    return _VERBOSITY.get()


class TerminalProgress(ProgressBars):
    """Tells as much as was asked for, in the words of the command line."""

    def __init__(self) -> None:
        super().__init__(verbosity(), words=typed)


class LateProgress(TerminalProgress):
    """Keeps warnings that will stand beside the numbers; what ends up nowhere is printed after all.

    Used as a context: where the command ends with an error, all of them are printed.
    """

    def __init__(self) -> None:
        super().__init__()
        self._kept: list[Notice] = []

    def __enter__(self) -> LateProgress:
        return self

    def __exit__(self, *raised: object) -> None:
        self.release()

    def tell(self, *notices: Notice) -> None:
        """Tell notes at once, and keep the rest."""
        super().tell(*(notice for notice in notices if notice.severity is Severity.NOTE))
        self._kept += doubts(notices)

    def release(self, shown: Iterable[Notice] = ()) -> None:
        """Print what was kept, each once.

        Args:
            shown: notices that stand elsewhere, and need not be printed.
        """
        kept, known, self._kept = dict.fromkeys(self._kept), frozenset(shown), []
        for notice in kept:
            if notice not in known:
                self.warn(notice.message)
