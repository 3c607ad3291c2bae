"""What the label should be instead: the likeliest other class, and how likely it is if the given label is wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from noisecleaner.arrays import FloatArray, IntArray
from noisecleaner.quality.calibration import Calibrator, fit_calibrator
from noisecleaner.quality.features import Features
from noisecleaner.quality.signals import Predictions
from noisecleaner.quality.transition import Transition, VerifiedLabels

#: A class that is less likely than this is not suggested, even if the given label is wrong: none may be right.
LEAST_SHARE = 0.5
_GREATEST_LEAD = 20.0


@dataclass(frozen=True, kw_only=True)
class Alternative:
    """The likeliest class other than the given one, each of shape [rows].

    Args:
        label: its index, -1 where there is none.
        share: logarithm of its part of the probability of all other classes.
        lead: its log probability minus that of the next one, at most 20.
    """

    label: IntArray
    share: FloatArray
    lead: FloatArray

    def features(self) -> Features:
        """What its probability is computed from."""
        return Features.of(share=self.share, lead=self.lead)


def alternative(
    predictions: Predictions, transition: Transition | None, leave_out: VerifiedLabels | None = None
) -> Alternative:
    """Find the likeliest class other than the given one.

    Args:
        predictions: of each row.
        transition: which label is given in place of which; None takes all wrong labels for alike.
        leave_out: the rows' own part in the transition, see `Transition.log_odds`.
    """
    if transition is None:
        with np.errstate(divide="ignore"):
            rest = np.log(predictions.rest())[:, None]
        listed = np.where(predictions.candidates >= 0, predictions.candidate_log_probabilities, -np.inf)
        likely = np.concatenate([listed, rest], axis=1)
    else:
        likely = transition.others(predictions, leave_out)
    listed = likely[:, :-1]
    rows, best = np.arange(len(listed)), listed.argmax(axis=1)
    first = listed[rows, best]
    others = listed.copy()
    others[rows, best] = -np.inf
    with np.errstate(invalid="ignore"):  # a row without any candidate
        lead = np.minimum(first - others.max(axis=1), _GREATEST_LEAD)
        share = np.minimum(first - np.logaddexp.reduce(likely, axis=1), 0.0)
    label = predictions.candidates[rows, best]
    return Alternative(label=label, share=share, lead=np.nan_to_num(lead, posinf=_GREATEST_LEAD))


def fit_confidence(alternatives: Alternative, verified: VerifiedLabels, least: int) -> Calibrator | None:
    """Fit the probability that the alternative is right, if the given label is wrong.

    Args:
        alternatives: of rows whose given label is wrong.
        verified: their verified labels.
        least: rows of which the alternative is right, and wrong, that it takes; None is returned where there are fewer.
    """
    right = alternatives.label == verified.true
    if min(right.sum(), (~right).sum()) < least:
        return None
    return fit_calibrator(alternatives.features(), right, weights=verified.weights)


def confidence(alternatives: Alternative, model: Calibrator | None) -> FloatArray:
    """Compute the probability that the alternative is right, if the given label is wrong, shape [rows]."""
    return np.exp(alternatives.share) if model is None else model.probability(alternatives.features())
