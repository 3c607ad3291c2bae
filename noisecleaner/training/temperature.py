"""How sure the logits of a discriminant are: the factors of one view, or of several, that make labels likeliest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax

from noisecleaner.arrays import FloatArray, IntArray, SingleArray

#: Logarithms between which the temperature is looked for: a shrunk Gaussian is sure of itself by far too much.
_TEMPERATURES = (-5.0, 2.0)
#: Where looking for several begins.
_START = -1.0


def factors(logits: Sequence[SingleArray], labels: IntArray, beside: FloatArray) -> list[float]:
    """Find the factors of logits that make labels likeliest.

    Args:
        logits: of each view, shape [rows, classes].
        labels: the verified ones, shape [rows].
        beside: logarithm of P(given | true), which several views are judged beside, shape [rows, classes].
    """
    if len(logits) == 1:
        return [_temperature(logits[0], labels)]
    stacked = np.stack(logits).astype(np.float64)
    start = np.full(len(stacked), _START - np.log(len(stacked)))
    found = minimize(
        lambda logs: pooled_loss(stacked, labels, np.exp(logs), beside),
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[_TEMPERATURES] * len(stacked),
    )
    return [float(np.exp(log)) for log in found.x]


def pooled_loss(
    logits: FloatArray, labels: IntArray, weights: FloatArray, beside: FloatArray
) -> tuple[float, FloatArray]:
    """Cross-entropy of labels [rows] under logits [views, rows, classes], and its slope by the weights' logarithms."""
    scores = log_softmax(np.tensordot(weights, logits, axes=1) + beside, axis=1)
    places, slope = np.arange(len(labels)), np.exp(scores)
    slope[places, labels] -= 1
    return -float(scores[places, labels].mean()), weights * np.einsum("rc,vrc->v", slope, logits) / len(labels)


def _temperature(logits: SingleArray, labels: IntArray) -> float:
    """Find the factor of the logits [rows, classes] that makes labels [rows] likeliest (Guo et al., 2017)."""
    found = minimize_scalar(
        lambda log: _loss(logits, labels, float(np.exp(log))), bounds=_TEMPERATURES, method="bounded"
    )
    return float(np.exp(found.x))


def _loss(logits: SingleArray, labels: IntArray, factor: float) -> float:
    scores = log_softmax(logits * np.float32(factor), axis=1)
    return -float(scores[np.arange(len(scores)), labels].mean(dtype=np.float64))
