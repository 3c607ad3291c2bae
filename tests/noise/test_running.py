"""Sums and places along many rows are those of the plain way, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

from noisecleaner.noise.running import Rest, RunningSums, quantiles, sorted_place


@pytest.mark.parametrize("rows", [1, 2, 2**14 - 1, 2**14, 2**14 + 1, 50_000])
def test_sums_are_those_of_numpy_at_every_place(rows: int) -> None:
    rng = np.random.default_rng(rows)
    numbers = rng.random(rows)
    sums, every = RunningSums.of(numbers), np.concatenate([[0.0], np.cumsum(numbers)])
    places = [0, rows, *rng.integers(0, rows + 1, 30).tolist()]
    assert [sums.at(place) for place in places] == every[places].tolist()
    np.testing.assert_array_equal(sums.all(), every)


def test_the_rest_of_single_numbers_is_summed_in_double_precision() -> None:
    numbers = np.random.default_rng(0).random(20_000, dtype=np.float32)
    rest = 1 - numbers.astype(np.float64)
    assert RunningSums.of_rest(numbers).at(20_000) == np.cumsum(rest)[-1]
    np.testing.assert_array_equal(np.asarray(Rest(numbers)), rest)
    np.testing.assert_array_equal(Rest(numbers)[5:9], rest[5:9])


@pytest.mark.parametrize("rows", [1, 7, 129, 2**14 + 3, 100_003, 1_234_567])
def test_the_mean_of_the_rest_is_that_of_numpy(rows: int) -> None:
    numbers = np.random.default_rng(rows).beta(5, 1, rows).astype(np.float32)
    assert Rest(numbers).mean() == float((1 - numbers.astype(np.float64)).mean())


def test_from_an_unknown_number_on_no_sum_is_known() -> None:
    sums = RunningSums.of(np.array([1.0, np.nan, 1.0]))
    assert [sums.at(0), sums.at(1)] == [0.0, 1.0]
    assert np.isnan(sums.at(3))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_threshold_is_not_rounded_to_the_precision_of_the_values(kind: type) -> None:
    values = np.sort(np.random.default_rng(1).integers(0, 50, 500) / 50).astype(kind)
    exact = np.unique(values).astype(np.float64)
    near = [np.nextafter(exact, 2), np.nextafter(exact, -1), exact, exact + 1e-9, exact - 1e-9, exact + 0.01]
    for threshold in np.concatenate(near).tolist():
        assert sorted_place(values, threshold) == int((values.astype(np.float64) < threshold).sum())
        assert sorted_place(values, threshold, right=True) == int((values.astype(np.float64) <= threshold).sum())


@pytest.mark.parametrize("rows", [1, 2, 3, 101, 10_007])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_quantiles_are_those_of_numpy(rows: int, kind: type) -> None:
    values, shares = np.sort(np.random.default_rng(rows).normal(size=rows)).astype(kind), np.arange(101) / 100
    np.testing.assert_array_equal(quantiles(values, shares), np.quantile(values.astype(np.float64), shares))
