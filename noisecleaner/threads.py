"""A stream through a function in threads, results in its order; and a thread that does half of the work."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

#: Threads to begin with; seconds and results of each that a rate is measured over; what is faster; periods to rest.
_FEW, _PERIOD, _LEAST, _FASTER, _REST = 2, 0.2, 8, 1.1, 30
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
    paced: bool = False,
    stop: Callable[[], None] | None = None,
) -> Generator[Result]:
    """Apply a function to every item. What the stream or the function raises comes through; the threads end with it.

    Args:
        function: releases the interpreter lock where it is slow, or threads gain nothing.
        items: read in the caller's thread, as results are asked for.
        threads: how many items are worked on at once, at most.
        ahead: how many items may be started before the first result is taken.
        name: of the threads.
        start: called once in each thread.
        paced: begin with two threads, and take more as long as that makes results come faster, see `Pace`.
        stop: called before the threads are waited for at the end, so that they do not go on with what nobody reads.
    """
    waiting: deque[Future[Result]] = deque()
    pace = Pace(threads, begin=_FEW if paced else threads)
    crew = _Crew(partial(ThreadPoolExecutor, thread_name_prefix=name, initializer=start))
    try:
        for item in items:
            waiting.append(crew.pool(pace.threads).submit(function, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
                pace.took()
        while waiting:
            yield waiting.popleft().result()
    finally:
        if stop is not None:
            stop()
        crew.end()


class Partner:
    """A thread that takes a part of the work off its caller, who does himself what it has not begun when he needs it.

    So a machine that is busy with other things holds nobody up, and what comes of it depends on nobody's speed.

    Args:
        pool: of one thread; None leaves all work to the caller.
    """

    def __init__(self, pool: ThreadPoolExecutor | None = None) -> None:
        self._pool = pool

    def begin(self, function: Callable[[], Result]) -> Callable[[], Result]:
        """Let something be done meanwhile; what is returned is called once, and returns what came of it."""
        if self._pool is None:
            return function
        future = self._pool.submit(function)
        return lambda: function() if future.cancel() else future.result()

    def both(self, first: Callable[[], None], second: Callable[[], None]) -> None:
        """Do two things at once, which do not touch each other's results."""
        other = self.begin(second)
        try:
            first()
        finally:
            other()


#: Nobody helps.
UNAIDED = Partner()


class Pace:
    """How many threads are worth their while: twice as many, as long as results come faster for it.

    Where an item is short, threads spend their time on handing the interpreter lock to each other: decoding images of
    32 pixels, sixteen were slower than one. And where results are fetched slowly, more threads change nothing.

    Args:
        most: how many there may be.
        begin: how many there are at first.
        clock: seconds.
    """

    def __init__(self, most: int, *, begin: int, clock: Callable[[], float] = time.perf_counter) -> None:
        self.threads, self._most, self._clock = max(1, min(begin, most)), most, clock
        self._since, self._results, self._rest, self._fewer = clock(), 0, 0, self.threads
        #: The rate with fewer threads; None before there is one.
        self._before: float | None = None
        self._warm = False

    def took(self) -> None:
        """Count a result, and think over the number of threads now and then."""
        self._results += 1
        if self._results < _LEAST * self.threads or (passed := self._clock() - self._since) < _PERIOD:
            return
        rate, warm, self._warm = self._results / passed, self._warm, True
        self._since, self._results = self._clock(), 0
        if warm:  # the first results wait for threads to begin, and for what they import
            self._think(rate)

    def _think(self, rate: float) -> None:
        if self._before is not None and rate < _FASTER * self._before:
            self.threads, self._before, self._rest = self._fewer, None, _REST
        elif self._rest:
            self._rest -= 1
        elif self.threads < self._most:
            self._fewer, self._before = self.threads, rate
            self.threads = min(2 * self.threads, self._most)
        else:
            self._before = None


class _Crew:
    """Pools of threads, the first so many of which work.

    Args:
        made: makes a pool of so many threads.
    """

    def __init__(self, made: Callable[[int], ThreadPoolExecutor]) -> None:
        self._made, self._pools, self._turn = made, list[tuple[int, ThreadPoolExecutor]](), 0

    def pool(self, threads: int) -> ThreadPoolExecutor:
        """Return whose turn it is, if so many threads work."""
        there = self._pools[-1][0] if self._pools else 0
        if threads > there:
            self._pools.append((threads, self._made(threads - there)))
        self._turn = (self._turn + 1) % threads
        return next(pool for up_to, pool in self._pools if self._turn < up_to)

    def end(self) -> None:
        """Begin nothing more, and wait for what has begun."""
        for _, pool in self._pools:
            pool.shutdown(wait=False, cancel_futures=True)
        for _, pool in self._pools:
            pool.shutdown(wait=True)
