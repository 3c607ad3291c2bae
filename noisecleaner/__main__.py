"""`python -m noisecleaner`, and where the command `noisecleaner` begins: before anything is imported.

Reading in takes half a second, in which a signal would end with a traceback: until the command line has its own
handlers, and when it has put them back, a signal ends the process at once. Nothing has begun by then.
"""

from __future__ import annotations

import os
import signal
from types import FrameType


def main() -> None:
    """Run the command line and exit with its code."""
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, _end)
    _occupy()
    from noisecleaner import cli

    cli.main()


def _end(signum: int, frame: FrameType | None) -> None:
    """End as a shell expects of a process that a signal has ended."""
    os._exit(128 + signum)


def _occupy() -> None:
    """Let streams that were closed (`>&-`) lead nowhere: their numbers would be those of the next files opened."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this one


if __name__ == "__main__":
    main()
