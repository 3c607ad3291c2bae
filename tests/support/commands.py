"""A command in several processes, each with what torchrun would tell it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

#: How long a command may take: whatever hangs is killed, and the test says so.
SECONDS = 150


class Ended(NamedTuple):
    """What a process left behind."""

    code: int
    out: str
    err: str


def environment(rank: int, size: int, port: int) -> dict[str, str]:
    told = {
        "RANK": rank,
        "WORLD_SIZE": size,
        "LOCAL_RANK": rank,
        "LOCAL_WORLD_SIZE": size,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
        "OMP_NUM_THREADS": 1,
    }
    return {**os.environ, **{name: str(value) for name, value in told.items()}}


@contextmanager
def started(words: list[object], size: int, folder: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Start the processes in a folder; none is left behind."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    command = [sys.executable, "-m", "noisecleaner", *map(str, words)]
    processes = [
        subprocess.Popen(
            command,
            env=environment(rank, size, port),
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(size)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def ended(processes: list[subprocess.Popen[str]]) -> list[Ended]:
    """Wait for all, in the order of their numbers."""
    outputs = [process.communicate(timeout=SECONDS) for process in processes]
    return [Ended(process.returncode, *output) for process, output in zip(processes, outputs, strict=True)]


def together(words: list[object], size: int, folder: Path) -> list[Ended]:
    """Run a command in several processes."""
    with started(words, size, folder) as processes:
        return ended(processes)
