"""Rates: as JSON and back, damaged JSON, and how people read them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from noisecleaner.noise.estimate import Audit
from noisecleaner.noise.rate import FOUR_DIGITS, UNKNOWN, Interval, Rate

SHARES = st.floats(0, 1)
COUNTS = st.integers(0, 10**9)


@st.composite
def rates(draw: st.DrawFn) -> Rate:
    """Any rate that may be written."""
    events, size = sorted((draw(COUNTS), draw(COUNTS)))
    if draw(st.booleans()):
        low, value, high = sorted(draw(st.tuples(SHARES, SHARES, SHARES)))
        size, high = max(size, 1), high if high > low else min(1, high + 0.1)
        interval = Interval(value=value, low=low if high > low else 0.9, high=high)
        method = draw(st.sampled_from(["wilson", "prediction-powered"]))
        return Rate.around(interval, sample_size=size, events=events, method=method)
    return Rate.expected(draw(st.none() | SHARES), draw(st.sampled_from(["planted", "model", "none"])))


@given(rates())
def test_a_rate_comes_back_from_json(rate: Rate) -> None:
    assert Rate.from_json(json.loads(json.dumps(rate.to_json(), allow_nan=False))) == rate


@given(st.integers(0, 2**32 - 1), st.integers(1, 400), SHARES, st.floats(1e-6, 1))
def test_what_is_estimated_may_be_written(seed: int, size: int, share: float, least: float) -> None:
    """Rounding may put an estimate out of its interval, or out of [0, 1], by very little."""
    rng = np.random.default_rng(seed)
    wrong, expected = rng.random(size) <= share, rng.random(size)
    audit = Audit(wrong=wrong, expected=expected, probability=rng.uniform(least, 1, size))
    for mean in (None, float(expected.mean())):
        assert Rate.from_json(audit.rate(mean, rows=None).to_json()) == audit.rate(mean, rows=None)


GOOD = {"rate": 0.1, "low": 0.07, "high": 0.14, "audited": 300, "errors": 30, "method": "wilson"}
NO_SHARES: list[Any] = [-0.1, 1.5, True, "0.1", float("nan"), [0.1], {}]
NO_COUNTS: list[Any] = [-1, 1.5, 30.0, True, None, "30"]


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        "0.1",
        {},
        *({key: value for key, value in GOOD.items() if key != missing} for missing in GOOD),
        *({**GOOD, name: value} for name in ("rate", "low", "high") for value in NO_SHARES),
        *({**GOOD, name: value} for name in ("audited", "errors") for value in NO_COUNTS),
        {**GOOD, "low": None},
        {**GOOD, "high": None},
        {**GOOD, "rate": None},
        {**GOOD, "low": 0.2},
        {**GOOD, "low": 0.11},
        {**GOOD, "high": 0.09},
        {**GOOD, "audited": 29},
        {**GOOD, "low": 0.1, "high": 0.1},
        {**GOOD, "low": 0, "rate": 0, "high": 0, "errors": 43},
        {**GOOD, "low": 0, "rate": 0, "high": 0, "method": "count"},
        {**GOOD, "low": None, "high": None},
        {**GOOD, "method": "model"},
        {**GOOD, "method": "none"},
        {**GOOD, "audited": 0, "errors": 0},
        {**GOOD, "low": None, "high": None, "method": "planted"},
        {**GOOD, "method": "guessed"},
        {**GOOD, "method": ["wilson"]},
    ],
)
def test_a_damaged_rate_is_refused(content: object) -> None:
    assert Rate.from_json(GOOD).interval == Interval(value=0.1, low=0.07, high=0.14)
    with pytest.raises(ValueError, match=r"."):
        Rate.from_json(content)


@pytest.mark.parametrize(
    ("rate", "short", "long"),
    [
        (UNKNOWN, "unknown", "unknown (0 audited rows)"),
        (Rate.expected(0.4017, "planted"), "about 40.2 %", "about 40.17 % (no interval; 0 audited rows)"),
        (
            Rate(value=0.4017, low=0.3681, high=0.43605, sample_size=1300, events=520, method="wilson"),
            "40.2 % (36.8 to 43.6)",
            "40.17 % (36.81 to 43.6; 1,300 audited rows)",
        ),
    ],
)
def test_a_rate_in_words(rate: Rate, short: str, long: str) -> None:
    assert rate.words() == short
    assert rate.words(FOUR_DIGITS, with_sample=True) == long


def test_a_difference_in_words_keeps_its_sign() -> None:
    change = Interval(value=-0.012, low=-0.05, high=0.026)
    assert change.ends("+.4g") == "-5 to +2.6"
    assert change.words() == "-1.2 % (-5.0 to 2.6)"
