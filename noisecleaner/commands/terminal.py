"""What a terminal shows while work goes on, on stderr: bars, or lines where nobody watches."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.text import Text

from noisecleaner.commands.wording import typed
from noisecleaner.notices import Notice, Severity, doubts
from noisecleaner.progress import Progress, Stage
from noisecleaner.texts import legible

_LINE_SECONDS = 5.0


def escape_unknown_characters() -> None:
    """Have both streams escape what their encoding lacks: a class called `mücke` ends no command of an ASCII shell."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def drop_unwritten() -> None:
    """Forget what stdout cannot take: else Python tries again when it ends, and ends with a code of its own."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def escaped(text: str) -> str:
    """The text as stdout shows it, so that a table knows how wide it is."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def on_stdout() -> Console:
    """Where results go."""
    return Console(highlight=False, soft_wrap=True)


def on_stderr() -> Console:
    """Where talk and progress go, so that results can be piped."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


class TerminalProgress(Progress):
    """Bars with rate and time left on a terminal, a line every few seconds elsewhere."""

    def note(self, text: str) -> None:
        """Print a choice that was made for the user."""
        on_stderr().print(Text(legible(typed(text))))

    def warn(self, text: str) -> None:
        """Print a warning."""
        on_stderr().print(Text.assemble(("Warning: ", "bold yellow"), legible(typed(text))))

    @contextmanager
    def stage(self, title: str, total: int, unit: str, done: int = 0) -> Iterator[Stage]:
        """Show one piece of work."""
        console = on_stderr()
        if not console.is_terminal:
            lines = _Lines(console, title, total, unit, done)
            yield lines
            lines.finish()
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[numbers]}", style="dim"),
        )
        with Bars(*columns, console=console) as bars:
            task = bars.add_task(title, total=total, completed=done, rate="", numbers="")
            yield _Bar(bars, task, unit)


class LateProgress(TerminalProgress):
    """Keeps warnings that will stand beside the numbers; what ends up nowhere is printed after all.

    Used as a context: where the command ends with an error, all of them are printed.
    """

    def __init__(self) -> None:
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


class _Bar(Stage):
    def __init__(self, bars: Bars, task: TaskID, unit: str) -> None:
        self._bars, self._task, self._unit = bars, task, unit

    def advance(self, count: int = 1, **numbers: float) -> None:
        task = self._bars.tasks[0]
        rate = f"{task.speed:,.0f} {self._unit}/s" if task.speed else ""
        shown = _numbers(numbers) if numbers else task.fields["numbers"]
        self._bars.update(self._task, advance=count, rate=rate, numbers=shown)


class _Lines(Stage):
    def __init__(self, console: Console, title: str, total: int, unit: str, done: int) -> None:
        self._console, self._title, self._total, self._unit = console, title, total, unit
        self._earlier, self._done, self._numbers = done, done, ""
        self._started = self._printed = time.monotonic()

    def advance(self, count: int = 1, **numbers: float) -> None:
        now = time.monotonic()
        self._done += count
        self._numbers = _numbers(numbers) if numbers else self._numbers
        if now - self._printed > _LINE_SECONDS and self._done < self._total:
            self._printed = now
            rate = (self._done - self._earlier) / max(now - self._started, 1e-9)
            left = (self._total - self._done) / max(rate, 1e-9)
            self._print(f"{self._done:,} of {self._total:,} {self._unit}, {rate:,.0f}/s, {left:,.0f} s left")

    def finish(self) -> None:
        """Print the last line."""
        seconds = time.monotonic() - self._started
        self._print(f"{self._total:,} {self._unit} in {seconds:,.1f} s")

    def _print(self, text: str) -> None:
        self._console.print(Text(f"{self._title}: {text}" + (f" ({self._numbers})" if self._numbers else "")))


def _numbers(numbers: dict[str, float]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in numbers.items())
