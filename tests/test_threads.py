"""A stream through threads: in order, a few items ahead, errors and all; and a thread that helps another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from noisecleaner.errors import NoisecleanerError
from noisecleaner.threads import Pace, Partner, in_threads


def test_results_come_in_the_order_of_the_items_and_few_are_taken_ahead() -> None:
    taken = []

    def items() -> Iterator[int]:
        for number in range(50):
            taken.append(number)
            yield number

    found = []
    for result in in_threads(lambda number: number * number, items(), threads=2, ahead=4, name="test"):
        found.append(result)
        assert len(taken) <= len(found) + 5
    assert found == [number * number for number in range(50)]


def test_an_error_in_a_thread_is_the_callers() -> None:
    def refuse(number: int) -> int:
        raise NoisecleanerError(f"No {number}.", "Mend it.")

    with pytest.raises(NoisecleanerError, match="No 0"):
        list(in_threads(refuse, range(9), threads=3, ahead=6, name="test"))


def settled(rate: Callable[[int], float], *, most: int = 16, results: int = 20_000) -> list[int]:
    """How many threads there were after each result, where so many give a rate."""
    now, found = 0.0, []
    pace = Pace(most, begin=2, clock=lambda: now)
    for _ in range(results):
        now += 1 / rate(pace.threads)
        pace.took()
        found.append(pace.threads)
    return found


def test_more_threads_work_as_long_as_results_come_faster() -> None:
    assert settled(lambda threads: 100.0 * threads)[-1] == 16
    assert settled(lambda threads: 100.0 * min(threads, 4))[-1] == 4
    assert max(settled(lambda threads: 100.0 * threads, most=3)) == 3


def test_where_threads_hinder_each_other_few_are_left_and_others_seldom_tried() -> None:
    threads = settled(lambda threads: 1_000.0 / threads)
    assert threads[-1] <= 2
    assert np.mean(np.array(threads) > 2) < 0.2


def test_what_becomes_slower_later_gets_more_threads_then() -> None:
    """Small images first, large ones behind."""
    results, pace, now = 0, None, 0.0
    pace = Pace(8, begin=2, clock=lambda: now)
    while results < 30_000:
        now += 1 / (1_000.0 / pace.threads if results < 10_000 else 50.0 * pace.threads)
        pace.took()
        results += 1
    assert pace.threads == 8


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_paced_results_are_the_same_in_the_same_order(threads: int) -> None:
    def square(number: int) -> int:
        time.sleep(0.002)
        return number * number

    found = in_threads(square, range(900), threads=threads, ahead=4 * threads, name="test", paced=True)
    assert list(found) == [number * number for number in range(900)]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("test")]


def test_a_partner_takes_a_part_of_the_work() -> None:
    met = threading.Barrier(2, timeout=60)
    with ThreadPoolExecutor(1) as pool:
        Partner(pool).both(met.wait, met.wait)


def test_what_a_partner_has_not_begun_its_caller_does() -> None:
    busy, done = threading.Event(), list[int]()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(busy.wait, 60)
        Partner(pool).both(lambda: done.append(0), lambda: done.append(threading.get_ident()))
        assert done == [0, threading.get_ident()]
        busy.set()


@pytest.mark.parametrize("alone", [False, True])
def test_what_fails_in_either_half_is_raised_when_both_have_ended(alone: bool) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with ThreadPoolExecutor(1) as pool:
        partner, done = Partner(None if alone else pool), list[int]()
        with pytest.raises(ZeroDivisionError):
            partner.both(lambda: done.append(0), fail)
        with pytest.raises(ZeroDivisionError):
            partner.both(fail, lambda: done.append(1))
        assert done == [0, 1]
