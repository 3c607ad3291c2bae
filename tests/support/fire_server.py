"""A process that has read everything in, and forks one for each command: many commands a second through the real main.

`python fire_server.py` takes a JSON object a line, see `_Asked`, and answers with one, see `support.fire.Ended`.
What a command imports late is imported here once it has ended, so that the next one finds it.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

#: What a process asks of the system to change files, as Python tells it before it is done.
_CHANGES = frozenset({"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "fcntl.flock"})
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
#: What a process is called that gets the children of children that have ended (prctl).
_SUBREAPER = 36
#: Seconds that a child of a killed command has to see that it is alone.
_PATIENCE = 3.0


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What is asked.

    Args:
        words: of the command line.
        folder: where it runs.
        seconds: after which it is killed.
        memory: bytes more than it has already; 0 for no limit.
        room: bytes that a file may have, as if the disk were full; 0 for no limit.
        environment: variables beside those of this process.
        sends: seconds, and the signal that is sent then.
        change: the change of a file before which a signal comes, from 1 on; 0 for none.
        signum: that signal.
        anew: whether Python is started anew, as a shell does it; no limits then.
    """

    words: list[str]
    folder: str
    seconds: float
    memory: int
    room: int
    environment: dict[str, str]
    sends: list[tuple[float, int]]
    change: int
    signum: int
    anew: bool


def _serve() -> None:
    """Answer line by line."""
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # as before a command's first line
    _read_everything_in()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_answer(_Asked(**json.loads(line)))) + "\n")
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
    gc.freeze()


def _answer(asked: _Asked) -> dict[str, Any]:
    started = time.monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as notes:
        child = _started_anew(asked, out, err) if asked.anew else _forked(asked, out, err, notes)
        code = _wait(child, asked)
        seconds, left = time.monotonic() - started, _left()
        said = json.loads(_text(notes) or '{"changes": 0, "imported": []}')
        told = {"code": code, "out": _text(out), "err": _text(err), "seconds": seconds}
    for name in said["imported"]:
        with suppress(Exception):
            importlib.import_module(name)
    if said["imported"]:
        gc.freeze()
    return {**told, "changes": said["changes"], "left": left}


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def _started_anew(asked: _Asked, out: IO[bytes], err: IO[bytes]) -> int:
    words = [sys.executable, "-m", "noisecleaner", *asked.words]
    environment = {**os.environ, **asked.environment}
    return subprocess.Popen(
        words, cwd=asked.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment
    ).pid


def _forked(asked: _Asked, out: IO[bytes], err: IO[bytes], notes: IO[bytes]) -> int:
    child = os.fork()
    if child == 0:
        _become(asked, out.fileno(), err.fileno(), notes)
    return child


def _become(asked: _Asked, out: int, err: int, notes: IO[bytes]) -> None:
    """Run the command in the forked process, and end it: with 99 where something else than SystemExit leaves `main`."""
    code, before, changes = 99, set(sys.modules), _Changes(asked.change, asked.signum)
    try:
        with open(os.devnull) as nothing:
            os.dup2(nothing.fileno(), 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.chdir(asked.folder)
        os.environ.update(asked.environment)
        _limit(asked)
        from noisecleaner.__main__ import main

        sys.argv = ["noisecleaner", *asked.words]
        sys.addaudithook(changes.see)
        main()
    except SystemExit as stop:
        code = int(stop.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        changes.going = False
        said = {"changes": changes.count, "imported": sorted(set(sys.modules) - before)}
        notes.write(json.dumps(said).encode())
        notes.flush()
        os._exit(code)


class _Changes:
    """Counts what a process changes in files, and sends it a signal before one of them."""

    def __init__(self, last: int, signum: int) -> None:
        self.count, self.last, self.signum, self.going = 0, last, signum, True

    def see(self, event: str, args: tuple[Any, ...]) -> None:
        """Look at an event of Python's own audit."""
        if self.going and (event in _CHANGES or (event == "open" and args[2] & _WRITES)):
            self.count += 1
            if self.count == self.last:
                os.kill(os.getpid(), self.signum)


def _limit(asked: _Asked) -> None:
    if asked.memory:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + asked.memory
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    if asked.room:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # so the system says EFBIG, as it says ENOSPC of a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (asked.room, resource.RLIM_INFINITY))


def _wait(child: int, asked: _Asked) -> int:
    """Wait for a process, send it what is asked, and kill it where it takes too long: -9."""
    begin = time.monotonic()
    sends = sorted([*((after, signum) for after, signum in asked.sends), (asked.seconds, signal.SIGKILL)])
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if sends and time.monotonic() - begin > sends[0][0]:
            os.kill(child, sends.pop(0)[1])
        time.sleep(0.001)


def _left() -> list[str]:
    """Wait for what a command has started, and kill what does not end by itself: the names of that."""
    until = time.monotonic() + _PATIENCE
    while children := _children():
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if time.monotonic() > until:
            return [_end(child) for child in children]
        time.sleep(0.005)
    return []


def _children() -> list[int]:
    tasks = Path("/proc/self/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def _end(child: int) -> str:
    """Kill a process: its command line."""
    words = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return words


if __name__ == "__main__":
    _serve()
