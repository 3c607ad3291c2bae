"""One process at a time writes an output."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from noisecleaner.errors import NoisecleanerError


@contextmanager
def alone(path: Path, *, work: str) -> Iterator[None]:
    """Hold the lock of an output, a file beside it; the system lets go of it even when the process is killed.

    Args:
        path: the output.
        work: what writes it, as an error calls it.

    Raises:
        NoisecleanerError: another process holds it.
    """
    lock = path.with_name(f".{path.name}.lock")
    file = lock.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # whoever held it before may have removed the file since it was opened here
        if not (lock.exists() and os.path.samestat(os.fstat(file.fileno()), lock.stat())):
            raise BlockingIOError
    except BlockingIOError:
        file.close()
        raise NoisecleanerError(
            f"One {work} at a time may write to {path}, but another one is running.",
            "Wait for it, or name another directory with `out`.",
        ) from None  # or it would read as a want of memory, of which the system says the same
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        file.close()
