"""Several processes that train together, as torchrun would start them, but found by a file and stopped in time."""

from __future__ import annotations

import multiprocessing
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch

from noisecleaner.ranks.group import Ranks
from noisecleaner.ranks.joining import joined
from noisecleaner.ranks.launch import Launch

#: How long they may wait for each other, and take in all.
_TIMEOUT, _SECONDS = timedelta(seconds=30), 120.0


def launch(rank: int, size: int) -> Launch:
    return Launch(rank=rank, size=size, local_rank=rank, local_size=size)


def together(work: Callable[[Ranks], Any], size: int, folder: Path) -> list[Any]:
    """What work returns in each of so many processes, in their order: tensors, numbers and texts; an error's text.

    Args:
        work: can be pickled.
        size: how many.
        folder: new to each call.
    """
    with started(work, size, folder) as processes:
        until = time.monotonic() + _SECONDS
        for process in processes:
            process.join(max(0.0, until - time.monotonic()))
    return outcomes(size, folder)


def outcomes(size: int, folder: Path) -> list[Any]:
    """What processes that have ended returned; None of one that was killed."""
    paths = [folder / f"outcome-{rank}" for rank in range(size)]
    return [torch.load(path, weights_only=True) if path.exists() else None for path in paths]


@contextmanager
def started(work: Callable[[Ranks], Any], size: int, folder: Path) -> Iterator[list[BaseProcess]]:
    """Start the processes; none is left behind."""
    folder.mkdir(exist_ok=True)
    context = multiprocessing.get_context("spawn")
    processes: list[BaseProcess] = [
        context.Process(target=_one, args=(work, rank, size, folder), daemon=True) for rank in range(size)
    ]
    try:
        for process in processes:
            process.start()
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.join()


def _one(work: Callable[[Ranks], Any], rank: int, size: int, folder: Path) -> None:
    torch.set_num_threads(1)
    method = f"file://{folder / 'store'}"
    try:
        with joined("cpu", method=method, launch=launch(rank, size), timeout=_TIMEOUT) as ranks:
            outcome = work(ranks)
    except BaseException as error:  # the test says which
        outcome = "".join(traceback.format_exception(error))
    torch.save(outcome, folder / f"outcome-{rank}")
