"""How many more verified rows it takes; that so many do is tested where thresholds are chosen (`test_thresholds`)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from noisecleaner.noise.needed import Draws, Growth, p_values

ROWS = 10_000


@settings(deadline=None)
@given(st.integers(1, 500), st.data(), st.floats(0.01, 0.99))
def test_the_continued_binomial_is_the_binomial_at_whole_numbers(size: int, data: st.DataObject, limit: float) -> None:
    errors = data.draw(st.integers(0, size))
    found = p_values(sizes=np.array([float(size)]), errors=np.array([float(errors)]), limit=limit)[0]
    assert found == pytest.approx(stats.binom.cdf(errors, size, limit), abs=1e-9)


def growth(*, share: float, limit: float, errors: float = 0) -> Growth:
    """A hundred sets, alike but for their size, of rows of which a hundred were verified as a plain sample."""
    shares = np.arange(1, 101) / 100
    draws = Draws(expected=np.full(ROWS, share), verified=100, planned=False, shares=shares)
    sizes = {"sizes": 100 * shares, "errors": errors * shares, "expected": np.full(100, share)}
    return Growth(**sizes, draws=draws, limit=limit, level=0.05, starts=(0, 2, 6, 15))


def test_no_number_of_errors_is_below_none_and_all_may_be_wrong() -> None:
    sizes = np.array([10.0, 10.0])
    assert p_values(sizes=sizes, errors=np.array([-0.5, 10]), limit=0.5).tolist() == [0, 1]


def test_rows_alike_are_drawn_evenly_and_each_counts_for_one() -> None:
    draws = growth(share=0.1, limit=0.2).draws
    assert draws.gains(400)[-1] == pytest.approx(400, rel=0.02)


def test_with_so_many_rows_the_test_passes_in_at_least_eighty_percent() -> None:
    few = growth(share=0.02, limit=0.05, errors=2)
    more = few.needed()
    assert more is not None
    rng = np.random.default_rng(0)

    def passed(rows: int) -> float:
        errors = 2 + rng.binomial(rows, 0.02, 4000)
        return float((p_values(sizes=np.full(4000, 100.0 + rows), errors=errors, limit=0.05) <= 0.05).mean())

    assert passed(more) > 0.8 > passed(more // 3)


def test_what_was_found_wrong_until_now_is_not_forgotten() -> None:
    few, many = (growth(share=0.02, limit=0.05, errors=errors).needed() for errors in (0, 4))
    assert few is not None
    assert many is not None
    assert many > 1.5 * few


def test_where_more_are_wrong_than_may_be_no_number_does() -> None:
    assert growth(share=0.1, limit=0.05, errors=10).needed() is None
