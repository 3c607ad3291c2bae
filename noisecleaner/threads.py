"""A stream through a function in threads: results in the stream's order, and only a few items wait in memory."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def cores() -> int:
    """How many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_threads(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    threads: int,
    ahead: int,
    name: str,
    start: Callable[[], None] | None = None,
) -> Generator[Result]:
    """Apply a function to every item. What the stream or the function raises comes through; the threads end with it.

    Args:
        function: releases the interpreter lock where it is slow, or threads gain nothing.
        items: read in the caller's thread, as results are asked for.
        threads: how many items are worked on at once.
        ahead: how many items may be started before the first result is taken.
        name: of the threads.
        start: called once in each thread.
    """
    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix=name, initializer=start)
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
