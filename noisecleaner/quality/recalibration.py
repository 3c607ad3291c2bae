"""Label quality of new rows, calibrated again on verified ones of them; what was learned before is the prior."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import optimize, special

from noisecleaner.arrays import BoolArray, FloatArray, IntArray, RealArray
from noisecleaner.quality.calibration import stratified
from noisecleaner.quality.fitting import MIN_EACH
from noisecleaner.quality.model import Judgements

#: By how much the log odds of like rows are off, and by which part of themselves (standard deviations of the prior).
#: On CIFAR-10N these lost nothing on like rows, and gained on unlike ones as much as wider ones did.
_PRIOR = (0.5, 0.3)
#: The same of probabilities that no verified row has calibrated before.
_WIDE_PRIOR = (2.0, 1.0)
#: Quality nearer to 0 or 1 than single precision can tell counts as this near.
_NEAREST = 2.0**-24
#: Rows that are calibrated at a time.
_BLOCK = 2**16


@dataclass(frozen=True, kw_only=True)
class Recalibration:
    """New log odds are shift + slope * old ones (Platt, 1999).

    Args:
        shift: what is added.
        slope: at least 0, so that a row of higher quality never gets the lower one.
    """

    shift: float
    slope: float

    def of(self, quality: RealArray) -> FloatArray:
        """Compute label quality again, shape [rows]; NaN stays."""
        return np.asarray(special.expit(self.shift + self.slope * _log_odds(quality)))


@dataclass(frozen=True, kw_only=True)
class VerifiedQuality:
    """Verified rows and what label quality says of them; every array has the shape [rows].

    Args:
        quality: label quality before.
        correct: whether the given label is right.
        weights: how many rows each stands for, on average 1.
    """

    quality: RealArray
    correct: BoolArray
    weights: FloatArray

    def take(self, rows: IntArray) -> VerifiedQuality:
        """Some of the rows: their places, shape [n]."""
        return VerifiedQuality(quality=self.quality[rows], correct=self.correct[rows], weights=self.weights[rows])


def fit_recalibration(verified: VerifiedQuality, *, calibrated: bool) -> Recalibration:
    """Fit by penalised maximum likelihood: without much evidence, log odds stay as they are.

    Args:
        verified: the rows to fit on.
        calibrated: whether verified rows of other data have calibrated quality before.
    """
    odds, spread = _log_odds(verified.quality), np.array(_PRIOR if calibrated else _WIDE_PRIOR)

    def loss(change: FloatArray) -> tuple[float, FloatArray]:
        values = change[0] + (1 + change[1]) * odds
        losses = np.logaddexp(0, np.where(verified.correct, -values, values))
        residuals = verified.weights * (special.expit(values) - verified.correct)
        gradient = np.array([residuals.sum(), residuals @ odds]) + change / spread**2
        return float(verified.weights @ losses + (change**2 / spread**2).sum() / 2), gradient

    found = optimize.minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B", bounds=[(None, None), (-1, None)])
    return Recalibration(shift=float(found.x[0]), slope=float(1 + found.x[1]))


def calibrated_again(
    judgements: Judgements, rows: IntArray, verified: VerifiedQuality, *, calibrated: bool
) -> Judgements | None:
    """Calibrate what was made of rows on those of them that were verified.

    Args:
        judgements: of all rows.
        rows: which of them were verified, shape [verified rows].
        verified: what is known of these.
        calibrated: whether verified rows of other data have calibrated quality before.

    Returns:
        What is made of all rows now, the verified ones each by a calibration that did not see it; None where fewer than
        `MIN_EACH` rows of one kind, right or wrong, were verified.
    """
    if min(int(verified.correct.sum()), int((~verified.correct).sum())) < MIN_EACH:
        return None
    fitted = fit_recalibration(verified, calibrated=calibrated)
    parts = [
        (rows[part], fit_recalibration(verified.take(others), calibrated=calibrated).of(verified.quality[part]))
        for others, part in stratified(verified.correct)
    ]
    again = replace(judgements, quality=judgements.quality.copy(), confidence=judgements.confidence.copy())
    for first in range(0, len(judgements.quality), _BLOCK):
        block = slice(first, first + _BLOCK)
        _put(again, block, fitted.of(judgements.quality[block]), before=judgements)
    for places, quality in parts:
        _put(again, places, quality, before=judgements)
    return again


def _put(judgements: Judgements, places: IntArray | slice, quality: FloatArray, *, before: Judgements) -> None:
    """Write label quality of some rows; a suggestion is right if the given label is wrong, and then as often as before.

    Args:
        judgements: what is written to.
        places: of the rows, n of them.
        quality: their new one, shape [n].
        before: what was made of all rows before.
    """
    wrong = np.maximum(1 - before.quality[places].astype(np.float64), _NEAREST)
    confidence = before.confidence[places] * np.where(np.isfinite(quality), (1 - quality) / wrong, 1.0)
    judgements.quality[places], judgements.confidence[places] = quality, np.minimum(confidence, 1)


def _log_odds(quality: RealArray) -> FloatArray:
    return np.asarray(special.logit(np.clip(quality.astype(np.float64), _NEAREST, 1 - _NEAREST)))
