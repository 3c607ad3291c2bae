"""Work that the leader hands to all processes, itself among them; the others wait for it, and for nothing else.

So everything but this work happens once, in the leader: it reads the tables, writes the run and speaks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from noisecleaner.progress import Interrupts, Progress
from noisecleaner.progress.notes import Notes
from noisecleaner.ranks.group import Ranks

#: What all processes do: anything that can be pickled. It tells its progress, and asks where it may stop.
Task = Callable[[Ranks, Progress, Interrupts], None]
#: Waits for the other processes.
Waited = Callable[[Progress, Interrupts], None]


@dataclass(frozen=True)
class Lead:
    """Whom the process that leads talks to: its caller, and the processes beside it."""

    progress: Progress
    interrupts: Interrupts
    ranks: Ranks


class CommonInterrupts(Interrupts):
    """The wish to stop of this process, or of one that has failed.

    Args:
        own: that of this process.
        ranks: all of them.
    """

    def __init__(self, own: Interrupts, ranks: Ranks) -> None:
        super().__init__()
        self._own, self._board = own, ranks.board

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Hold a first signal of this process back while the block runs."""
        with self._own.deferred():
            yield

    def pending(self) -> bool:
        """Whether there is a reason to stop."""
        return self._own.pending() or (self._board is not None and self._board.failed())

    def raise_pending(self) -> None:
        """Raise it, if there is one."""
        self._own.raise_pending()
        if self._board is not None:
            self._board.raise_failure()


class AgreedInterrupts(Interrupts):
    """The wish of any process to stop, of which all hear at the same step; asked by all, once a step.

    Args:
        own: that of this process.
        ranks: all of them.
        every: steps from one question to the next.
    """

    def __init__(self, own: Interrupts, ranks: Ranks, every: int) -> None:
        super().__init__()
        self._own, self._ranks, self._every, self._steps = own, ranks, every, 0
        self._stop = False

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Hold a first signal of this process back while the block runs."""
        with self._own.deferred():
            yield

    def pending(self) -> bool:
        """Whether any process has a reason to stop."""
        self._steps += 1
        if self._steps % self._every == 0:
            self._stop = self._ranks.any(self._own.pending())
        return self._stop

    def raise_pending(self) -> None:
        """Raise that reason, if there is one."""
        if not self._stop:
            return
        self._own.raise_pending()
        assert self._ranks.board is not None  # noqa: S101  # somebody else wishes so
        raise self._ranks.board.after_break()


def together(task: Task, *, ranks: Ranks, progress: Progress, interrupts: Interrupts) -> None:
    """Do a task on all processes; called by the leader.

    Args:
        task: what to do.
        ranks: the processes.
        progress: is told what happens, in the other processes when they are done.
        interrupts: asked between steps; a process that stops stops all.

    Raises:
        NoisecleanerError: the task failed somewhere.
        Interrupted: a signal arrived, or a process is gone.
    """
    if ranks.alone:
        task(ranks, progress, interrupts)
        return
    with beside(task, ranks) as waited:
        task(ranks, progress, CommonInterrupts(interrupts, ranks))
        with interrupts.deferred():
            waited(progress, interrupts)


@contextmanager
def beside(task: Task, ranks: Ranks) -> Iterator[Waited]:
    """Let the other processes do a task, while the leader does its own part of it in the block.

    Args:
        task: what they do.
        ranks: all of them, more than one.

    Yields:
        What waits for the others at the end, tells what they have to tell, and raises what they failed of.
    """
    board = ranks.board
    assert board is not None  # noqa: S101  # several processes have one
    board.call()
    ranks.shared(lambda: task)

    def waited(progress: Progress, interrupts: Interrupts) -> None:
        for texts in board.reports(CommonInterrupts(interrupts, ranks).raise_pending):
            Notes(**texts).pass_on(progress)

    yield waited


def dismiss(ranks: Ranks, result: Any) -> None:
    """Tell the others that there is no more to do, and what came of it; called by the leader."""
    if ranks.board is not None:
        ranks.board.call()
        ranks.shared(lambda: _End(result))


def follow(ranks: Ranks, interrupts: Interrupts) -> Any:
    """Do the leader's tasks until it dismisses this process; return what it says then.

    Raises:
        NoisecleanerError, Interrupted: a task failed here or elsewhere, or a signal arrived.
    """
    board = ranks.board
    assert board is not None  # noqa: S101  # one alone leads
    while True:
        board.await_call()
        task = ranks.shared(lambda: None)
        if isinstance(task, _End):
            return task.result
        notes = Notes()
        task(ranks, notes, CommonInterrupts(interrupts, ranks))
        board.report({"notes": notes.notes, "warnings": notes.warnings})


class _End:
    """The last word of the leader."""

    def __init__(self, result: Any) -> None:
        self.result = result
