"""Folders for what is not done yet, which nobody else removes as long as their process lives.

A killed process leaves its folder; the next command removes it. That it belongs to nobody is told by a lock in it, not
by the number of a process: in another container, or on another machine that shares the disk, that is somebody else's.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from noisecleaner.files.lock_file import Found, LockFile, is_ours
from noisecleaner.progress import Progress, listener
from noisecleaner.progress.holds import holding
from noisecleaner.texts import bytes_in_words

_TEMPORARY = ".tmp-"
#: What such a folder is called, and all that is in it.
_NAME = re.compile(rf"\..+{re.escape(_TEMPORARY)}\d+(-\d+)?")
_LOCK, _FILES = "lock", "files"
_TOLD = "What a killed command had left was removed"


@contextmanager
def scratch_folder(folder: Path, name: str) -> Iterator[Path]:
    """Yield an empty folder on the file system of another one; it is removed when the block ends.

    Args:
        folder: in which it is made.
        name: what it is for, a part of its own name.
    """
    with holding() as hold:
        home, lock = _home(folder, name)
        try:
            with hold.lifted():
                yield home / _FILES
        finally:
            _remove(home, lock)


def begins(folder: Path, name: str) -> str:
    """How the paths of what `scratch_folder` makes begin."""
    return str(folder / f".{name}{_TEMPORARY}")


def sweep(folder: Path, progress: Progress | None = None) -> None:
    """Remove what killed processes left in a folder: what `scratch_folder` made, and locks that nobody holds.

    Where the file system has no locks, nothing is removed.

    Args:
        folder: where to look, not below it.
        progress: is told what was removed, and how much that was.
    """
    sizes = dict[str, int]()
    for path in _hidden(folder):
        if path.name.endswith(".lock"):
            _remove_lock(path)
        elif _NAME.fullmatch(path.name) and _is_home(path):
            lock = LockFile(path / _LOCK)
            if lock.take(exclusive=True) is Found.TAKEN:
                sizes[path.name] = _size(path / _FILES)
                with holding():
                    _remove(path, lock)
    if sizes:
        told = ", ".join(f"{folder / name} ({bytes_in_words(size)})" for name, size in sorted(sizes.items()))
        (progress or listener()).note(f"{_TOLD}: {told}.")


def _home(folder: Path, name: str) -> tuple[Path, LockFile]:
    """Make a folder that no other process has, or takes for a dead one's."""
    for number in count(1):
        home = Path(f"{begins(folder, name)}{os.getpid()}{f'-{number}' if number > 1 else ''}")
        try:
            home.mkdir(mode=0o700)
        except FileExistsError:  # of a process that is called so elsewhere, or of another thread
            continue
        lock = LockFile(home / _LOCK)
        # a sweep may have come between
        if lock.take(exclusive=True) is not Found.HELD:
            with suppress(FileNotFoundError):
                (home / _FILES).mkdir()
                return home, lock
            lock.release()
    raise AssertionError("numbers do not end")


def _remove(home: Path, lock: LockFile) -> None:
    """Remove a folder while its lock is held; as much of it as can be."""
    try:
        (home / _FILES).rmdir()  # mostly what was there has its name by now
    except OSError:
        shutil.rmtree(home / _FILES, ignore_errors=True)
    lock.release()
    with suppress(OSError):  # a sweep has put its own lock there, which is not ours to remove: it goes on with this
        home.rmdir()


def _hidden(folder: Path) -> list[Path]:
    """What is in a folder under a hidden name; there may be millions of others."""
    with suppress(OSError), os.scandir(folder) as entries:
        return sorted(Path(entry) for entry in entries if entry.name.startswith("."))
    return []


def _is_home(path: Path) -> bool:
    """Whether `scratch_folder` may have made it: another program's folder may be called so."""
    kinds = {_LOCK: stat.S_ISREG, _FILES: stat.S_ISDIR}
    with suppress(OSError, KeyError):
        if stat.S_ISLNK(os.lstat(path).st_mode):
            return False
        found = os.listdir(path)
        # the lock is made first and goes last
        return all(kinds[name](os.lstat(path / name).st_mode) for name in found) and found != [_FILES]
    return False


def _remove_lock(path: Path) -> None:
    """Remove a lock's file that is ours and that nobody holds."""
    lock = LockFile(path)
    with suppress(OSError):
        if os.lstat(path).st_size and is_ours(path) and lock.take(exclusive=True) is Found.TAKEN:
            lock.release()


def _size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(where, name)).st_size
    return total
