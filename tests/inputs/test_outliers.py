"""Vectors beside which all others would look the same are found; those of heavy tails, and of two kinds, are not."""

from __future__ import annotations

import numpy as np
import pytest

from noisecleaner.errors import NoisecleanerError
from noisecleaner.inputs.outliers import far_outside, refuse_odd_scale, two_kinds

ROWS = np.arange(600)


def vectors(rows: int = 600) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(rows, 16)).astype(np.float32)


@pytest.mark.parametrize("scale", [1e-35, 1.0, 1e30])
@pytest.mark.parametrize("times", [1e3, 1e6])
def test_a_vector_far_from_all_others_is_found_at_any_scale(scale: float, times: float) -> None:
    array = vectors()
    array[[6, 400]] *= times
    array *= np.float32(scale)
    assert far_outside(array, ROWS).tolist() == [6, 400]
    assert far_outside(array, ROWS[ROWS != 6]).tolist() == [400]


@pytest.mark.parametrize("scale", [1e-43, 1e-40, 1e-37, 2e37])
def test_a_scale_that_single_precision_does_not_hold_is_refused_with_a_factor(scale: float) -> None:
    array = (vectors().astype(np.float64) * scale).astype(np.float32)
    with pytest.raises(NoisecleanerError, match="must spread between 1e-36 and 1e") as refused:
        refuse_odd_scale(array, ROWS)
    factor = float(refused.value.hint.split("by ")[1].split(",")[0])
    mended = (vectors().astype(np.float64) * scale * factor).astype(np.float32)
    refuse_odd_scale(mended, ROWS)
    assert 0.1 < mended.std() < 10


def test_other_scales_single_odd_rows_and_odd_columns_are_taken() -> None:
    for scale in (1e-35, 1.0, 1e35):
        refuse_odd_scale(vectors() * np.float32(scale), ROWS)
    odd = vectors()
    odd[6] *= np.float32(1e37)
    odd[:, :12] *= np.float32(1e-40)
    refuse_odd_scale(odd, ROWS)
    refuse_odd_scale(np.zeros((600, 16), np.float32), ROWS)
    refuse_odd_scale(odd, ROWS[:0])


def test_a_single_number_is_enough_and_a_common_mean_hides_nothing() -> None:
    array = vectors().astype(np.float64)
    array[7, 3] = 1e38
    array += 1000
    array[9] += 3000  # four times as long, and 3,000 times as far from all others
    assert far_outside(array, ROWS).tolist() == [7, 9]


def test_tails_are_no_outliers() -> None:
    array = vectors()
    array[6] *= 100
    assert not len(far_outside(array, ROWS))
    tails = np.exp(1.3 * np.random.default_rng(1).normal(size=(20_000, 1))) * vectors(20_000)
    assert not len(far_outside(tails, np.arange(20_000)))


def test_many_rows_are_no_outliers_but_of_another_kind() -> None:
    array = vectors()
    array[:60] *= 1e6
    far = far_outside(array, ROWS)
    assert far.tolist() == list(range(60))
    assert two_kinds(far, ROWS) is None
    assert two_kinds(ROWS[:1], ROWS[:3]) is None
    array[60] *= 1e6
    far = far_outside(array, ROWS)
    notice = two_kinds(far, ROWS)
    assert notice is not None
    assert "61 of 600 are so far from the others" in notice.message


def test_rows_that_are_mostly_alike_have_no_outliers() -> None:
    array = np.ones((600, 16), np.float32)
    assert not len(far_outside(array, ROWS))
    array[:40] = vectors()[:40]
    assert not len(far_outside(array, ROWS))
    assert not len(far_outside(array, ROWS[:0]))
