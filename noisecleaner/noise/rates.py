"""How much of the data is wrong: overall, in each class, and which label stands in place of which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from noisecleaner.arrays import BoolArray, FloatArray, IntArray
from noisecleaner.noise.estimate import CONFIDENCE, UNKNOWN, Audit, Rate


@dataclass(frozen=True)
class Rows:
    """The rows of a dataset and what is known of them; every array has the shape [rows].

    Args:
        given: class index of the given label, -1 where there is none or the row was skipped.
        trusted: class index of the verified label, -1 where there is none.
        expected: 1 - label quality, NaN where unknown.
        judging: audited rows whose `expected` comes from a model that did not see them.
        probability: with which a row was drawn to be verified, NaN where audited rows are a plain random sample.
    """

    given: IntArray
    trusted: IntArray
    expected: FloatArray
    judging: BoolArray
    probability: FloatArray

    @property
    def audited(self) -> BoolArray:
        """Rows whose given and true label are both known."""
        return (self.given >= 0) & (self.trusted >= 0)

    @property
    def wrong(self) -> BoolArray:
        """Audited rows with a wrong label."""
        wrong: BoolArray = self.audited & (self.given != self.trusted)
        return wrong

    def audit(self, which: BoolArray) -> Audit:
        """Collect audited rows in the order of the dataset.

        Args:
            which: those to collect, shape [rows]; a random part of all audited rows.
        """
        rows = np.flatnonzero(which)
        drawn = self.probability[rows]
        alike = len(rows) / max(1, int((self.given >= 0).sum()))
        expected = np.where(self.judging[rows], self.expected[rows], np.nan)
        return Audit(self.wrong[rows], expected, np.where(np.isnan(drawn), alike, drawn))

    def rate(self) -> Rate:
        """Estimate the share of wrong labels among all rows that have one."""
        known = self.expected[(self.given >= 0) & np.isfinite(self.expected)]
        return self.audit(self.audited).rate(float(known.mean()) if len(known) else None)

    def rates_by_class(self, classes: int) -> list[Rate]:
        """Estimate the share of wrong labels among the rows of each given label."""
        audit, given = self.audit(self.audited), self.given[self.audited]
        return [audit.only(given == c).rate(mean) for c, mean in enumerate(self.means(classes))]

    def means(self, classes: int) -> list[float | None]:
        """Compute the mean of what is expected of the rows of each given label, None where nothing is."""
        known = (self.given >= 0) & np.isfinite(self.expected)
        sums = np.bincount(self.given[known], self.expected[known], classes)
        counts = np.bincount(self.given[known], minlength=classes)
        return [float(total / count) if count else None for total, count in zip(sums, counts, strict=True)]


@dataclass(frozen=True)
class Noise:
    """The noise of a dataset.

    Args:
        method: how the overall rate was made, see `Rate`; `planted`, `model` and `none` have no interval.
        overall: share of wrong labels.
        per_class: given class -> share of wrong labels in it.
        pairs: (given class, true class) -> share of the true class among the rows that are given the first, for pairs
            that were seen.
        confusion: audited rows by true (row) and given (column) class, [classes, classes].
    """

    method: str
    overall: Rate
    per_class: dict[str, Rate]
    pairs: dict[tuple[str, str], Rate]
    confusion: list[list[int]]

    def to_json(self, classes: tuple[str, ...]) -> dict[str, Any]:
        """Describe the noise as a JSON object."""
        return {
            "method": self.method,
            "confidence": CONFIDENCE,
            "overall": self.overall.to_json(),
            "per_given_class": {name: rate.to_json() for name, rate in self.per_class.items()},
            "matrix": [{"given": g, "true": t, **rate.to_json()} for (g, t), rate in self.pairs.items()],
            "confusion": {"classes": list(classes), "audited_true_by_given": self.confusion},
        }


def measure(rows: Rows, classes: tuple[str, ...], model: str) -> Noise:
    """Measure the noise of a dataset.

    Args:
        rows: its rows.
        classes: the class names.
        model: how label quality was made, see `QualityModel.method`.
    """
    audited, given, trusted = rows.audited, rows.given, rows.trusted
    confusion = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(confusion, (trusted[audited], given[audited]), 1)
    if audited.any():
        overall = rows.rate()
        per_class = dict(zip(classes, rows.rates_by_class(len(classes)), strict=True))
        return Noise(overall.method, overall, per_class, _pairs(rows, classes), confusion.tolist())
    if model in ("uncalibrated", "transfer"):
        return Noise("none", UNKNOWN, dict.fromkeys(classes, UNKNOWN), {}, confusion.tolist())
    method = "planted" if model == "planted" else "model"
    per_class = {
        name: Rate(mean, None, None, 0, 0, method) for name, mean in zip(classes, rows.means(len(classes)), strict=True)
    }
    return Noise(method, _expected(rows.expected[given >= 0], method), per_class, {}, confusion.tolist())


def _pairs(rows: Rows, classes: tuple[str, ...]) -> dict[tuple[str, str], Rate]:
    """The share of each true class among the rows of a given one, most frequent pairs of a class first."""
    audit, audited = rows.audit(rows.audited), rows.audited
    given, true = rows.given[audited], rows.trusted[audited]
    found = {}
    for c in np.unique(given):
        own = given == c
        labels, counts = np.unique(true[own], return_counts=True)
        for label in labels[np.argsort(-counts, kind="stable")]:
            of_class = Audit(true == label, audit.expected, audit.probability).only(own)
            found[classes[c], classes[label]] = of_class.rate(None)
    return found


def _expected(values: FloatArray, method: str) -> Rate:
    known = values[np.isfinite(values)]
    return Rate(float(known.mean()) if len(known) else None, None, None, 0, 0, method)
