"""Label quality without enough real errors: known wrong labels are put on verified rows, and told from right ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from noisecleaner.arrays import IntArray, RealArray
from noisecleaner.quality.calibration import Calibrator, fit_calibrator, prior_log_odds
from noisecleaner.quality.features import Features
from noisecleaner.quality.signals import Predictions

#: What is known of a planted label, too.
_PLANTED = ("predicted_margin", "predicted_log_probability")


@dataclass(frozen=True, kw_only=True)
class CleanOnlyRows:
    """Trusted rows that are not in the dataset: verified, but nobody gave them a label.

    Args:
        log_probabilities: from a network that did not train on them, shape [rows, classes].
        labels: class index of the verified label, shape [rows].
    """

    log_probabilities: RealArray
    labels: IntArray

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def none(cls) -> CleanOnlyRows:
        """No such rows."""
        return cls(log_probabilities=np.empty((0, 2)), labels=np.empty(0, np.int64))


def fit_planted(right: Predictions, clean_only: CleanOnlyRows, *, seed: int) -> Calibrator:
    """Fit on verified rows with their own label (right) and with another one (wrong, planted), as many of each.

    Args:
        right: audited rows whose given label is right.
        clean_only: may be none.
        seed: of the planted labels.

    Returns:
        The calibrator for a prior of one half, as there are as many of each; `shifted` brings it to another one.
    """
    rng = np.random.default_rng(seed)
    classes = max(clean_only.log_probabilities.shape[1], 2)
    others = np.asarray((clean_only.labels + rng.integers(1, classes, len(clean_only))) % classes)
    own = right.features().only(_PLANTED)
    good = [own.values, _signals(clean_only.log_probabilities, clean_only.labels)]
    bad = [_planted(right, rng), _signals(clean_only.log_probabilities, others)]
    values = np.concatenate([*good, *bad])
    return fit_calibrator(Features(own.names, values), np.arange(len(values)) < len(values) // 2)


def prior_of(calibrator: Calibrator, predictions: Predictions) -> float:
    """Find the log odds of a right label in a dataset, by what a calibrator for one half says of its rows."""
    return prior_log_odds(calibrator.log_odds(predictions.take(np.flatnonzero(predictions.known)).features()))


def _planted(right: Predictions, rng: np.random.Generator) -> RealArray:
    """The features that correct rows would have with one of their candidates as the given label, [rows, 2]."""
    candidates = right.candidate_log_probabilities
    # the label itself takes part as the last column, so that `_signals` finds the best other one
    drawn = rng.integers(0, candidates.shape[1], len(candidates))
    return _signals(np.concatenate([candidates, right.log_probability[:, None]], axis=1), drawn)


def _signals(log_probabilities: RealArray, labels: IntArray) -> RealArray:
    """Margin and log probability of a label, [rows, 2], from log probabilities [rows, classes]."""
    rows = np.arange(len(labels))
    if not len(rows):
        return np.empty((0, 2))
    own = log_probabilities[rows, labels]
    others = log_probabilities.copy()
    others[rows, labels] = -np.inf
    return np.stack([own - others.max(axis=1), own], axis=1)
