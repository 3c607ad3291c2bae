"""What networks make of the rows of a run, to compare verified labels with."""

from __future__ import annotations

import numpy as np

from noisecleaner.arrays import UNVERIFIED, BoolArray, IntArray
from noisecleaner.noise.three_labels import ThreeLabels
from noisecleaner.quality.signals import Predictions


def judged_rows(predictions: Predictions, trusted: IntArray, judging: BoolArray) -> ThreeLabels:
    """Take the likeliest label of each row, and what was verified of it.

    Args:
        predictions: of all rows.
        trusted: class index of the verified label, `UNVERIFIED` without one, shape [rows].
        judging: audited rows that measure, shape [rows].
    """
    own, other = predictions.log_probability, predictions.candidate_log_probabilities[:, 0]
    return ThreeLabels(
        given=predictions.given,
        likeliest=np.where(own >= other, predictions.given, predictions.candidates[:, 0]),
        certainty=np.exp(np.fmax(own, other)),
        verified=judging & (trusted != UNVERIFIED),
        trusted=trusted,
    )
