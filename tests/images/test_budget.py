"""Who wants more than is left waits; nobody waits for ever."""

from __future__ import annotations

import threading

from noisecleaner.images.budget import Budget


def test_who_wants_more_than_is_left_waits() -> None:
    budget, order = Budget(10), list[str]()
    budget.take(6)

    def second() -> None:
        budget.take(5)
        order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    thread.join(0.05)
    assert thread.is_alive()
    order.append("first")
    budget.give(6)
    thread.join(5)
    assert order == ["first", "second"]


def test_more_than_there_is_means_all_of_it() -> None:
    budget = Budget(10)
    budget.take(1_000)
    budget.give(1_000)
    budget.take(10)


def test_after_its_end_nobody_waits() -> None:
    budget = Budget(10)
    budget.take(10)
    thread = threading.Thread(target=budget.take, args=(10,))
    thread.start()
    budget.close()
    thread.join(5)
    assert not thread.is_alive()
