"""A child process that decodes what may ask for too much; started by `children.Child`, never imported.

The walls are the system's own: a limit of memory that makes an allocation fail, and a timer that ends the process in
whatever library it is. It ends with its parent, too: where that dies while an image is decoded, the end of the pipe
raises a signal. What libraries write to stderr on their own account goes nowhere.
"""

from __future__ import annotations

import fcntl
import os
import resource
import select
import signal
import sys
import warnings
from contextlib import suppress
from typing import IO, Any

from PIL import AvifImagePlugin, Image

from noisecleaner.images.costs import opening
from noisecleaner.images.decoding import Wanted, decode_here
from noisecleaner.images.failures import Failure
from noisecleaner.images.limits import MAX_SECONDS, Limits
from noisecleaner.images.messages import receive, send

#: Bytes of address space by which a child may have grown when it is done with an image.
_GROWN = 16_000_000


def main(limits: Limits) -> None:
    """Decode what comes, until nobody sends any more."""
    # libraries may print, and what is printed must not come between the answers
    requests, answers = (os.fdopen(os.dup(number), mode) for number, mode in ((0, "rb"), (1, "wb")))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    _prepare(limits)
    base = _address_space()
    send(answers, {"ready": True})
    with suppress(EOFError, BrokenPipeError):
        while True:
            content, encoded = receive(requests)
            _Answer(requests, answers, base, encoded).give(Wanted.from_json(content), limits)


def _prepare(limits: Limits) -> None:
    warnings.simplefilter("ignore")
    for signum in (signal.SIGPROF, signal.SIGIO, signal.SIGTERM):
        signal.signal(signum, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a signal may reach every process, but the parent alone decides
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    # readers judge the images inside of files by it, and give up above twice as many pixels
    Image.MAX_IMAGE_PIXELS = max(1, limits.max_pixels // 2)
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # threads take address space for their stacks
    with suppress(ImportError, AttributeError):
        import pillow_heif

        pillow_heif.options.DECODE_THREADS = 1
    Image.new("RGBA", (640, 480)).resize((32, 32), Image.Resampling.LANCZOS)  # what it leaves behind is no growth


class _Answer:
    """One image between the walls."""

    def __init__(self, requests: IO[bytes], answers: IO[bytes], base: int, encoded: bytes) -> None:
        self._requests, self._answers, self._encoded = requests, answers, encoded
        self._base = base + len(encoded)
        self._left = MAX_SECONDS

    def give(self, wanted: Wanted, limits: Limits) -> None:
        """Decode it, and send what is wanted."""
        self._allow(opening(self._encoded))
        self._start()
        made = decode_here(self._encoded, wanted, limits, ask=self._ask)
        self._stop()
        self._allow(None)
        content: dict[str, Any] = {"full": _address_space() - self._base > _GROWN}
        if isinstance(made, Failure):
            send(self._answers, content | {"failure": made})
        else:
            shapes = [image.shape for image in made]
            send(self._answers, content | {"shapes": shapes}, b"".join(image.tobytes() for image in made))

    def _ask(self, needed: int) -> None:
        """Ask for memory, and wait without the clock until there is some."""
        self._stop()
        send(self._answers, {"needed": needed})
        receive(self._requests)
        self._allow(needed)
        self._start()

    def _start(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, self._left)
        _end_with_the_parent(self._requests, True)

    def _stop(self) -> None:
        _end_with_the_parent(self._requests, False)
        self._left, _ = signal.setitimer(signal.ITIMER_PROF, 0)

    def _allow(self, count: int | None) -> None:
        """Limit the memory to so many bytes more than an idle child has, or not at all."""
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        soft = most if count is None else self._base + count
        if most != resource.RLIM_INFINITY:
            soft = min(soft, most)
        with suppress(ValueError, OSError):  # a system without this limit
            resource.setrlimit(resource.RLIMIT_AS, (soft, most))


def _end_with_the_parent(pipe: IO[bytes], on: bool) -> None:
    """Let the end of a pipe raise a signal, which ends this process; while it is on, nothing else may come."""
    flags = fcntl.fcntl(pipe, fcntl.F_GETFL)
    if not hasattr(os, "O_ASYNC"):
        return
    if on:
        fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(pipe, fcntl.F_SETFL, flags | os.O_ASYNC)
        ended = select.poll()
        ended.register(pipe, 0)
        if ended.poll(0):  # before
            os._exit(1)
    else:
        fcntl.fcntl(pipe, fcntl.F_SETFL, flags & ~os.O_ASYNC)


def _address_space() -> int:
    """Bytes of address space of this process; 0 where the system does not tell."""
    with suppress(OSError), open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[0]) * resource.getpagesize()
    return 0


if __name__ == "__main__":
    main(Limits(max_pixels=int(sys.argv[1])))
