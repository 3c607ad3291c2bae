"""A stream through threads: in order, a few items ahead, errors and all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from noisecleaner.errors import NoisecleanerError
from noisecleaner.threads import in_threads


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
