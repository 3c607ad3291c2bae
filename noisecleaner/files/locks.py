"""Who may write to an output, and when: one process at a time, and none while others read it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from noisecleaner.errors import NoisecleanerError, quoted
from noisecleaner.files.lock_file import Found, LockFile
from noisecleaner.files.scratch import sweep
from noisecleaner.progress import Progress, listener
from noisecleaner.progress.holds import holding

#: Seconds that a lock is waited for, from when on that is told, and between two tries.
_PATIENCE, _TOLD, _STEP = 2.0, 0.3, 0.02


@contextmanager
def alone(path: Path, *, work: str, progress: Progress | None = None) -> Iterator[None]:
    """Hold the lock of an output, a file beside it, and remove what killed processes left there.

    The system lets go of the lock when the process ends. Folders above the output are made; those that stay empty are
    removed at the end.

    Args:
        path: the output, which need not be there.
        work: what writes it, told to others that want the lock.
        progress: is told what is waited for and what was removed; whoever listens (`progress.heard_by`) by default.

    Raises:
        NoisecleanerError: another process holds it, or reads the output, and goes on so for two seconds.
    """
    real = Path(os.path.realpath(path))
    missing = [folder for folder in real.parents if not folder.exists()]
    try:
        with _held(real, path, exclusive=True, work=work, progress=progress):
            for folder in (real.parent, real):
                sweep(folder, progress)
            yield
    finally:
        with suppress(OSError):  # something is in it
            for folder in missing:
                folder.rmdir()


@contextmanager
def shared(path: Path, *, work: str, progress: Progress | None = None) -> Iterator[None]:
    """Keep others from writing to a folder or file while the block reads it; any number of processes may.

    Where no lock can be made, as on a read-only disk, nothing keeps them.

    Args:
        path: what is read.
        work: what reads it, told to others that want to write.
        progress: see `alone`.

    Raises:
        NoisecleanerError: another process writes to it, and goes on so for two seconds.
    """
    with _held(Path(os.path.realpath(path)), path, exclusive=False, work=work, progress=progress):
        yield


@contextmanager
def _held(real: Path, path: Path, *, exclusive: bool, work: str, progress: Progress | None) -> Iterator[None]:
    """Hold the lock of a path, or none where there is none to be had."""
    lock = LockFile(real.with_name(f".{real.name}.lock") if real.name else real)
    with holding() as hold:
        try:
            _await(lock, path, exclusive=exclusive, work=work, progress=progress or listener())
            with hold.lifted():
                yield
        finally:
            lock.release()


def _await(lock: LockFile, path: Path, *, exclusive: bool, work: str, progress: Progress) -> None:
    """Take a lock; wait for it a short while.

    Raises:
        NoisecleanerError: it is still held then; says by whom.
    """
    started, told = time.monotonic(), False
    while True:
        if exclusive:
            with suppress(OSError):  # whoever writes will say so
                lock.path.parent.mkdir(parents=True, exist_ok=True)
        elif not lock.path.parent.is_dir():
            return
        if lock.take(exclusive=exclusive, work=work) is not Found.HELD:
            return
        passed = time.monotonic() - started
        if passed > _PATIENCE:
            raise _refused(lock, path, exclusive=exclusive)
        if passed > _TOLD and not told:
            told = True
            progress.note(f"Waiting for {lock.holder() or 'another process'} to let go of {path}.")
        time.sleep(_STEP)


def _refused(lock: LockFile, path: Path, *, exclusive: bool) -> NoisecleanerError:
    rule, hint = "is not read while it is written", "Wait until that has ended."
    if exclusive:
        rule = "is written by one process at a time, and not while others read it"
        hint = "Wait until that has ended, or name another output."
    who = lock.holder() or "another process"
    return NoisecleanerError(f"{quoted(path)} {rule}, but {who} is at it.", hint)
