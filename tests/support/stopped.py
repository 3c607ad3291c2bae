"""Commands that stop at a moment of our choice: before they give a file its name.

`python stopped.py` is a process that has read everything in and forks one for each: two commands at once, many times,
in seconds. It takes a JSON object a line: `words`, `folder`, `at`, and a folder `talk` with the pipes `said` and `go`
and room for the files `out` and `err`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

#: How long a command may take that nobody has stopped.
_SECONDS = 150


class Ended(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


class Running:
    """A command in a process of its own."""

    def __init__(self, talk: Path, said: IO[str]) -> None:
        self._talk, self._said = talk, said
        self._pid = int(self._next("pid"))

    def await_stop(self) -> None:
        """Wait until it stands before its file."""
        self._next("stopped")

    def go_on(self) -> None:
        """Let it go on where it stands."""
        (self._talk / "go").write_text("\n")

    def kill(self) -> Ended:
        """End it like the kernel does."""
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        return self.ended()

    def ended(self) -> Ended:
        """Wait for its end."""
        code = int(self._next("ended"))
        return Ended(code, (self._talk / "out").read_text(), (self._talk / "err").read_text())

    def _next(self, word: str) -> str:
        line = self._said.readline()
        assert line.startswith(word), f"{line} {(self._talk / 'err').read_text()}"
        return line.removeprefix(word).strip()


class Stoppable:
    """Starts commands, see the module."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    @contextmanager
    def __call__(self, *words: object, folder: Path, at: int = 0) -> Iterator[Running]:
        """Start a command that stops before its n-th file, or nowhere; it is killed when the block ends."""
        with tempfile.TemporaryDirectory() as place:
            talk = Path(place)
            for pipe in ("said", "go"):
                os.mkfifo(talk / pipe)
            asked = {"words": [*map(str, words)], "folder": str(folder), "at": at, "talk": place}
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(asked) + "\n")
            self._process.stdin.flush()
            with (talk / "said").open() as said:
                running = Running(talk, said)
                try:
                    yield running
                finally:
                    with suppress(ProcessLookupError):
                        os.kill(running._pid, signal.SIGKILL)

    @contextmanager
    def stopped(self, *words: object, folder: Path) -> Iterator[Running]:
        """Start a command, and wait until it stands before its first file."""
        with self(*words, folder=folder, at=1) as running:
            running.await_stop()
            yield running


@contextmanager
def stoppable() -> Iterator[Stoppable]:
    """Start the process, and end it."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    with subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, text=True, env=environment) as process:
        yield Stoppable(process)
        process.kill()


def _serve() -> None:
    """Answer line by line, without waiting for the end of what was asked for."""
    import torch

    from noisecleaner import api

    torch.set_num_threads(1)  # a fork has none of them
    for name in api.__all__:
        getattr(api, name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that fork in their turn
    for line in sys.stdin:
        if os.fork() == 0:
            _accompany(json.loads(line))


def _accompany(asked: dict[str, Any]) -> None:
    """Fork the command, wait for it, and tell how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    talk = Path(asked["talk"])
    said = os.open(talk / "said", os.O_WRONLY)
    child = os.fork()
    if child == 0:
        _become(asked, talk, said)
    os.write(said, f"pid {child}\n".encode())
    _, status = os.waitpid(child, 0)
    with suppress(BrokenPipeError):
        os.write(said, f"ended {os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _become(asked: dict[str, Any], talk: Path, said: int) -> None:
    """Run the command in the forked process, and end it."""
    code = 99  # what leaves `main` without SystemExit
    try:
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(talk / name, os.O_WRONLY | os.O_CREAT), number)
        os.chdir(asked["folder"])
        _stop_before(asked["at"], talk, said)
        signal.alarm(_SECONDS)
        from noisecleaner.cli import main

        main(asked["words"])
    except SystemExit as stop:
        code = int(stop.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _stop_before(at: int, talk: Path, said: int) -> None:
    """Have the process say so and wait, before it gives a file a name for the n-th time."""
    left, replace = [at], os.replace

    def stopping(source: str, target: str) -> None:
        left[0] -= 1
        if left[0] == 0:
            os.write(said, b"stopped\n")
            (talk / "go").read_text()
        replace(source, target)

    os.replace = stopping  # type: ignore[assignment]


if __name__ == "__main__":
    _serve()
