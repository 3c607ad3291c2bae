"""Verified rows that can be a random sample are believed, others called into question."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from noisecleaner.noise.randomness import LEAST_P, picked_by_looks, random_sample_p_value


def test_under_random_sampling_p_values_are_uniform() -> None:
    rng = np.random.default_rng(0)
    given = rng.choice(5, 2000, p=[0.4, 0.3, 0.15, 0.1, 0.05])
    found = [
        random_sample_p_value(given=given, sampled=rng.choice(given, 200, replace=False), classes=5) for _ in range(150)
    ]
    assert stats.kstest(found, "uniform").pvalue > 0.01
    assert min(found) > 0.001


@pytest.mark.parametrize("counts", [(50, 50, 50, 50), (58, 48, 47, 47), (66, 45, 45, 44), (72, 44, 42, 42)])
def test_the_p_value_is_that_of_the_chi_square_test_where_that_holds(counts: tuple[int, ...]) -> None:
    """A small part of many rows: neither few expected rows nor a finite dataset matter."""
    sampled = np.repeat(np.arange(4), counts)
    expected = stats.chisquare(counts).pvalue
    found = random_sample_p_value(given=np.arange(100_000) % 4, sampled=sampled, classes=4)
    assert found == pytest.approx(expected, abs=0.02, rel=0.3)


def test_the_smallest_p_value_is_that_of_a_sample_odder_than_all_that_were_drawn() -> None:
    assert random_sample_p_value(given=np.arange(4000) % 4, sampled=np.zeros(200, np.int64), classes=4) == 1e-4


def test_a_class_that_no_row_is_given_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    given = rng.integers(0, 3, 900)
    three, five = (random_sample_p_value(given=given, sampled=given[:90], classes=classes) for classes in (3, 5))
    assert three == five


def test_all_rows_are_a_random_sample() -> None:
    given = np.arange(90) % 3
    assert random_sample_p_value(given=given, sampled=given, classes=3) == 1


@pytest.mark.parametrize(("verified", "rows", "digits"), [(60, 12_000, 7), (400, 30_000, 2), (11_000, 12_000, 1)])
def test_of_many_rows_the_p_value_is_the_one_that_scipy_computes_in_more_memory(
    verified: int, rows: int, digits: int
) -> None:
    rng, chosen = np.random.default_rng(rows), np.arange(rows) < verified
    quality = np.round(rng.beta(5, 1, rows), digits).astype(np.float32)
    for power in (1, 4):  # a random sample, and one of surely wrong labels
        looks = np.where(chosen, quality**power, quality)
        p_value = float(stats.ks_2samp(looks[chosen], looks[~chosen]).pvalue)
        found = picked_by_looks(looks, chosen)
        assert (found is None) == (p_value >= LEAST_P)
        assert found is None or f"{p_value:.1g}" in found


@pytest.mark.filterwarnings("error")
def test_samples_that_differ_by_one_row_are_no_cause_for_a_warning() -> None:
    quality = np.repeat([0.0, 1.0, 0.0, 1.0], [15, 15, 16, 14])
    assert picked_by_looks(quality, np.arange(60) < 30) is None
