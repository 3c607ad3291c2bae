"""Progress that people watch, on stderr: bars on a terminal and in a notebook, lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from importlib.util import find_spec

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.text import Text

from noisecleaner.progress import Progress, Stage
from noisecleaner.texts import legible

_LINE_SECONDS = 5.0


class Verbosity(IntEnum):
    """How much is told beside results, warnings and errors."""

    QUIET = 0  # nothing
    NORMAL = 1  # what was chosen for the user, and how far work has come
    VERBOSE = 2  # also what was read, joined and decided, and when


def on_stderr() -> Console:
    """Where talk and progress go, so that results can be piped."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


class ProgressBars(Progress):
    """Bars with rate and time left, notes and warnings: `score(RUN, progress=ProgressBars())`.

    A notebook draws bars where `ipywidgets` is installed, and shows lines every few seconds otherwise.

    Args:
        verbosity: how much is told; warnings always are.
        words: puts other words in place of the Python that stands in backticks in messages.
    """

    def __init__(self, verbosity: Verbosity = Verbosity.NORMAL, *, words: Callable[[str], str] = str) -> None:
        self.verbosity, self._words = verbosity, words
        self._started = time.monotonic()

    def note(self, text: str) -> None:
        """Print a choice that was made for the user."""
        if self.verbosity > Verbosity.QUIET:
            self._print(Text(legible(self._words(text))))

    def detail(self, text: str) -> None:
        """Print what was read, joined or decided, and after how many seconds."""
        if self.verbosity is Verbosity.VERBOSE:
            clock = f"{time.monotonic() - self._started:8.2f} s  "
            self._print(Text.assemble((clock, "dim"), legible(self._words(text))))

    def warn(self, text: str) -> None:
        """Print a warning."""
        self._print(Text.assemble(("Warning: ", "bold yellow"), legible(self._words(text))))

    @contextmanager
    def stage(self, title: str, total: int, unit: str, done: int = 0) -> Iterator[Stage]:
        """Show one piece of work."""
        console = on_stderr()
        if self.verbosity is Verbosity.QUIET:
            yield Stage()
            return
        if not (console.is_terminal or (console.is_jupyter and find_spec("ipywidgets"))):
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

    @staticmethod
    def _print(text: Text) -> None:
        on_stderr().print(text)


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
        unit = self._unit.removesuffix("s") if self._total == 1 else self._unit
        self._print(f"{self._total:,} {unit} in {seconds:,.1f} s")

    def _print(self, text: str) -> None:
        self._console.print(Text(f"{self._title}: {text}" + (f" ({self._numbers})" if self._numbers else "")))


def _numbers(numbers: dict[str, float]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in numbers.items())
