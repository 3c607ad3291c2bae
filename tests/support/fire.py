"""Many commands a second through the real `main`, with limits and signals: see `fire_server`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

#: The exit codes that cli.py documents, but for those of signals and closed pipes, which nobody sends here.
DOCUMENTED = frozenset({0, 1, 2, 3})
#: What stands in files that are not done yet.
_TEMPORARY = ".tmp-"


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended.

    Args:
        code: its exit code, or minus the signal that ended it.
        out: what it wrote to stdout.
        err: likewise.
        seconds: that it took.
        changes: how often it changed files, as far as it came to an end by itself.
        left: processes that it left behind.
    """

    code: int
    out: str
    err: str
    seconds: float
    changes: int
    left: list[str]

    @property
    def fault(self) -> str:
        """What no command may do; empty where it did none of it."""
        if self.code not in DOCUMENTED:
            return f"exit code {self.code}: {self.err[-600:]}"
        if "Traceback (most recent call last)" in self.err + self.out:
            return f"a traceback: {self.err[-600:]}"
        told = self.err if self.code == 2 else self.err + self.out
        return "" if self.code == 0 or told.strip() else "no word of why"


@dataclass(frozen=True, kw_only=True)
class How:
    """Under what a command runs; see `fire_server._Asked`."""

    memory: int = 0
    room: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    sends: Sequence[tuple[float, int]] = ()
    change: int = 0
    signum: int = signal.SIGKILL
    anew: bool = False


class Commands:
    """Runs commands, see the module."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def __call__(self, *words: object, folder: Path, seconds: float = 60, how: How | None = None) -> Ended:
        """Run one command in a folder; it is killed after some seconds."""
        asked = {"words": [str(word) for word in words], "folder": str(folder), "seconds": seconds}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({**asked, **asdict(how or How())}) + "\n")
        self._process.stdin.flush()
        return Ended(**json.loads(self._process.stdout.readline()))


@contextmanager
def commands() -> Iterator[Commands]:
    """Start the process, and end it."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    server = [sys.executable, Path(__file__).with_name("fire_server.py")]
    with subprocess.Popen(server, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            yield Commands(process)
        finally:
            process.kill()


def strays(folder: Path) -> list[str]:
    """Temporary files that are left below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob(f"*{_TEMPORARY}*"))
