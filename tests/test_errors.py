"""The one error travels whole, and an interruption is no `Exception`."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noisecleaner.errors import Interrupted, NoisecleanerError, listed


@given(st.text(), st.text())
def test_an_error_arrives_whole_from_another_process(message: str, hint: str) -> None:
    error = pickle.loads(pickle.dumps(NoisecleanerError(message, hint)))  # noqa: S301  # our own
    assert (error.message, error.hint, error.exit_code) == (message, hint, 2)
    assert str(error) == f"{message} {hint}"


def swallowing() -> None:
    try:
        raise Interrupted(15)
    except Exception as error:
        raise AssertionError("swallowed") from error


def test_no_handler_of_exceptions_swallows_an_interruption() -> None:
    with pytest.raises(Interrupted) as stop:
        swallowing()
    assert (stop.value.signum, stop.value.resumable) == (15, False)


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], "none"),
        (["a"], "a"),
        (("a", "b"), "a, b"),
        ("word", "word"),
        ([1, 2, 3], "1, 2, 3"),
        (list("abcde"), "a, b, c, … (2 more)"),
    ],
)
def test_names_are_listed_and_cut(names: object, text: str) -> None:
    assert listed(names, 3) == text
