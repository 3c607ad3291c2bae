"""Thresholds by probabilities: no other cut expects a better F1, or a smaller cost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from support.simulated import Array, scores

from noisecleaner.noise.posterior import best_f1, least_cost

QUALITIES = arrays(np.float64, st.integers(1, 30), elements=st.floats(0, 1))


def expected_f1(quality: Array, flagged: Array) -> float:
    wrong = 1 - quality
    size = flagged.sum() + wrong.sum()
    return float(2 * wrong[flagged].sum() / size) if size else 0.0


@given(QUALITIES)
def test_no_other_set_of_rows_expects_a_better_f1(quality: Array) -> None:
    threshold = best_f1(quality)
    reached = expected_f1(quality, quality < threshold)
    cuts = [expected_f1(quality, quality < cut) for cut in [*quality, 2.0]]
    assert reached >= max(cuts) - 1e-9
    assert threshold == pytest.approx(1 - reached / 2)
    assert 0.5 <= threshold <= 1


def test_it_is_near_the_best_threshold_of_all_where_probabilities_hold() -> None:
    wrong_at = []
    for seed in range(3):
        expected, wrong = scores(20_000, np.random.default_rng(seed))

        def f1(threshold: float, expected: Array = expected, wrong: Array = wrong) -> float:
            flagged = 1 - expected < threshold
            return float(2 * (flagged & wrong).sum() / (flagged.sum() + wrong.sum()))

        best = max(f1(cut) for cut in np.linspace(0.01, 0.99, 99))
        chosen = f1(best_f1(1 - expected))
        assert chosen > best - 0.01
        wrong_at.append(chosen - f1(0.5))
    assert np.mean(wrong_at) >= 0


@given(QUALITIES, st.floats(1e-3, 1e3))
def test_no_other_threshold_expects_a_smaller_cost(quality: Array, ratio: float) -> None:
    def cost(threshold: float) -> float:
        flagged = quality < threshold
        return float(ratio * (1 - quality[~flagged]).sum() + quality[flagged].sum())

    assert cost(least_cost(ratio)) <= min(cost(cut) for cut in [*quality, 2.0]) + 1e-9 * (1 + ratio)


def test_five_to_one_flags_from_one_sixth_on() -> None:
    assert least_cost(5) == pytest.approx(5 / 6)
    assert best_f1(np.ones(4)) == 1
    assert best_f1(np.zeros(4)) == 0.5
