"""Many commands a second through the real `main`: a process that has read everything in forks one for each.

`python fire.py` is that process. It takes a JSON object a line: `words`, `folder`, `seconds`, `memory` (bytes more than
it has already; 0 for no limit); and answers with one: `code` (negative for a signal), `out`, `err`, `seconds`.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: The exit codes that cli.py documents, but for those of signals and closed pipes, which nobody sends here.
DOCUMENTED = frozenset({0, 1, 2, 3})
#: What stands in files that are not done yet.
_TEMPORARY = ".tmp-"


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended: exit code, or minus a signal; what it wrote; seconds that it took."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def fault(self) -> str:
        """What no command may do; empty where it did none of it."""
        if self.code not in DOCUMENTED:
            return f"exit code {self.code}: {self.err[-600:]}"
        if "Traceback (most recent call last)" in self.err + self.out:
            return f"a traceback: {self.err[-600:]}"
        told = self.err if self.code == 2 else self.err + self.out
        return "" if self.code == 0 or told.strip() else "no word of why"


class Commands:
    """Runs commands, see the module."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def __call__(self, *words: object, folder: Path, seconds: float = 60, memory: int = 0) -> Ended:
        """Run one command in a folder; it is killed after some seconds."""
        asked = {"words": [str(word) for word in words], "folder": str(folder), "seconds": seconds, "memory": memory}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return Ended(**json.loads(self._process.stdout.readline()))


@contextmanager
def commands() -> Iterator[Commands]:
    """Start the process, and end it."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    with subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield Commands(process)
        finally:
            process.kill()


def strays(folder: Path) -> list[str]:
    """Temporary files that are left below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob(f"*{_TEMPORARY}*"))


def _serve() -> None:
    """Answer line by line."""
    _read_everything_in()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_forked(json.loads(line))) + "\n")
        sys.stdout.flush()


def _read_everything_in() -> None:
    """Import what commands import late, and stop torch from having threads: a fork has none of them."""
    import torch

    from noisecleaner import api, registry

    torch.set_num_threads(1)
    for name in api.__all__:
        getattr(api, name)
    for folder in ("ingest.readers", "export.formats", "gate.rules", "gate.formats", "weightings"):
        for name in registry.names_in(folder):
            registry.module_in(folder, name, parameter="")


def _forked(asked: dict[str, Any]) -> dict[str, Any]:
    started = time.monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            _become(asked, out.fileno(), err.fileno())
        code = _wait(child, asked["seconds"])
        texts = {}
        for name, file in (("out", out), ("err", err)):
            file.seek(0)
            texts[name] = file.read().decode(errors="replace")
    return {"code": code, **texts, "seconds": time.monotonic() - started}


def _become(asked: dict[str, Any], out: int, err: int) -> None:
    """Run the command in the forked process, and end it."""
    code = 99  # what leaves `main` without SystemExit
    try:
        with open(os.devnull) as nothing:
            os.dup2(nothing.fileno(), 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.chdir(asked["folder"])
        if asked["memory"]:
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            limit = pages * resource.getpagesize() + asked["memory"]
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        from noisecleaner.cli import main

        main(asked["words"])
    except SystemExit as stop:
        code = int(stop.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _wait(child: int, seconds: float) -> int:
    """Wait for a process, and kill it where it takes too long: -9."""
    until = time.monotonic() + seconds
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > until:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return -signal.SIGKILL
        time.sleep(0.002)


if __name__ == "__main__":
    _serve()
