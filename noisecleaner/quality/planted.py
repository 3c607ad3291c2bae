"""Label quality without enough real errors: known wrong labels are put on verified rows, and told from right ones."""

from __future__ import annotations

import numpy as np

from noisecleaner.arrays import FloatArray, IntArray
from noisecleaner.quality.calibration import Calibrator, Columns, fit_calibrator, prior_log_odds

#: What a network that never trained on the row says of its label; all that a planted label has.
SIGNALS = ("predicted_margin", "predicted_log_probability")


def fit_planted(
    columns: Columns, right: Columns, clean_only: FloatArray, labels: IntArray, share: float | None, seed: int
) -> Calibrator:
    """Fit on verified rows with their own label (right) and with another one (wrong, planted).

    Args:
        columns: of the whole dataset; they tell the prior where `share` is None.
        right: of the audited rows whose given label is right.
        clean_only: log probabilities of the clean-only rows, shape [m, classes].
        labels: their verified labels, shape [m].
        share: share of right labels among the audited rows; None where no row was audited.
        seed: of the planted labels.
    """
    rng = np.random.default_rng(seed)
    classes = max(clean_only.shape[1], 2)
    others = np.asarray((labels + rng.integers(1, classes, len(labels))) % classes)
    good = [np.stack([np.asarray(right[name], np.float64) for name in SIGNALS], axis=1), _signals(clean_only, labels)]
    bad = [_planted(right, rng), _signals(clean_only, others)]
    values = np.concatenate([*good, *bad])
    outcome = np.arange(len(values)) < len(values) // 2
    balanced = fit_calibrator(dict(zip(SIGNALS, values.T, strict=True)), outcome, SIGNALS, balanced=True)
    if share is not None:
        return balanced.shifted(float(np.log(share / (1 - share))))
    known = ~np.isnan(columns["predicted_margin"])
    odds = balanced.log_odds({name: np.asarray(columns[name])[known] for name in SIGNALS})
    return balanced.shifted(prior_log_odds(odds))


def _planted(right: Columns, rng: np.random.Generator) -> FloatArray:
    """The signals that correct rows would have with one of their candidates as the given label, [rows, 2]."""
    candidates = np.asarray(right["candidate_log_probabilities"], dtype=np.float64)
    own = np.asarray(right["predicted_log_probability"], dtype=np.float64)
    # the label itself takes part as the last column, so that `_signals` finds the best other one
    drawn = rng.integers(0, candidates.shape[1], len(candidates))
    return _signals(np.concatenate([candidates, own[:, None]], axis=1), drawn)


def _signals(log_probabilities: FloatArray, labels: IntArray) -> FloatArray:
    """Margin and log probability of a label, [rows, 2], from log probabilities [rows, classes]."""
    rows = np.arange(len(labels))
    if not len(rows):
        return np.empty((0, 2))
    own = log_probabilities[rows, labels]
    others = log_probabilities.copy()
    others[rows, labels] = -np.inf
    return np.stack([own - others.max(axis=1), own], axis=1)
