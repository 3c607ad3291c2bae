"""Designs: with which probability each row is drawn to be verified."""

from __future__ import annotations

import numpy as np

from noisecleaner.arrays import BoolArray, FloatArray, IntArray

#: Share of the new rows that is drawn evenly, so that no row is out of reach where label quality is sure but wrong.
_EVEN = 0.2


_ENDLESS = 1e12


def probabilities(doubt: FloatArray, before: FloatArray, open_rows: BoolArray, count: int) -> FloatArray:
    """Compute with which probability each row is drawn if it is open, so that `count` open rows are drawn in all.

    Args:
        doubt: expected standard deviation of each row's outcome, shape [rows].
        before: the probability with which it could have been drawn earlier, below 1 for open rows, shape [rows].
        open_rows: those that nobody verified, shape [rows].
        count: at most as many as these.

    Returns:
        Shape [rows]; for a row that is not open, what it would have been.
    """
    even = _EVEN * count / open_rows.sum()

    def fresh(scale: float) -> FloatArray:
        """What an overall probability of scale * doubt leaves to this draw."""
        return np.asarray(np.clip(even + np.maximum(scale * doubt - before, 0) / np.maximum(1 - before, 1e-9), 0, 1))

    low, high = 0.0, float(1 / max(doubt[open_rows].max(), 1e-9))
    while fresh(high)[open_rows].sum() < count and high < _ENDLESS:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if fresh(middle)[open_rows].sum() < count else (low, middle)
    if high >= _ENDLESS:  # nothing is in doubt
        return np.full(len(doubt), count / open_rows.sum())
    return fresh(high)


def systematic(probability: FloatArray, rng: np.random.Generator) -> IntArray:
    """Draw rows systematically: each with its probability, as many as these sum up to. Returns positions."""
    ends = np.cumsum(probability)
    count = round(float(ends[-1]))
    ends *= count / ends[-1]
    return np.unique(np.searchsorted(ends, rng.random() + np.arange(count), side="right").clip(0, len(ends) - 1))
