"""Files that appear whole or not at all: written beside their final name, synced, then renamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from noisecleaner.files.paths import named
from noisecleaner.files.scratch import begins, scratch

_TOGETHER = "together"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name on the disk of `path`; when the block ends well, rename it to `path`.

    Works for a file and for a whole directory (which must not exist yet). When the block fails,
    what it wrote is removed and whatever stood at `path` is still there.
    """
    path = named(path)
    with _naming(path, begins(path.parent, path.name)), scratch(path.parent, path.name) as folder:
        temporary = folder / path.name
        yield temporary
        if temporary.is_dir():
            os.sync()  # one call for any number of files
        else:
            _sync(temporary)
        os.replace(temporary, path)
        _sync(path.parent)


@contextmanager
def together(folder: Path) -> Iterator[Path]:
    """Yield an empty folder; when the block ends well, what was written there replaces its namesakes in `folder`.

    So files that belong to each other are all whole before the first one is replaced, or none is.

    Args:
        folder: made where there is none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _naming(folder, begins(folder, _TOGETHER)), scratch(folder, _TOGETHER) as staged:
        yield staged
        for file in sorted(staged.iterdir()):
            os.replace(file, folder / file.name)
        _sync(folder)


@contextmanager
def _naming(path: Path, temporary: str) -> Iterator[None]:
    """Put the path of an output into errors of the system that name none, or what is not there any more.

    Args:
        path: the output.
        temporary: how the paths begin under which it is written.
    """
    try:
        yield
    except OSError as error:
        if error.errno is not None and (error.filename is None or str(error.filename).startswith(temporary)):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def _sync(path: Path) -> None:
    """Force a file, or a directory's entries, onto the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
