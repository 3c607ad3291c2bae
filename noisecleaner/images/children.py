"""Children that decode what may ask for too much: few, started when they are needed, and anew when one was ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from threading import Condition
from typing import IO

import numpy as np

from noisecleaner.errors import NoisecleanerError
from noisecleaner.images.budget import Budget
from noisecleaner.images.costs import opening
from noisecleaner.images.decoding import Wanted
from noisecleaner.images.failures import Failure
from noisecleaner.images.greys import Pixels
from noisecleaner.images.limits import Limits
from noisecleaner.images.messages import receive, send

#: Children at once, at most: each takes 18 MB of its own.
_MOST = 4
#: Chunks of so many bytes come from the system alone and go back to it, one arena, and one thread: a child's memory
#: is what its image takes.
_LEAN = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "1048576",
    "MALLOC_TRIM_THRESHOLD_": "1048576",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


#: What an image was whose child ended so: its time was up, or the system had no more memory.
_REASONS = {-signal.SIGPROF: Failure.TOO_SLOW, -signal.SIGKILL: Failure.TOO_LARGE}


class EndedError(Exception):
    """A child ended before it answered; `code` is its exit code, negative for a signal."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Child:
    """A process that decodes one image at a time, between walls.

    Args:
        limits: of each image.

    Attributes:
        full: whether it has grown, and decodes no more.
    """

    full = False

    def __init__(self, limits: Limits) -> None:
        environment = {**os.environ, **_LEAN, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        self._process = subprocess.Popen(  # noqa: S603  # this interpreter, this package
            [sys.executable, "-P", "-m", "noisecleaner.images.child", str(limits.max_pixels)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            process_group=0,  # a terminal's signals are for the parent
        )
        assert self._process.stdin is not None  # noqa: S101  # asked for
        assert self._process.stdout is not None  # noqa: S101  # asked for
        self._requests: IO[bytes] = self._process.stdin
        self._answers: IO[bytes] = self._process.stdout
        self._started = False

    def decode(self, encoded: bytes, wanted: Wanted, budget: Budget) -> tuple[Pixels, ...] | Failure:
        """Let it decode an image, which may take from a budget what it asks for.

        Raises:
            EndedError: the child did, whose time was up, or whose library crashed.
            NoisecleanerError: it does not start.
        """
        held = opening(encoded) + len(encoded)
        budget.take(held)
        try:
            self._await_start()
            send(self._requests, wanted.to_json(), encoded)
            content, data = receive(self._answers)
            if "needed" in content:
                budget.give(held)
                held = content["needed"] + len(encoded)
                budget.take(held)
                send(self._requests, {})
                content, data = receive(self._answers)
        except (EOFError, BrokenPipeError):
            raise EndedError(self._process.wait()) from None
        finally:
            budget.give(held)
        self.full = content["full"]
        return Failure(content["failure"]) if "failure" in content else tuple(_images(content["shapes"], data))

    def _await_start(self) -> None:
        if not self._started:
            try:
                receive(self._answers)
            except EOFError:
                if self._process.wait() == -signal.SIGKILL:
                    raise
                raise NoisecleanerError(
                    f"Images that may ask for too much are decoded in a process of their own, but {sys.executable} "
                    f"ended with {self._process.returncode} when it was started.",
                    "Start noisecleaner with a Python that can start itself again, and see how much memory is free.",
                ) from None
            self._started = True

    def kill(self) -> None:
        """End it, in whatever it does."""
        self._process.kill()

    def close(self) -> None:
        """End it, and wait until it has."""
        self.kill()
        self._process.wait()
        for pipe in (self._requests, self._answers):
            with suppress(BrokenPipeError):  # of what it was not sent
                pipe.close()


def _images(shapes: list[list[int]], data: bytes) -> list[Pixels]:
    images, at = [], 0
    for shape in shapes:
        count = int(np.prod(shape))
        images.append(np.frombuffer(data, np.uint8, count, at).reshape(shape))
        at += count
    return images


class Children:
    """The children of a stream of images, from any number of threads.

    Args:
        limits: of each image.
        most: how many at once.
    """

    def __init__(self, limits: Limits, most: int) -> None:
        self._limits, self._most = limits, min(most, _MOST)
        self._idle: list[Child] = []
        self._all: list[Child] = []
        self._changed = Condition()
        self._closed = False

    def decode(self, encoded: bytes, wanted: Wanted, budget: Budget) -> tuple[Pixels, ...] | Failure:
        """Let a child decode an image.

        Raises:
            NoisecleanerError: no child starts.
        """
        child = self._take()
        if child is None:
            return Failure.UNREADABLE  # and nobody is told any more
        done = False
        try:
            answer = child.decode(encoded, wanted, budget)
            done = not child.full
        except EndedError as end:
            answer = _REASONS.get(end.code, Failure.UNREADABLE)
        finally:
            self._give(child, again=done)
        return answer

    def _take(self) -> Child | None:
        """Wait for a child that has nothing to do; None after `close`."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._idle or len(self._all) < self._most)
            if self._closed:
                return None
            if self._idle:
                return self._idle.pop()
            child = Child(self._limits)
            self._all.append(child)
            return child

    def _give(self, child: Child, *, again: bool) -> None:
        """Let others have a child, or end it."""
        if not again:
            child.close()
        with self._changed:
            if again:
                self._idle.append(child)
            else:
                self._all.remove(child)
            self._changed.notify()

    def stop(self) -> None:
        """End all of them, in whatever they do, and start no more."""
        with self._changed:
            self._closed = True
            for child in self._all:
                child.kill()
            self._changed.notify_all()

    def close(self) -> None:
        """Stop, and wait until they have ended; nobody may decode any more."""
        self.stop()
        for child in self._all:
            child.close()
