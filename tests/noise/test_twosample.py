"""Two-sample tests: exact where samples are alike, whatever the mix of classes, and sharp where they are not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from noisecleaner.arrays import FloatArray, IntArray
from noisecleaner.noise.twosample import Samples, distributions, means, told_apart


def of_one_class(first: int, second: int) -> Samples:
    return Samples.of(np.zeros(first, np.int64), np.zeros(second, np.int64), seed=0)


def drawn(rng: np.random.Generator, sizes: tuple[int, ...]) -> tuple[IntArray, FloatArray]:
    """Rows of so many of each class, whose numbers depend on it."""
    classes = np.repeat(np.arange(len(sizes)), sizes)
    return classes, rng.normal(size=(len(classes), 6)) + 3 * classes[:, None]


def test_labels_are_permuted_within_strata_and_the_first_column_is_the_truth() -> None:
    first, second = np.repeat([0, 1], [30, 10]), np.repeat([0, 1], [5, 20])
    samples = Samples.of(first, second, seed=3)
    assert samples.sizes == (40, 25)
    np.testing.assert_array_equal(samples.second[:, 0], np.arange(65) >= 40)
    for part, count in zip(samples.parts(), (5, 20), strict=True):
        np.testing.assert_array_equal(samples.second[part].sum(axis=0), count)
    assert len(np.unique(samples.second, axis=1).T) > 400


def test_rows_of_a_class_that_only_one_sample_has_are_not_compared() -> None:
    samples = Samples.of(np.array([0, 0, 1, 2]), np.array([1, 1, 3]), seed=0)
    np.testing.assert_array_equal(samples.rows, [2, 4, 5])
    assert samples.sizes == (1, 2)
    assert Samples.of(np.array([0, 0]), np.array([1, 1]), seed=0).sizes == (0, 0)
    assert Samples.of(np.empty(0, np.int64), np.empty(0, np.int64), seed=0).sizes == (0, 0)


def test_many_classes_share_strata_with_those_of_a_like_ratio() -> None:
    """A thousand classes, of which the second sample has every other one three times as often."""
    often = np.arange(1000) % 2 == 0
    samples = Samples.of(np.repeat(np.arange(1000), 3), np.repeat(np.arange(1000), np.where(often, 6, 2)), seed=0)
    assert len(list(samples.parts())) == 10
    classes = np.concatenate([np.repeat(np.arange(1000), 3), np.repeat(np.arange(1000), np.where(often, 6, 2))])
    mixed = [len(set(often[classes[samples.rows[part]]].tolist())) > 1 for part in samples.parts()]
    assert sum(mixed) <= 1


def test_the_area_is_that_under_the_roc_curve_of_the_held_out_scores() -> None:
    """Where one number tells all, its ranks are the classifier's."""
    rng = np.random.default_rng(0)
    number = np.concatenate([rng.normal(size=400), rng.normal(size=300) + 3])
    found = told_apart(of_one_class(400, 300), number[:, None])
    assert found.value == pytest.approx(roc_auc_score(np.arange(700) >= 400, number), abs=0.02)
    assert found.p_value == 1 / 500


def test_a_change_of_spread_alone_is_seen() -> None:
    rng = np.random.default_rng(0)
    looks = np.concatenate([rng.normal(size=(500, 8)), 1.5 * rng.normal(size=(500, 8))])
    found = told_apart(of_one_class(500, 500), looks)
    assert found.value > 0.7
    assert found.p_value == 1 / 500


def test_means_are_those_of_the_samples_in_the_second_ones_mix_of_classes() -> None:
    first, second = np.repeat([0, 1], [60, 20]), np.repeat([0, 1], [10, 30])
    values = np.where(np.concatenate([first, second]) == 1, 0.5, 0.1)
    values[80:] += np.where(second == 1, 0.2, 0.0)
    found = means(Samples.of(first, second, seed=0), values)
    assert found.first == pytest.approx((10 * 0.1 + 30 * 0.5) / 40)
    assert found.second == pytest.approx((10 * 0.1 + 30 * 0.7) / 40)
    assert found.p_value == 1 / 500


def test_distributions_differ_by_the_statistic_of_kolmogorov_and_smirnov() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.normal(size=200), np.round(rng.normal(size=150) * 2, 1)
    found = distributions(of_one_class(200, 150), np.concatenate([one, other]))
    reference = stats.ks_2samp(one, other)
    assert found.value == pytest.approx(reference.statistic)
    assert (found.p_value < 0.01) == (reference.pvalue < 0.01)
    tied = distributions(of_one_class(30, 30), np.zeros(60))
    assert (tied.value, tied.p_value) == (pytest.approx(0), 1)


def test_rows_may_be_left_out() -> None:
    samples = of_one_class(20, 20)
    known = np.arange(40) % 4 > 0
    kept = samples.only(known)
    np.testing.assert_array_equal(kept.rows, np.flatnonzero(known))
    assert kept.sizes == (15, 15)


@pytest.mark.parametrize("mix", [(60, 60, 60), (120, 50, 10)])
def test_like_samples_are_told_apart_as_rarely_as_the_level_says(mix: tuple[int, ...]) -> None:
    """Whatever the mix of classes is: below 5 % in less than 12 of 100 draws, and never nearly always."""
    rng = np.random.default_rng(0)
    p_values = []
    for _ in range(100):
        (first, looks), (second, others) = drawn(rng, (60, 60, 60)), drawn(rng, mix)
        samples, numbers = Samples.of(first, second, seed=0), np.concatenate([looks, others])
        one = numbers[:, 0]
        p_values.append(
            [told_apart(samples, numbers).p_value, means(samples, one).p_value, distributions(samples, one).p_value]
        )
    below = (np.array(p_values) <= 0.05).mean(axis=0)
    assert (below <= 0.12).all(), below
    assert (np.abs(np.median(p_values, axis=0) - 0.5) < 0.15).all()


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30), st.lists(st.integers(0, 4), min_size=1, max_size=30))
@settings(max_examples=30, deadline=None)
def test_any_two_samples_give_probabilities(first: list[int], second: list[int]) -> None:
    samples = Samples.of(np.array(first), np.array(second), seed=0)
    if not min(samples.sizes):
        return
    numbers = np.random.default_rng(0).normal(size=(len(first) + len(second), 2))
    found = told_apart(samples, numbers)
    assert 0 <= found.value <= 1
    for p_value in (
        found.p_value,
        means(samples, numbers[:, 0]).p_value,
        distributions(samples, numbers[:, 0]).p_value,
    ):
        assert 0 < p_value <= 1
