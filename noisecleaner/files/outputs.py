"""Files that appear whole or not at all: written beside their final name, synced, then renamed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from noisecleaner.files.paths import named

_TEMPORARY = ".tmp-"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; when the block ends well, rename it to `path`.

    Works for a file and for a whole directory (which must not exist yet). When the block fails,
    what it wrote is removed and whatever stood at `path` is still there.
    """
    path = named(path)
    temporary = path.with_name(f".{path.name}{_TEMPORARY}{os.getpid()}")
    _remove(temporary)
    try:
        with _naming(path):
            yield temporary
            if temporary.is_dir():
                os.sync()  # one call for any number of files
            else:
                _sync(temporary)
            os.replace(temporary, path)
            _sync(path.parent)
    finally:
        _remove(temporary)


@contextmanager
def together(folder: Path) -> Iterator[Path]:
    """Yield an empty folder; when the block ends well, what was written there replaces its namesakes in `folder`.

    So files that belong to each other are all whole before the first one is replaced, or none is.

    Args:
        folder: made where there is none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    staged = folder / f".together{_TEMPORARY}{os.getpid()}"
    _remove(staged)
    staged.mkdir()
    try:
        with _naming(folder):
            yield staged
            for file in sorted(staged.iterdir()):
                os.replace(file, folder / file.name)
            _sync(folder)
    finally:
        _remove(staged)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Put the path of an output into errors of the system that name none: those of writing, as on a full disk."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def sweep(folder: Path) -> None:
    """Remove temporary files that a killed process left in `folder`."""
    for leftover in folder.glob(f".*{_TEMPORARY}*"):
        owner = leftover.name.rsplit("-", 1)[-1]
        if not (owner.isdigit() and _alive(int(owner))):
            _remove(leftover)


def _sync(path: Path) -> None:
    """Force a file, or a directory's entries, onto the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it lives, under another user
        return True
    return True
