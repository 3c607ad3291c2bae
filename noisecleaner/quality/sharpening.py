"""What networks predict, made to fit the verified labels: how sure they are, and how much they lean to each class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import optimize

from noisecleaner.arrays import FloatArray, IntArray
from noisecleaner.quality.signals import Predictions
from noisecleaner.quality.transition import Transition, VerifiedLabels

#: Standard deviations of the prior: of the logarithm of the scale, and of the shift of each class.
_PRIOR_SCALE, _PRIOR_SHIFT = 1.0, 0.5
_BOUND = 3.0  # of either, on the scale of logarithms


@dataclass(frozen=True, kw_only=True)
class Sharpening:
    """P(true class | image) is proportional to P(class | image) ** scale * exp(shift of the class).

    A network that has learned from noisy labels is as unsure as these are wrong, and a model that somebody brings may
    be too sure, or lean to some classes (vector scaling of Guo et al., 2017, section 4.2, on verified labels).

    Args:
        scale: above 1 where predictions are less sure than they could be.
        shift: of each class, shape [classes].
    """

    scale: float
    shift: tuple[float, ...]

    def of(self, predictions: Predictions) -> Predictions:
        """Predict again; classes that are not listed count as equally probable, and lean nowhere."""
        listed = _Listed.of(predictions, len(self.shift))
        scores = listed.scores(self.scale, np.array(self.shift))
        with np.errstate(invalid="ignore"):  # rows that nobody predicted
            scores = scores[:, :-1] - np.logaddexp.reduce(scores, axis=1)[:, None]
            own, others = scores[:, 0], scores[:, 1:]
            margin = own - others.max(axis=1)
        order = np.argsort(-others, axis=1, kind="stable")
        candidates, others = (np.take_along_axis(a, order, axis=1) for a in (predictions.candidates, others))
        known = predictions.known
        return replace(
            predictions,
            margin=np.where(known, margin, np.nan),
            log_probability=np.where(known, own, np.nan),
            candidates=candidates,
            candidate_log_probabilities=np.where(candidates >= 0, others, np.nan),
        )

    def to_json(self) -> dict[str, Any]:
        """Describe it as a JSON object."""
        return {"scale": self.scale, "shift": list(self.shift)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Sharpening:
        """Bring back what `to_json` described."""
        return cls(scale=float(content["scale"]), shift=tuple(map(float, content["shift"])))


def fit_sharpening(predictions: Predictions, verified: VerifiedLabels, transition: Transition) -> Sharpening:
    """Fit by penalised maximum likelihood of the verified labels, given what was predicted and the given labels.

    Args:
        predictions: of each row.
        verified: their verified labels; a row of no class says nothing.
        transition: counted on these rows, each of which is left out of its own part.
    """
    of_class = np.flatnonzero(verified.true >= 0)
    told = _Told.of(predictions.take(of_class), verified.take(of_class), transition)
    start, bounds = np.zeros(transition.classes + 1), [(-_BOUND, _BOUND)] * (transition.classes + 1)
    found = optimize.minimize(told.loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return Sharpening(scale=float(np.exp(found.x[0])), shift=tuple(found.x[1:].tolist()))


@dataclass(frozen=True, kw_only=True)
class _Listed:
    """What is kept of a row's probabilities: those of the given label and of the candidates, and the rest together.

    Args:
        labels: the given label, then the candidates, -1 where there is none, shape [rows, k + 1].
        logs: log probabilities, minus infinity where there is none, likewise.
        each: log probability of each class that is not listed, taken for alike, shape [rows].
        many: the logarithm of how many these are, shape [rows].
    """

    labels: IntArray
    logs: FloatArray
    each: FloatArray
    many: FloatArray

    @classmethod
    def of(cls, predictions: Predictions, classes: int) -> _Listed:
        labels = np.concatenate([predictions.given[:, None], predictions.candidates], axis=1)
        logs = np.concatenate([predictions.log_probability[:, None], predictions.candidate_log_probabilities], axis=1)
        logs = np.where(np.isfinite(logs), logs, -np.inf)
        many = np.log(np.maximum(classes - np.isfinite(logs).sum(axis=1), 1))
        left = 1 - np.exp(logs).sum(axis=1)
        with np.errstate(divide="ignore"):
            # single precision leaves crumbs where every class is listed
            each = np.log(np.where(left > 1e-6, left, 0.0)) - many
        return cls(labels=labels, logs=logs, each=each, many=many)

    def scores(self, scale: float, shift: FloatArray) -> FloatArray:
        """Sharpened log probabilities up to a constant, with the rest behind, shape [rows, k + 2]."""
        listed = scale * self.logs + np.append(shift, 0.0)[self.labels]
        return np.concatenate([listed, (scale * self.each + self.many)[:, None]], axis=1)


@dataclass(frozen=True, kw_only=True)
class _Told:
    """What verified labels tell of a sharpening.

    Args:
        listed: what was predicted of their rows.
        classes: number of classes.
        given_if: log P(given label | class), shape [rows, k + 2].
        place: where the verified label stands among these, shape [rows].
        weights: of the rows; zero where their verified label was held for impossible, which no scale changes.
    """

    listed: _Listed
    classes: int
    given_if: FloatArray
    place: IntArray
    weights: FloatArray

    @classmethod
    def of(cls, predictions: Predictions, verified: VerifiedLabels, transition: Transition) -> _Told:
        classes, listed = transition.classes, _Listed.of(predictions, transition.classes)
        here = listed.labels == verified.true[:, None]
        place = np.where(here.any(axis=1), here.argmax(axis=1), here.shape[1])
        possible = np.isfinite(listed.scores(1.0, np.zeros(classes)))[np.arange(len(place)), place]
        return cls(
            listed=listed,
            classes=classes,
            given_if=transition.given_if(predictions, verified),
            place=place,
            weights=np.where(possible, verified.weights, 0.0),
        )

    def loss(self, parameters: FloatArray) -> tuple[float, FloatArray]:
        """Penalised negative log likelihood of log scale and shifts, [1 + classes], and its gradient."""
        listed, scale = self.listed, float(np.exp(parameters[0]))
        scores = listed.scores(scale, parameters[1:]) + self.given_if
        likely, rows = np.logaddexp.reduce(scores, axis=1), np.arange(len(scores))
        losses = np.where(self.weights > 0, likely - scores[rows, self.place], 0.0)
        residuals = np.exp(scores - likely[:, None])
        residuals[rows, self.place] -= 1
        residuals *= self.weights[:, None]
        logs = np.concatenate([listed.logs, listed.each[:, None]], axis=1)
        of_scale = scale * (residuals * np.where(np.isfinite(logs), logs, 0.0)).sum()
        columns = np.where(listed.labels >= 0, listed.labels, self.classes)
        of_shift = np.bincount(columns.ravel(), residuals[:, :-1].ravel(), self.classes + 1)[:-1]
        spread = np.append(_PRIOR_SCALE, np.full(self.classes, _PRIOR_SHIFT))
        loss = float(self.weights @ losses + ((parameters / spread) ** 2).sum() / 2)
        return loss, np.append(of_scale, of_shift) + parameters / spread**2
