"""What the label should be instead: the likeliest other class, and how likely it is if the given label is wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from noisecleaner.arrays import BoolArray, FloatArray, IntArray
from noisecleaner.quality.calibration import Calibrator, fit_calibrator
from noisecleaner.quality.transition import Known, Said, Transition

#: A class that is less likely than this is not suggested, even if the given label is wrong: none may be right.
LEAST_SHARE = 0.5
_SIGNALS = ("share", "lead")
_GREATEST_LEAD = 20.0


@dataclass(frozen=True)
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

    @property
    def signals(self) -> dict[str, FloatArray]:
        """What its probability is computed from."""
        return {"share": self.share, "lead": self.lead}


def alternative(said: Said, transition: Transition | None, leave_out: Known | None = None) -> Alternative:
    """Find the likeliest class other than the given one.

    Args:
        said: what the network says of each row.
        transition: which label is given in place of which; None takes all wrong labels for alike.
        leave_out: the rows' own part in the transition, see `Transition.log_odds`.
    """
    if transition is None:
        with np.errstate(divide="ignore"):
            rest = np.log(said.rest())[:, None]
        likely = np.concatenate([np.where(said.candidates >= 0, said.others, -np.inf), rest], axis=1)
    else:
        likely = transition.others(said, leave_out)
    listed = likely[:, :-1]
    rows, best = np.arange(len(listed)), listed.argmax(axis=1)
    first = listed[rows, best]
    others = listed.copy()
    others[rows, best] = -np.inf
    with np.errstate(invalid="ignore"):  # a row without any candidate
        lead = np.minimum(first - others.max(axis=1), _GREATEST_LEAD)
        share = np.minimum(first - np.logaddexp.reduce(likely, axis=1), 0.0)
    return Alternative(said.candidates[rows, best], share, np.nan_to_num(lead, posinf=_GREATEST_LEAD))


def fit_confidence(found: Alternative, right: BoolArray, weights: FloatArray, least: int) -> Calibrator | None:
    """Fit the probability that the alternative is right, if the given label is wrong.

    Args:
        found: of rows whose given label is wrong.
        right: whether it is their verified label, shape [rows].
        weights: how many rows of the dataset each stands for, shape [rows].
        least: rows of each kind that it takes; None is returned where there are fewer.
    """
    if min(right.sum(), (~right).sum()) < least:
        return None
    return fit_calibrator(found.signals, right, _SIGNALS, weights=weights)


def confidence(found: Alternative, model: Calibrator | None) -> FloatArray:
    """Compute the probability that the alternative is right, if the given label is wrong, shape [rows]."""
    return np.exp(found.share) if model is None else model.probability(found.signals)
