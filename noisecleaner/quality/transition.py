"""Which label is given in place of which true one: the audited rows' transition matrix, and Bayes' rule with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from noisecleaner.arrays import FloatArray, IntArray

#: Audited rows of a class that count as much as what is assumed of it before: that all wrong labels are alike.
_PRIOR_ROWS = 50.0


@dataclass(frozen=True)
class Known:
    """What was verified of some rows.

    Args:
        true: class index of the verified label, shape [rows].
        weights: how many rows of the dataset each stands for, on average 1, shape [rows].
    """

    true: IntArray
    weights: FloatArray

    def only(self, rows: IntArray) -> Known:
        """Return some of the rows."""
        return Known(self.true[rows], self.weights[rows])


@dataclass(frozen=True)
class Said:
    """What a network says of some rows.

    Args:
        given: class index of the given label, shape [rows].
        own: log probability of that label, shape [rows].
        candidates: other classes, most probable first, -1 where there is none, shape [rows, k].
        others: their log probabilities, NaN where there is none, shape [rows, k].
    """

    given: IntArray
    own: FloatArray
    candidates: IntArray
    others: FloatArray

    def rest(self) -> FloatArray:
        """Compute the probability of all classes that are not listed, shape [rows]."""
        listed = np.exp(self.own) + np.nansum(np.exp(self.others), axis=1)
        # single precision leaves crumbs where every class is listed
        return np.where(1 - listed > 1e-6, 1 - listed, 0.0)


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
    def fit(cls, known: Known, given: IntArray, classes: int) -> Transition:
        """Count audited rows.

        Args:
            known: their verified labels.
            given: class index of the given label, shape [rows].
            classes: number of classes.
        """
        keys, where = np.unique(known.true * classes + given, return_inverse=True)
        counts = np.bincount(where, known.weights, len(keys))
        # one row of each kind more, so that no label is impossible
        rate = (known.weights[known.true != given].sum() + 1) / (known.weights.sum() + 2)
        return cls(classes, float(rate), tuple(keys.tolist()), tuple(counts.tolist()))

    def log_odds(self, said: Said, leave_out: Known | None = None) -> FloatArray:
        """Compute the log odds that the given label is the true one, by Bayes' rule, shape [rows].

        P(true = c | image, given) is proportional to P(c | image) P(given | c); what the network says stands in for
        the first factor.

        Args:
            said: what the network says of each row.
            leave_out: the rows' own part in the counts, to be left out of them; for rows that were counted.
        """
        right = said.own + self._given_if(said.given, said.given, leave_out)
        return np.asarray(right - np.logaddexp.reduce(self.others(said, leave_out), axis=1))

    def others(self, said: Said, leave_out: Known | None = None) -> FloatArray:
        """Compute log P(c | image) + log P(given | c) of the candidates and of all other classes together.

        Returns:
            Shape [rows, candidates + 1]; minus infinity where there is no such class.
        """
        given = np.broadcast_to(said.given[:, None], said.candidates.shape)
        likely = said.others + self._given_if(np.maximum(said.candidates, 0), given, leave_out)
        known = np.where(said.candidates >= 0, likely, -np.inf)
        with np.errstate(divide="ignore"):
            rest = np.log(said.rest()) + np.log(self._assumed_wrong())
        return np.concatenate([known, rest[:, None]], axis=1)

    def _given_if(self, true: IntArray, given: IntArray, leave_out: Known | None) -> FloatArray:
        """Compute log P(given | true) elementwise for class indices of one shape, [rows] or [rows, k]."""
        keys, counts = np.array(self.keys), np.array(self.counts)
        of_class = np.bincount(keys // self.classes, counts, self.classes)[true]
        wanted = true * self.classes + given
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
