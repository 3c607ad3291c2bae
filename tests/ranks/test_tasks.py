"""The leader hands out tasks; what one process fails of, all end with."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.processes import outcomes, started, together

from noisecleaner.errors import Interrupted, NoisecleanerError
from noisecleaner.progress import Interrupts, Progress
from noisecleaner.ranks.group import ALONE, Ranks
from noisecleaner.ranks.tasks import AgreedInterrupts, dismiss, follow
from noisecleaner.ranks.tasks import together as all_of_them


class Heard(Progress):
    """Keeps what is told."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def note(self, text: str) -> None:
        self.texts.append(text)

    def warn(self, text: str) -> None:
        self.texts.append(f"! {text}")


def greet(ranks: Ranks, progress: Progress, interrupts: Interrupts) -> None:
    progress.note(f"note of {ranks.rank}")
    progress.warn(f"warning of {ranks.rank}")


@dataclass(frozen=True)
class Fails:
    """A task that one process fails of, while the others go on for long.

    Args:
        rank: of that process.
        error: what it says; None has it die.
    """

    rank: int
    error: str | None

    def __call__(self, ranks: Ranks, progress: Progress, interrupts: Interrupts) -> None:
        if ranks.rank == self.rank:
            if self.error is None:
                os.kill(os.getpid(), signal.SIGKILL)
            raise NoisecleanerError(str(self.error), "Mend it.")
        until = time.monotonic() + 60
        while time.monotonic() < until:
            ranks.wait() if self.error is None else interrupts.raise_pending()
            time.sleep(0.01)


@dataclass(frozen=True)
class Fit:
    """What each process of a fit does: the leader hands out tasks, the others follow."""

    tasks: tuple[Any, ...]

    def __call__(self, ranks: Ranks) -> Any:
        interrupts = Interrupts()
        try:
            if not ranks.leads:
                return follow(ranks, interrupts)
            heard = Heard()
            for task in self.tasks:
                all_of_them(task, ranks=ranks, progress=heard, interrupts=interrupts)
            dismiss(ranks, "dismissed")
        except NoisecleanerError as error:
            raise RuntimeError(f"code {error.exit_code}: {error}") from None
        return heard.texts


def test_tasks_are_done_by_all_and_one_tells_of_them(tmp_path: Path) -> None:
    leader, second, third = together(Fit((greet, greet)), 3, tmp_path)
    once = ["note of 0", "! warning of 0", "note of 1", "! warning of 1", "note of 2", "! warning of 2"]
    assert leader == [*once, *once]
    assert second == third == "dismissed"


def test_alone_a_task_is_a_call() -> None:
    heard = Heard()
    all_of_them(greet, ranks=ALONE, progress=heard, interrupts=Interrupts())
    assert heard.texts == ["note of 0", "! warning of 0"]
    dismiss(ALONE, None)


def test_what_one_fails_of_all_end_with(tmp_path: Path) -> None:
    found = together(Fit((Fails(1, "The disk is full."),)), 2, tmp_path)
    assert all("code 2: The disk is full. Mend it." in text for text in found), found


def test_who_is_left_behind_says_that_one_is_gone(tmp_path: Path) -> None:
    begun = time.monotonic()
    with started(Fit((Fails(1, None),)), 2, tmp_path) as processes:
        for process in processes:
            process.join(60)
    left, gone = outcomes(2, tmp_path)
    assert gone is None
    assert "one is gone" in left or "Lost" in left, left
    assert time.monotonic() - begun < 60


class Told(Interrupts):
    """A signal that has arrived, or not."""

    def __init__(self, arrived: bool) -> None:
        super().__init__()
        self.arrived = arrived

    @contextmanager
    def deferred(self) -> Iterator[None]:
        yield

    def pending(self) -> bool:
        return self.arrived

    def raise_pending(self) -> None:
        raise Interrupted(signal.SIGTERM)


def test_alone_one_agrees_with_oneself_at_every_so_many_steps() -> None:
    assert [AgreedInterrupts(Told(False), ALONE, 1).pending() for _ in range(3)] == [False] * 3
    agreed = AgreedInterrupts(Told(True), ALONE, 3)
    assert [agreed.pending() for _ in range(3)] == [False, False, True]
