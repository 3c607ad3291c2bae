"""Signals that come while something must end: late, once, and not lost."""

# ruff: noqa: PT012  # what a block does when a signal comes in it is what is tested

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator

import pytest

from noisecleaner.errors import Interrupted
from noisecleaner.progress import Interrupts
from noisecleaner.progress.holds import holding


@pytest.fixture(autouse=True)
def interrupts() -> Iterator[Interrupts]:
    with (installed := Interrupts()).installed():
        yield installed


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_for_the_end_of_the_block(signum: signal.Signals) -> None:
    done = []
    with pytest.raises(Interrupted) as stop, holding():
        signal.raise_signal(signum)
        done.append("the block")
    assert done == ["the block"]
    assert stop.value.signum == signum


def test_what_was_begun_is_undone_although_a_signal_comes_at_once() -> None:
    made = []
    with pytest.raises(Interrupted), holding() as hold:
        signal.raise_signal(signal.SIGINT)
        made.append("a folder")
        try:
            with hold.lifted():
                made.append("never")
        finally:
            made.remove("a folder")
    assert made == []


def test_a_signal_comes_through_while_the_hold_is_lifted_and_its_end_is_held_again() -> None:
    seen = []
    with pytest.raises(Interrupted) as stop, holding() as hold:
        try:
            with hold.lifted():
                signal.raise_signal(signal.SIGTERM)
                seen.append("never")
        finally:
            signal.raise_signal(signal.SIGINT)
            seen.append("undone")
    assert seen == ["undone"]
    assert stop.value.signum == signal.SIGINT  # raised while the first one is on its way, which is its context
    assert isinstance(stop.value.__context__, Interrupted)


def test_a_second_signal_does_not_wait() -> None:
    with pytest.raises(Interrupted), holding():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("it waited")


def test_holds_in_each_other_let_a_signal_through_at_the_end_of_the_last() -> None:
    seen = []
    with pytest.raises(Interrupted), holding():
        with holding():
            signal.raise_signal(signal.SIGINT)
        seen.append("behind the inner one")
    assert seen == ["behind the inner one"]


def test_a_step_that_is_not_to_be_cut_stays_so(interrupts: Interrupts) -> None:
    with pytest.raises(Interrupted), interrupts.deferred():
        with holding():
            signal.raise_signal(signal.SIGINT)
        assert interrupts.pending()


def test_handlers_are_those_of_before() -> None:
    before = signal.getsignal(signal.SIGINT)
    with holding() as hold, hold.lifted():
        assert signal.getsignal(signal.SIGINT) is before
    assert signal.getsignal(signal.SIGINT) == before


def test_other_threads_hold_nothing() -> None:
    found = []

    def work() -> None:
        with holding() as hold, hold.lifted():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGINT)]


class Cleared:
    """Something during whose clearing up a signal comes."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGTERM)


def test_a_signal_that_came_where_nothing_can_be_raised_comes_again() -> None:
    with pytest.raises(Interrupted) as stop:
        Cleared()
        time.sleep(5)
    assert stop.value.signum == signal.SIGTERM
