"""Independent pieces of work, side by side: some in this process, the others in processes of their own.

Five pieces would keep two processes busy for three rounds, in the last of which one has nothing to do. So a piece may
be cut in two stretches, one at the beginning of a process, and the rest at the end of another (McNaughton, 1959).

Threads will not do: PyTorch's random state and its forward mode belong to the whole process.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext
from multiprocessing.synchronize import Event
from typing import NamedTuple

from noisecleaner.errors import Interrupted, NoisecleanerError
from noisecleaner.progress import Interrupts, Progress, Stage
from noisecleaner.progress.notes import Notes

#: Does the piece of a number until this share of it is done, from where it was left, in whichever process: tells its
#: progress, and asks where it may stop.
Work = Callable[[int, float, Progress, Interrupts], None]
#: For each piece that is cut, whether its first stretch is done.
Cuts = Mapping[int, Event]
_POLL_SECONDS = 0.2


class _ParentInterrupts(Interrupts):
    """The wish of the parent to stop; one that is gone wishes so."""

    def __init__(self, stop: Event, parent: int) -> None:
        super().__init__()
        self._stop, self._parent = stop, parent

    def pending(self) -> bool:
        return self._stop.is_set() or os.getppid() != self._parent

    def raise_pending(self) -> None:
        if self.pending():
            raise Interrupted(signal.SIGTERM)


class Stretch(NamedTuple):
    """What one process does of a piece.

    Args:
        piece: its number.
        until: the share of the piece that is done then.
        begun: whether another process does what comes before.
    """

    piece: int
    until: float
    begun: bool


def wrapped(pieces: Sequence[int], workers: int) -> list[list[Stretch]]:
    """Deal pieces of equal length to workers, each of whom does as much as the others.

    The pieces lie end to end, and the workers take equal lengths of them. Where a border falls into a piece, the worker
    behind it begins with that piece, and the worker before it ends with the rest. No piece is longer than what a worker
    does, so the rest never begins too early.

    Args:
        pieces: their numbers.
        workers: how many, at most one for each piece.
    """
    lots: list[list[Stretch]] = [[] for _ in range(workers)]
    for place, piece in enumerate(pieces, start=1):
        # in units of which a piece has as many as there are workers, and a worker does as many as there are pieces
        end = place * workers
        worker = (end - 1) // len(pieces)
        inside = min(workers, end - worker * len(pieces))
        lots[worker].append(Stretch(piece, inside / workers, begun=False))
        if inside < workers:
            lots[worker - 1].append(Stretch(piece, 1.0, begun=True))
    return lots


class _Report(NamedTuple):
    """What a process says after each stretch: what is to be told, and what went wrong."""

    messages: Notes
    failure: NoisecleanerError | None = None


class _Share(NamedTuple):
    """What one process does.

    Args:
        work: what to do with a piece.
        stretches: of the pieces, in this order.
        cuts: of all pieces that are cut.
        stop: is set when the parent wishes so.
        parent: the parent's process id.
    """

    work: Work
    stretches: Sequence[Stretch]
    cuts: Cuts
    stop: Event
    parent: int


class _Worker:
    """A process with its share of the work, and the end of a pipe that it reports to."""

    def __init__(self, context: SpawnContext, share: _Share) -> None:
        self.left = len(share.stretches)
        self.pipe, other = context.Pipe(duplex=False)
        self.process = context.Process(target=_do_share, args=(share, other), daemon=True)
        # a signal may reach every process, but the parent alone decides; a new process takes this mask over
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        try:
            self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        other.close()  # so that the pipe ends with the process

    def listen(self, progress: Progress) -> None:
        """Take what it has to say.

        Raises:
            NoisecleanerError: its work failed, or it was killed.
        """
        try:
            report: _Report = self.pipe.recv()
        except EOFError:
            self.process.join()
            signum = -(self.process.exitcode or 0)
            if signum > 0:
                raise NoisecleanerError(
                    f"Training needs all of its processes, but one was killed (signal {signum}), as happens when "
                    "memory runs out.",
                    "Repeat the command with `Effort(workers=1)`.",
                ) from None
            raise RuntimeError("a process beside this one failed; its traceback is above") from None
        report.messages.pass_on(progress)
        if report.failure is not None:
            raise report.failure
        self.left -= 1


def side_by_side(
    work: Work, pieces: Sequence[int], *, workers: int, title: str, progress: Progress, interrupts: Interrupts
) -> None:
    """Do all pieces, some of them here, the others in processes beside this one; see `wrapped` for who does what.

    A script that asks for more than one process must guard its own code with `if __name__ == "__main__"`, because
    each process imports it (see `multiprocessing`, "Safe importing of main module").

    Args:
        work: what to do with a piece; anything that can be pickled. It leaves its results in files.
        pieces: their numbers; they are about equally long.
        workers: pieces that are worked on at once, this process included.
        title: of the progress bar for what is done elsewhere.
        progress: is told what happens.
        interrupts: asked between steps; the other processes stop at their next step, too.

    Raises:
        NoisecleanerError: the work failed somewhere.
        Interrupted: a signal arrived.
    """
    own, *rest = wrapped(pieces, max(1, min(workers, len(pieces))))
    with _beside(work, rest) as (others, cuts):
        for piece, until, begun in own:
            if begun:
                with interrupts.deferred():
                    _listen(others, enough=cuts[piece].is_set, stage=Stage(), progress=progress, interrupts=interrupts)
            work(piece, until, progress, interrupts)
        if left := sum(other.left for other in others):
            with interrupts.deferred(), progress.stage(title, left, "runs") as stage:
                _listen(others, enough=lambda: False, stage=stage, progress=progress, interrupts=interrupts)


def _listen(
    workers: Sequence[_Worker],
    *,
    enough: Callable[[], bool],
    stage: Stage,
    progress: Progress,
    interrupts: Interrupts,
) -> None:
    """Wait until it is enough, or for the end of all processes or a signal; take what they report meanwhile."""
    while not (interrupts.pending() or enough()) and (busy := [worker for worker in workers if worker.left]):
        wait([worker.pipe for worker in busy], _POLL_SECONDS)
        for worker in busy:
            if worker.pipe.poll():
                worker.listen(progress)
                stage.advance(1)


@contextmanager
def _beside(work: Work, shares: Sequence[Sequence[Stretch]]) -> Iterator[tuple[list[_Worker], Cuts]]:
    """Start a process for each share; whatever happens, none is left behind."""
    if not shares:
        yield [], {}
        return
    context = multiprocessing.get_context("spawn")  # a copy of a process in which threads have run may hang
    stop = context.Event()
    cuts = {stretch.piece: context.Event() for share in shares for stretch in share if stretch.until < 1}
    workers: list[_Worker] = []
    try:
        whole = (_Share(work, stretches, cuts, stop, os.getpid()) for stretches in shares)
        workers.extend(_Worker(context, share) for share in whole)
        yield workers, cuts
    finally:
        stop.set()
        for worker in workers:
            worker.process.join()


def _do_share(share: _Share, pipe: Connection) -> None:
    """Be one of the processes."""
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"torch\.")  # as in `cli.main`
    interrupts = _ParentInterrupts(share.stop, share.parent)
    for piece, until, begun in share.stretches:
        messages = Notes()
        try:
            while begun and not share.cuts[piece].wait(_POLL_SECONDS):
                interrupts.raise_pending()
            share.work(piece, until, messages, interrupts)
            if until < 1:
                share.cuts[piece].set()
            pipe.send(_Report(messages))
        except NoisecleanerError as failure:
            pipe.send(_Report(messages, failure))
            break
        except (Interrupted, BrokenPipeError):  # the parent knows, or is gone
            break
