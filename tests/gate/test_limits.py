"""What is a limit of which unit."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noisecleaner.errors import NoisecleanerError
from noisecleaner.gate.limits import Unit

NUMBERS = st.integers() | st.floats() | st.booleans()


@given(NUMBERS | st.none() | st.text() | st.lists(st.floats()))
def test_a_limit_is_a_share_or_a_whole_number_of_rows(value: object) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    good = {
        Unit.SHARE: number and isinstance(value, (int, float)) and 0 <= value <= 1,
        Unit.POINTS: number and isinstance(value, (int, float)) and 0 <= value <= 1,
        Unit.ROWS: number and isinstance(value, int) and value >= 0,
    }
    for unit in Unit:
        if good[unit]:
            unit.check(value, "here")
            continue
        with pytest.raises(NoisecleanerError, match="here must be"):
            unit.check(value, "here")


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        (Unit.SHARE, 1.5, "`x` must be a share in [0, 1], but it is 1.5. Write 0.05, for example."),
        (Unit.ROWS, -1, "`x` must be a whole number of rows, 0 or more, but it is -1. Write 100, for example."),
        (Unit.SHARE, math.inf, "`x` must be a share in [0, 1], but it is inf. Write 0.05, for example."),
    ],
)
def test_a_refusal_says_what_is_wanted(unit: Unit, value: float, text: str) -> None:
    with pytest.raises(NoisecleanerError) as refused:
        unit.check(value, "`x`")
    assert str(refused.value) == text
