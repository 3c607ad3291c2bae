"""Factors make labels likeliest: what was multiplied comes back, and a view that says nothing counts for nothing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax

from noisecleaner.training.temperature import factors

CLASSES, ROWS = 3, 20_000


def drawn(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels drawn from their probabilities."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(ROWS, CLASSES))
    sums = np.exp(log_softmax(logits, axis=1)).cumsum(axis=1)
    return logits.astype(np.float32), (rng.random((ROWS, 1)) > sums).sum(axis=1)


@pytest.mark.parametrize("times", [0.5, 4.0])
def test_what_logits_were_multiplied_with_is_found(times: float) -> None:
    logits, labels = drawn()
    (found,) = factors([logits * np.float32(times)], labels, np.zeros((ROWS, CLASSES)))
    assert found == pytest.approx(1 / times, rel=0.05)


def test_of_two_views_each_counts_as_far_as_it_tells() -> None:
    logits, labels = drawn()
    noise = np.random.default_rng(1).normal(size=logits.shape).astype(np.float32)
    told, idle = factors([logits, noise], labels, np.zeros((ROWS, CLASSES)))
    assert told == pytest.approx(1, rel=0.05)
    assert idle < 0.05
