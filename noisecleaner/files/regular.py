"""Files that somebody else may have put there: opened without waiting for what is no regular file, such as a pipe.

Whoever opens a pipe waits until somebody writes into it; a library that does so does not even hear a signal meanwhile.
"""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader, FileIO
from pathlib import Path

_NO_WAITING = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


class IrregularError(OSError):
    """A pipe, a socket or a device is where a file is required."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(errno.EINVAL, "it is no regular file", str(path))

    def __str__(self) -> str:
        return f"{self.filename} is no regular file"


def open_unbuffered(path: Path | str) -> FileIO:
    """Open a regular file to read its bytes.

    Raises:
        IrregularError: it is another kind of file.
        OSError: it is a folder, or is not there, or cannot be read.
    """
    descriptor = -1
    try:
        descriptor = os.open(path, _NO_WAITING)
        _require(os.fstat(descriptor).st_mode, path)
        return FileIO(descriptor, "rb")
    except BaseException as error:
        if descriptor >= 0:
            os.close(descriptor)
        # that is what the system says where it does not even open a socket, or a device that is not there
        if isinstance(error, OSError) and error.errno in (errno.ENXIO, errno.ENODEV):
            raise IrregularError(path) from error
        raise


def open_regular(path: Path | str) -> BufferedReader:
    """Open a regular file likewise, with a buffer."""
    return BufferedReader(open_unbuffered(path))


def read_regular(path: Path | str) -> bytes:
    """Read all of a regular file likewise."""
    with open_unbuffered(path) as file:
        return file.readall()


def require_regular(path: Path | str) -> None:
    """Refuse what is no regular file before a library opens it by its name.

    Raises:
        IrregularError: it is another kind of file.
        OSError: it is a folder, or is not there.
    """
    _require(os.stat(path).st_mode, path)


def _require(mode: int, path: Path | str) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise IrregularError(path)
