"""Thresholds that follow from the probability that each label is right, where that is calibrated."""

from __future__ import annotations

import numpy as np

from noisecleaner.arrays import RealArray


def best_f1(quality: RealArray) -> float:
    """Choose the threshold of best expected F1 of flagging wrong labels.

    With p = 1 - quality, flagging the k rows of largest p has the expected F1

        F(k) = 2 * (sum of the k largest p) / (k + sum of all p),

    a quotient of expectations, from which the expected quotient differs the less the more rows there are. One more row
    raises it if and only if its p is above F / 2, so F is largest where these rows are flagged and no others (Lipton,
    Elkan and Naryanaswamy, 2014): the threshold is 1 - F / 2.

    Args:
        quality: probability that the label is right, finite, shape [rows].

    Returns:
        In [1/2, 1]; rows of lower quality are flagged. 1 where no label can be wrong.
    """
    wrong = np.sort(1 - quality.astype(np.float64))[::-1]
    total = float(wrong.sum())
    if not total > 0:
        return 1.0
    reached = 2 * np.cumsum(wrong) / (np.arange(1, len(wrong) + 1) + total)
    return 1 - float(reached.max()) / 2


def least_cost(ratio: float) -> float:
    """Choose the threshold of least expected cost (Bayes): flag where (1 - quality) * ratio > quality.

    Args:
        ratio: cost of a wrong label that is kept, in costs of a right one that is flagged; above 0.

    Returns:
        In (0, 1); rows of lower quality are flagged.
    """
    return ratio / (1 + ratio)
