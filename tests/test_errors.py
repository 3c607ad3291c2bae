"""The one error travels whole, and an interruption is no `Exception`."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noisecleaner.errors import Interrupted, NoisecleanerError, listed
from noisecleaner.export.decisions import OnFlag, Policy
from noisecleaner.gate.config import GateConfig
from noisecleaner.gate.limits import Level, Limit, OnInconclusive
from noisecleaner.noise.goal import Goal


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


def test_a_text_is_taken_for_the_member_that_it_names() -> None:
    assert Policy(on_flag="relabel").on_flag is OnFlag.RELABEL  # type: ignore[arg-type]  # no mypy in a notebook
    assert Policy(on_flag="keep").on_flag is OnFlag.KEEP  # type: ignore[arg-type]  # as somebody without mypy writes it
    assert Limit(0.1, level="warn").level is Level.WARN  # type: ignore[arg-type]  # likewise
    config = GateConfig({"max-noise": Limit(0.1)}, on_inconclusive="fail")  # type: ignore[arg-type]  # likewise
    assert config.on_inconclusive is OnInconclusive.FAIL


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Policy(on_flag="foo"), "`on_flag` foo is unknown. Choose one of: drop, relabel, keep."),
        (lambda: Limit(0.1, level="info"), "The level 'info' is unknown. Choose one of: error, warn."),
        (
            lambda: GateConfig({"max-noise": Limit(0.1)}, on_inconclusive="foo"),
            "`on_inconclusive` 'foo' is unknown. Choose one of: fail, warn, pass.",
        ),
        (lambda: Goal("foo", 0.9), "but it is 'foo'. Choose one of: precision, noise, budget, f1, cost."),
    ],
)
def test_a_text_that_names_nothing_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(NoisecleanerError) as error:
        make()
    assert str(error.value).endswith(message)
