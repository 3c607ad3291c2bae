"""Independent pieces of work, side by side: some in this process, the others in processes of their own.

Threads will not do: PyTorch's random state and its forward mode belong to the whole process.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext
from multiprocessing.synchronize import Event
from typing import NamedTuple

from noisecleaner.errors import Interrupted, NoisecleanerError
from noisecleaner.progress import Interrupts, Progress

#: Does the piece of a number: tells its progress, and asks where it may stop.
Work = Callable[[int, Progress, Interrupts], None]
_POLL_SECONDS = 0.2


class _Told(Progress):
    """Keeps what the parent shall tell; steps are not counted across processes."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.warnings: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def retell(self, progress: Progress) -> None:
        """Tell it."""
        for text in self.notes:
            progress.note(text)
        for text in self.warnings:
            progress.warn(text)


class _Asked(Interrupts):
    """The wish of the parent to stop; one that is gone wishes so."""

    def __init__(self, stop: Event, parent: int) -> None:
        super().__init__()
        self._stop, self._parent = stop, parent

    def pending(self) -> bool:
        return self._stop.is_set() or os.getppid() != self._parent

    def raise_pending(self) -> None:
        if self.pending():
            raise Interrupted(signal.SIGTERM)


class _Done(NamedTuple):
    """What a process says after each piece: what it was told, and what went wrong."""

    told: _Told
    failure: NoisecleanerError | None = None


class _Worker:
    """A process with its share of the work, and the end of a pipe that it reports to."""

    def __init__(self, context: SpawnContext, work: Work, share: Sequence[int], stop: Event) -> None:
        self.left = len(share)
        self.pipe, other = context.Pipe(duplex=False)
        arguments = (work, share, stop, os.getpid(), other)
        self.process = context.Process(target=_do_share, args=arguments, daemon=True)
        # a signal may reach every process, but the parent alone decides; a new process takes this mask over
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        try:
            self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        other.close()  # so that the pipe ends with the process

    def report(self, progress: Progress) -> None:
        """Take what it has to say.

        Raises:
            NoisecleanerError: its work failed, or it was killed.
        """
        try:
            done: _Done = self.pipe.recv()
        except EOFError:
            self.process.join()
            signum = -(self.process.exitcode or 0)
            if signum > 0:
                raise NoisecleanerError(
                    f"Training needs all of its processes, but one was killed (signal {signum}), as happens when "
                    "memory runs out.",
                    "Repeat the command with --workers 1.",
                ) from None
            raise RuntimeError("a process beside this one failed; its traceback is above") from None
        done.told.retell(progress)
        if done.failure is not None:
            raise done.failure
        self.left -= 1


def side_by_side(
    work: Work, pieces: Sequence[int], workers: int, title: str, progress: Progress, interrupts: Interrupts
) -> None:
    """Do all pieces, the first here, each of the others in one of several processes.

    A script that asks for more than one process must guard its own code with `if __name__ == "__main__"`, because
    each process imports it (see `multiprocessing`, "Safe importing of main module").

    Args:
        work: what to do with a piece; anything that can be pickled. It leaves its results in files.
        pieces: their numbers.
        workers: pieces that are worked on at once, this process included.
        title: of the progress bar for what is done elsewhere.
        progress: is told what happens.
        interrupts: asked between steps; the other processes stop at their next step, too.

    Raises:
        NoisecleanerError: the work failed somewhere.
        Interrupted: a signal arrived.
    """
    count = max(1, min(workers, len(pieces)))
    own, *rest = [pieces[first::count] for first in range(count)]
    with _beside(work, rest) as others:
        for piece in own:
            work(piece, progress, interrupts)
        if others:
            _await(others, title, progress, interrupts)


def _await(workers: Sequence[_Worker], title: str, progress: Progress, interrupts: Interrupts) -> None:
    """Wait for the end of all processes, and listen to the user meanwhile."""
    total = sum(worker.left for worker in workers)
    with interrupts.deferred(), progress.stage(title, total, "runs") as stage:
        while not interrupts.pending() and (busy := [worker for worker in workers if worker.left]):
            wait([worker.pipe for worker in busy], _POLL_SECONDS)
            for worker in busy:
                if worker.pipe.poll():
                    worker.report(progress)
                    stage.advance(1)


@contextmanager
def _beside(work: Work, shares: Sequence[Sequence[int]]) -> Iterator[list[_Worker]]:
    """Start a process for each share; whatever happens, none is left behind."""
    if not shares:
        yield []
        return
    context = multiprocessing.get_context("spawn")  # a copy of a process in which threads have run may hang
    stop = context.Event()
    workers: list[_Worker] = []
    try:
        workers.extend(_Worker(context, work, share, stop) for share in shares)
        yield workers
    finally:
        stop.set()
        for worker in workers:
            worker.process.join()


def _do_share(work: Work, share: Sequence[int], stop: Event, parent: int, pipe: Connection) -> None:
    """Be one of the processes."""
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"torch\.")  # as in `cli.main`
    asked = _Asked(stop, parent)
    for piece in share:
        told = _Told()
        try:
            work(piece, told, asked)
            pipe.send(_Done(told))
        except NoisecleanerError as failure:
            pipe.send(_Done(told, failure))
            break
        except (Interrupted, BrokenPipeError):  # the parent knows, or is gone
            break
