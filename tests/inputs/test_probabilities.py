"""Distributions pass, nothing else does, and logarithms are finite."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from noisecleaner.errors import NoisecleanerError
from noisecleaner.inputs.probabilities import LEAST, check, check_width, logarithms

WEIGHTS = arrays.arrays(np.float64, st.tuples(st.integers(1, 5), st.integers(2, 6)), elements=st.floats(0.01, 1))


def test_there_is_one_number_for_each_class() -> None:
    check_width(3, 3)
    with pytest.raises(NoisecleanerError, match="each of the 3 classes, but the rows hold 4"):
        check_width(4, 3)


@settings(deadline=None)
@given(WEIGHTS, st.sampled_from([np.float16, np.float32, np.float64]))
def test_what_sums_to_one_passes_in_any_precision(weights: np.ndarray, precision: type) -> None:
    check((weights / weights.sum(axis=1, keepdims=True)).astype(precision))


@settings(deadline=None)
@given(WEIGHTS, st.integers(0, 4), st.floats(0.05, 1))
def test_a_row_with_another_sum_is_refused_with_it(weights: np.ndarray, row: int, off: float) -> None:
    block = weights / weights.sum(axis=1, keepdims=True)
    block[row % len(block)] *= 1 - off
    with pytest.raises(NoisecleanerError, match=f"the sum {1 - off:.3f}"):
        check(block)


@pytest.mark.parametrize("wrong", [[-0.5, 1.5], [0.5, 0.6], [1.5, -0.5], [0.0, 0.0]])
def test_numbers_outside_their_range_are_refused(wrong: list[float]) -> None:
    with pytest.raises(NoisecleanerError, match=r"lie in \[0, 1\] and sum to 1"):
        check(np.array([[0.5, 0.5], wrong]))


def test_a_row_without_a_vector_is_left_alone() -> None:
    check(np.array([[0.25, 0.75], [np.nan, np.nan]]))
    check(np.full((2, 3), np.nan))


@settings(deadline=None)
@given(WEIGHTS)
def test_logarithms_are_those_of_numpy(weights: np.ndarray) -> None:
    found = logarithms(weights)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.log(weights), rtol=1e-5, atol=1e-6)


def test_a_probability_of_zero_has_a_finite_logarithm_and_the_place_is_kept() -> None:
    out = np.empty((1, 2), np.float32)
    found = logarithms(np.array([[0.0, 1.0]], np.float32), out=out)
    assert np.shares_memory(found, out)
    np.testing.assert_allclose(found, [[np.log(LEAST), 0]], rtol=1e-6)
