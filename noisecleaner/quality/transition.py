"""Which label is given in place of which true one: the audited rows' transition matrix, and Bayes' rule with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from noisecleaner.arrays import FloatArray, IntArray
from noisecleaner.quality.signals import Predictions

#: Audited rows of a class that count as much as what is assumed of it before: that all wrong labels are alike.
_PRIOR_ROWS = 50.0


@dataclass(frozen=True, kw_only=True)
class VerifiedLabels:
    """What was verified of some rows.

    Args:
        true: class index of the verified label, `NO_CLASS` where none is right, shape [rows].
        weights: how many rows of the dataset each stands for, on average 1, shape [rows].
    """

    true: IntArray
    weights: FloatArray

    @classmethod
    def drawn(cls, true: IntArray, *, probability: FloatArray) -> VerifiedLabels:
        """Weigh rows by the probability with which each was drawn, NaN where like all, shape [rows]."""
        weights = 1 / np.nan_to_num(probability, nan=1.0)
        return cls(true=true, weights=weights / weights.mean() if len(weights) else weights)

    def take(self, rows: IntArray) -> VerifiedLabels:
        """Some of the rows: their places, shape [n]."""
        return VerifiedLabels(true=self.true[rows], weights=self.weights[rows])


@dataclass(frozen=True)
class Transition:
    """P(given label | true label), counted on audited rows and smoothed.

    A class that nobody audited has the noise rate of all of them, spread evenly over the other classes; each audited
    row of a class moves it from there. Only pairs that were seen are kept, so many classes cost nothing.

    Args:
        classes: number of classes.
        rate: share of wrong labels among the audited rows, in (0, 1).
        keys: pairs that were seen, true * classes + given, ascending, shape [pairs].
        counts: audited rows of each pair (or their weight), shape [pairs].
    """

    classes: int
    rate: float
    keys: tuple[int, ...]
    counts: tuple[float, ...]

    @classmethod
    def fit(cls, verified: VerifiedLabels, *, given: IntArray, classes: int) -> Transition:
        """Count audited rows.

        Args:
            verified: their verified labels.
            given: class index of the given label, shape [rows].
            classes: number of classes.
        """
        # a row of no class says nothing of what is given in place of one
        of_class = verified.true >= 0
        true, weights, given = verified.true[of_class], verified.weights[of_class], given[of_class]
        keys, where = np.unique(true.astype(np.int64) * classes + given, return_inverse=True)
        counts = np.bincount(where, weights, len(keys))
        # one row of each kind more, so that no label is impossible
        rate = (weights[true != given].sum() + 1) / (weights.sum() + 2)
        return cls(classes, float(rate), tuple(keys.tolist()), tuple(counts.tolist()))

    def matrix(self) -> FloatArray:
        """The matrix itself, true labels in its rows, shape [classes, classes]."""
        true, given = np.indices((self.classes, self.classes))
        return np.exp(self._given_if(true=true, given=given, leave_out=None))

    def log_odds(self, predictions: Predictions, leave_out: VerifiedLabels | None = None) -> FloatArray:
        """Compute the log odds that the given label is the true one, by Bayes' rule, shape [rows].

        P(true = c | image, given) is proportional to P(c | image) P(given | c); what the network predicts stands in
        for the first factor.

        Args:
            predictions: of each row.
            leave_out: the rows' own part in the counts, to be left out of them; for rows that were counted.
        """
        given = np.maximum(predictions.given, 0)
        right = predictions.log_probability + self._given_if(true=given, given=given, leave_out=leave_out)
        return np.asarray(right - np.logaddexp.reduce(self.others(predictions, leave_out), axis=1))

    def others(self, predictions: Predictions, leave_out: VerifiedLabels | None = None) -> FloatArray:
        """Compute log P(c | image) + log P(given | c) of the candidates and of all other classes together.

        Returns:
            Shape [rows, candidates + 1]; minus infinity where there is no such class.
        """
        there = predictions.candidates >= 0
        true, given = (np.maximum(labels, 0) for labels in (predictions.candidates, predictions.given[:, None]))
        if_true = self._given_if(true=true, given=np.broadcast_to(given, true.shape), leave_out=leave_out)
        listed = np.where(there, predictions.candidate_log_probabilities + if_true, -np.inf)
        with np.errstate(divide="ignore"):
            rest = np.log(predictions.rest()) + np.log(self._assumed_wrong())
        return np.concatenate([listed, rest[:, None]], axis=1)

    def given_if(self, predictions: Predictions, leave_out: VerifiedLabels | None = None) -> FloatArray:
        """Compute log P(given | c) where c is the given label, each candidate, and any other class.

        Returns:
            Shape [rows, candidates + 2].
        """
        labels = np.concatenate([predictions.given[:, None], predictions.candidates], axis=1)
        true, given = np.maximum(labels, 0), np.maximum(predictions.given[:, None], 0)
        listed = self._given_if(true=true, given=np.broadcast_to(given, true.shape), leave_out=leave_out)
        return np.pad(listed, ((0, 0), (0, 1)), constant_values=np.log(self._assumed_wrong()))

    def _given_if(self, *, true: IntArray, given: IntArray, leave_out: VerifiedLabels | None) -> FloatArray:
        """Compute log P(given | true) elementwise for class indices of one shape, [rows] or [rows, k]."""
        keys, counts = np.array(self.keys), np.array(self.counts)
        of_class = np.bincount(keys // self.classes, counts, self.classes)[true]
        wanted = true.astype(np.int64) * self.classes + given
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        seen = np.where(keys[place] == wanted, counts[place], 0.0)
        if leave_out is not None:
            column = (slice(None),) + (None,) * (true.ndim - 1)
            mine = np.where(true == leave_out.true[column], leave_out.weights[column], 0.0)
            of_class, seen = of_class - mine, seen - mine
        assumed = np.where(true == given, 1 - self.rate, self._assumed_wrong())
        return np.asarray(np.log((seen + _PRIOR_ROWS * assumed) / (of_class + _PRIOR_ROWS)))

    def _assumed_wrong(self) -> float:
        return self.rate / max(self.classes - 1, 1)

    def to_json(self) -> dict[str, Any]:
        """Describe the matrix as a JSON object."""
        return {"classes": self.classes, "rate": self.rate, "keys": list(self.keys), "counts": list(self.counts)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Transition:
        """Bring back what `to_json` described."""
        keys, counts = tuple(map(int, content["keys"])), tuple(map(float, content["counts"]))
        return cls(int(content["classes"]), float(content["rate"]), keys, counts)
