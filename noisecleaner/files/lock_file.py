"""A file that processes lock: the system lets go of it when a process ends, however that happens."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import socket
import stat
import time
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Any

#: Begins what is written into the file. It tells people who holds a lock, and decides nothing.
_MARK = b"noisecleaner "
#: More than that nobody reads of it.
_MOST = 1024
#: What file systems without locks say.
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
#: What no name of a command, a machine or a time holds: anybody may have written the file.
_ODD = re.compile(r"[^A-Za-z0-9 .:_-]")


class Found(Enum):
    """What became of the wish for a lock."""

    TAKEN = "taken"
    HELD = "held"  # by another process, or the file went away just now
    NONE = "none"  # there are no locks here: another's folder, a read-only one, a file system that has none


class LockFile:
    """A lock: one process holds it alone, or several share it. The last one that holds it removes the file.

    The descriptor is no child's: a program that is started does not inherit it, and so holds nothing on.

    Args:
        path: of the file; what is there and not ours is neither changed nor removed, and links are not followed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def take(self, *, exclusive: bool, work: str = "") -> Found:
        """Take the lock if it is free, and do not wait.

        Args:
            exclusive: hold it alone; else together with others that do not.
            work: who takes it, told to people who want it; nothing is told without.
        """
        try:
            self._descriptor = _opened(self.path)
            fcntl.flock(self._descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
            # whoever held it before may have removed the file since it was opened here
            found = Found.TAKEN if self._is_there() else Found.HELD
        except (BlockingIOError, FileNotFoundError):
            found = Found.HELD
        except OSError as error:
            found = Found.NONE
            if error.errno in _NO_LOCKS:
                self._remove()
        if found is not Found.TAKEN:
            self._close()
        elif work:
            self._tell(work)
        return found

    def release(self) -> None:
        """Let go of it, and remove the file where nobody else shares it."""
        with suppress(OSError):
            if self._descriptor is not None:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._remove()
        self._close()

    def holder(self) -> str:
        """Say who took it last, as far as the file tells; empty where it does not."""
        try:
            content = _told(_beginning(self.path))
            work, host, since = (_ODD.sub("", str(content[name]))[:80] for name in ("work", "host", "since"))
            return f"{work} (process {int(content['pid'])} on {host}, since {since})"
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return ""

    def _remove(self) -> None:
        with suppress(OSError):
            if self._descriptor is not None and self._is_there() and is_ours(self.path):
                self.path.unlink()

    def _is_there(self) -> bool:
        try:
            assert self._descriptor is not None  # noqa: S101  # only asked while it is open
            return os.path.samestat(os.fstat(self._descriptor), os.lstat(self.path))
        except FileNotFoundError:
            return False

    def _tell(self, work: str) -> None:
        since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
        told = {"work": work, "pid": os.getpid(), "host": socket.gethostname(), "since": since}
        assert self._descriptor is not None  # noqa: S101  # it is held
        with suppress(OSError):  # a full disk, or a file that may only be read
            if is_ours(self.path):
                os.ftruncate(self._descriptor, 0)
                os.pwrite(self._descriptor, _MARK + json.dumps(told).encode(), 0)

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def is_ours(path: Path) -> bool:
    """Whether a lock's file is one that noisecleaner made; what holds nothing was not written to yet."""
    with suppress(OSError):
        if os.lstat(path).st_size == 0:
            return True
        with suppress(ValueError, KeyError, TypeError, RecursionError):
            return _told(_beginning(path))["pid"] is not None
    return False


def _told(beginning: bytes) -> Any:
    """What a lock's file tells.

    Raises:
        ValueError: it is another file.
    """
    if not beginning.startswith(_MARK):
        raise ValueError("it does not begin as ours do")
    return json.loads(beginning.removeprefix(_MARK))


def _opened(path: Path) -> int:
    """Open a lock's file, made where there is none; to read where that is all that one may."""
    plain = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # a pipe that lies there would make us wait
    try:
        descriptor = os.open(path, plain | os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as refused:
        # of somebody else, or on a read-only disk; but perhaps it is there
        if refused.errno not in (errno.EACCES, errno.EPERM, errno.EROFS) or not path.exists():
            raise
        descriptor = os.open(path, plain | os.O_RDONLY)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path} is no file")
    return descriptor


def _beginning(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        return os.read(descriptor, _MOST)
    finally:
        os.close(descriptor)
