"""What a calibrator reads of predictions: how they are distributed, and what follows from them for the given label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from noisecleaner.arrays import BoolArray, FloatArray
from noisecleaner.quality.calibration import Calibrator, averaged, fit_calibrator
from noisecleaner.quality.features import Features
from noisecleaner.quality.sharpening import Sharpening
from noisecleaner.quality.signals import Predictions, Signals
from noisecleaner.quality.transition import Transition, VerifiedLabels

#: How the predictions are distributed: margin and probability of the given label on the scale of logits, where sure
#: rows are told apart, the margin on that of probabilities, where unsure ones are, and the entropy.
_PLAIN = ("predicted_margin", "predicted_log_probability", "predicted_lead", "predicted_entropy")
#: What vectors of the classes say of the given label, independent of all labels.
_INDEPENDENT = ("zero_shot_margin", "zero_shot_log_probability")
#: What follows from them by Bayes' rule: log odds that the given label is right.
_POSTERIOR = "posterior"
#: What training saw of a row and ranks best; both calibrators read it. It moves less than predictions do from one draw
#: of audited rows to another.
_SEEN = "margin"
#: Weights that depend on which rows steered: they are believed less, or flags would change with the draw.
_PRIORS = {"alpha": 0.3, "alignment": 0.3}
#: Shares of the two calibrators: alike, and where training saw the rows. On 6,000 rows of CIFAR-10N these and the
#: priors raised the overlap of what two draws of 500 audited rows flag (SOSELETO), and lost no F1.
_SHARES, _SHARES_SEEN = (0.5, 0.5), (0.25, 0.75)
_LEAST = -700.0  # the exponential of less is nothing


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """How predictions are read.

    Args:
        transition: which label is given in place of which; None where too few errors were verified.
        sharpening: what is done to predictions before Bayes' rule; None takes them as they are.
    """

    transition: Transition | None
    sharpening: Sharpening | None

    def of(self, predictions: Predictions, leave_out: VerifiedLabels | None = None) -> Features:
        """Read predictions.

        Args:
            predictions: of each row.
            leave_out: the rows' own part in the transition, see `Transition.log_odds`.
        """
        own = predictions.features()
        if self.transition is None:
            return own
        if self.sharpening is None:
            return own.beside(Features.of(posterior=self.transition.log_odds(predictions, leave_out)))
        sharper = self.sharpening.of(predictions)
        posterior = self.transition.log_odds(sharper, leave_out)
        return own.beside(
            Features.of(
                predicted_lead=np.exp(predictions.log_probability)
                - np.exp(predictions.candidate_log_probabilities[:, 0]),
                predicted_entropy=_entropy(sharper),
                posterior=posterior,
                posterior_excess=np.maximum(posterior, 0),
            )
        )

    def of_first(self, predictions: Predictions, leave_out: VerifiedLabels | None = None) -> Features:
        """Read what the first round had predicted: only what follows from it, because the second one saw the rest."""
        if self.transition is None:
            return Features.of(first_margin=predictions.margin)
        sharper = predictions if self.sharpening is None else self.sharpening.of(predictions)
        return Features.of(first_posterior=self.transition.log_odds(sharper, leave_out))


def of_fitted(
    read: Features, signals: Signals, *, first: Evidence, leave_out: VerifiedLabels | None = None
) -> Features:
    """Put beside what is read of new rows, too, what is known of fitted ones alone.

    Args:
        read: of the predictions.
        signals: of the rows.
        first: how predictions of a first round are read.
        leave_out: see `Evidence.of`.
    """
    known = read.beside(signals.dynamics.features())
    return known if signals.first is None else known.beside(first.of_first(signals.first, leave_out))


def _entropy(predictions: Predictions) -> FloatArray:
    """Entropy in nats, without the classes that are not listed, shape [rows]."""
    logs = np.concatenate([predictions.log_probability[:, None], predictions.candidate_log_probabilities], axis=1)
    return np.asarray(-(np.exp(logs) * np.maximum(logs, _LEAST)).sum(axis=1))


def fit_on_evidence(features: Features, outcome: BoolArray, *, weights: FloatArray) -> Calibrator:
    """Fit two calibrators and average them: one reads the predictions as they are, one what follows from them.

    Both read the posterior, the margin that training saw and what is independent of labels, and the second what else
    there is. A few hundred verified rows cannot tell well which of so many numbers of one distribution weighs how much.

    Args:
        features: from `Evidence.of`, and perhaps more.
        outcome: whether the given label is right, both values present, shape [rows].
        weights: how many rows each stands for, shape [rows].
    """
    seen = _SEEN in features.names and bool(np.isfinite(features.only([_SEEN]).values).any())
    plain = [*_PLAIN, *_INDEPENDENT, _POSTERIOR, *([_SEEN] if seen else [])]
    rest = [name for name in features.names if name not in _PLAIN]
    fitted = [fit_calibrator(features.only(n), outcome, weights=weights, priors=_PRIORS) for n in (plain, rest)]
    return averaged(fitted, _SHARES_SEEN if seen else _SHARES)
