"""Python in a process of its own, with all its children under watch: memory, and who outlives whom."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_POLL_SECONDS = 0.01


class Watched:
    """A running interpreter."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def said(self, word: str) -> str:
        """Read lines until one begins with a word, and return the rest of that one."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(word):
                return line.removeprefix(word).strip()
        raise AssertionError(f"never said {word}")

    def children(self) -> list[int]:
        """Process ids of its children."""
        return children_of(self.process.pid)

    def ended(self, seconds: float) -> float:
        """Wait until it ends, and tell how long that took."""
        begin = time.monotonic()
        self.process.wait(seconds)
        return time.monotonic() - begin


@contextmanager
def running(code: str, *words: object) -> Iterator[Watched]:
    """Run code with words as its arguments; it is killed when the block ends."""
    tests = Path(__file__).parents[1]
    path = os.pathsep.join([str(tests), str(tests.parent), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", code, *map(str, words)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
    )
    try:
        yield Watched(process)
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def children_of(pid: int) -> list[int]:
    """Process ids of the children of a process."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, task.read_text().split())
    return found


def _begun(pid: int) -> bool:
    """Whether a child runs its own program: before, its memory is that of its parent."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes() != Path("/proc/self/cmdline").read_bytes()
    return False


def memory(pid: int, what: str) -> int:
    """Bytes of a line of a process's status, such as VmHWM; 0 where there is no such process any more."""
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{what}:"))
    return 0


class Peaks:
    """The most that this process and its children took together, from the first look on.

    Children that have ended count with the last that was seen of them.
    """

    def __init__(self) -> None:
        self._own = memory(os.getpid(), "VmRSS")
        Path("/proc/self/clear_refs").write_text("5")
        self._children: dict[int, int] = {}
        self._going = True

    def watch(self) -> None:
        """Look at the children again and again, until `rise` is asked for."""
        while self._going:
            for pid in filter(_begun, children_of(os.getpid())):
                self._children[pid] = max(self._children.get(pid, 0), memory(pid, "VmHWM"))
            time.sleep(_POLL_SECONDS)

    def rise(self) -> tuple[int, list[int]]:
        """Bytes by which this process has grown, and the most that each child took."""
        self._going = False
        return memory(os.getpid(), "VmHWM") - self._own, list(self._children.values())
