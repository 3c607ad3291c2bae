"""How much of the data is wrong: overall, in each class, and which label stands in place of which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from noisecleaner.arrays import NO_CLASS, UNVERIFIED, BoolArray, FloatArray, IntArray, RealArray, counted_by_class
from noisecleaner.noise.estimate import CONFIDENCE, Audit, wilson
from noisecleaner.noise.rate import UNKNOWN, Rate, RateMethod, whole
from noisecleaner.noise.running import Rest
from noisecleaner.noise.small_areas import Outcome, Tallies, estimate, lean
from noisecleaner.noise.verifiers import VerifierErrors

#: Confidence of an interval that holds the estimate as good as always, however the scores sharpen it.
_SURELY = 1 - 1e-9
#: Rows that are counted at a time.
_BLOCK = 2**20


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The rows of a dataset and what is known of them; every array has the shape [rows].

    Args:
        given: class index of the given label, -1 where there is none or the row was skipped.
        trusted: class index of the verified label, `UNVERIFIED` without one, `NO_CLASS` where no class is right.
        expected: 1 - label quality, NaN where unknown.
        judging: audited rows whose `expected` comes from a model that did not see them.
        probability: with which a row was drawn to be verified, NaN where audited rows are a plain random sample.
        verifiers: how often those err who verified them; None where nobody knows.
    """

    given: IntArray
    trusted: IntArray
    expected: FloatArray | Rest
    judging: BoolArray
    probability: FloatArray
    verifiers: VerifierErrors | None = None

    @property
    def known(self) -> BoolArray:
        """Rows of which something is expected, shape [rows]."""
        return np.isfinite(self.expected.numbers if isinstance(self.expected, Rest) else self.expected)

    @property
    def audited(self) -> BoolArray:
        """Rows with a label of which somebody verified whether it is right, shape [rows]."""
        audited: BoolArray = (self.given >= 0) & (self.trusted != UNVERIFIED)
        return audited

    @property
    def wrong(self) -> BoolArray:
        """Audited rows with a wrong label, shape [rows]."""
        wrong: BoolArray = self.audited & (self.given != self.trusted)
        return wrong

    def expects_rest_of(self, values: RealArray) -> bool:
        """Whether what is expected of each row is 1 minus its value, shape [rows]."""
        if isinstance(self.expected, Rest):
            return self.expected.numbers is values or np.array_equal(self.expected.numbers, values, equal_nan=True)
        blocks = range(0, len(values), _BLOCK)
        parts = ((self.expected[i : i + _BLOCK], 1 - values[i : i + _BLOCK].astype(np.float64)) for i in blocks)
        same = (np.array_equal(expected, rest, equal_nan=True) for expected, rest in parts)
        return all(same)

    def audit(self, which: BoolArray) -> Audit:
        """Collect audited rows in the order of the dataset.

        Args:
            which: those to collect, shape [rows]; a random part of all audited rows.
        """
        rows = np.flatnonzero(which)
        drawn = self.probability[rows]
        alike = len(rows) / max(1, int((self.given >= 0).sum()))
        expected = np.where(self.judging[rows], self.expected[rows], np.nan)
        return Audit(wrong=self.wrong[rows], expected=expected, probability=np.where(np.isnan(drawn), alike, drawn))

    def rate(self) -> Rate:
        """Estimate the share of wrong labels among all rows that have one."""
        seen = self.audit(self.audited).rate(self.mean(), rows=int((self.given >= 0).sum()))
        return seen if self.verifiers is None else self.verifiers.moved(seen)

    def rates_by_class(self, classes: int) -> list[Rate]:
        """Estimate the share of wrong labels among the rows of each given label."""
        rates = self._seen_by_class(classes)
        return rates if self.verifiers is None else [self.verifiers.widened(rate) for rate in rates]

    def _seen_by_class(self, classes: int) -> list[Rate]:
        """Estimate the share of labels that were found wrong among the rows of each given label."""
        audit, given = self.audit(self.audited), self.given[self.audited]
        own = [audit.only(given == c) for c in range(classes)]
        parts = zip(own, self.means(classes), self.sizes(classes), strict=True)
        rates = [rows.rate(mean, rows=size) for rows, mean, size in parts]
        if not audit.sharpens:  # too few verified rows to tell how far classes keep to their scores
            return rates
        outcomes = np.full(len(self.given), Outcome.UNKNOWN, np.int8)
        outcomes[self.audited] = Outcome.RIGHT
        outcomes[self.wrong] = Outcome.WRONG
        outcomes[self.audited & ~self.judging] += Outcome.BLIND_RIGHT - Outcome.RIGHT
        tallies = Tallies.of(given=self.given, expected=self.expected, outcomes=outcomes, classes=classes)
        return [lean(*of_class) for of_class in zip(rates, own, estimate(tallies), strict=True)]

    def sizes(self, classes: int) -> list[int]:
        """Count the rows of each given label."""
        return [int(size) for size in counted_by_class(self.given, classes)]

    def mean(self) -> float | None:
        """Compute the mean of what is expected of the rows that have a label, None where nothing is."""
        known = (self.given >= 0) & self.known
        if not known.any():
            return None
        if not isinstance(self.expected, Rest):
            return float(self.expected[known].mean())
        return (self.expected if known.all() else Rest(self.expected.numbers[known])).mean()

    def means(self, classes: int) -> list[float | None]:
        """Compute the mean of what is expected of the rows of each given label, None where nothing is."""
        sums, counts = np.zeros(classes), np.zeros(classes, dtype=np.int64)
        for first in range(0, len(self.given), _BLOCK):
            given, expected = self.given[first : first + _BLOCK], self.expected[first : first + _BLOCK]
            known = (given >= 0) & np.isfinite(expected)
            np.add.at(sums, given[known], expected[known])  # one row behind the other, whatever the size of a block
            counts += np.bincount(given[known], minlength=classes)
        return [float(total / count) if count else None for total, count in zip(sums, counts, strict=True)]


@dataclass(frozen=True, kw_only=True)
class Noise:
    """The noise of a dataset.

    Args:
        overall: share of wrong labels.
        per_class: given class -> share of wrong labels in it.
        pairs: (given class, true class) -> share of the true class among the rows that are given the first, for pairs
            that were seen; the true class is None where none is right.
        confusion: audited rows by true (row) and given (column) class, shape [classes, classes].
        no_class: audited rows of which no class is right, by given class, shape [classes].
    """

    overall: Rate
    per_class: Mapping[str, Rate]
    pairs: Mapping[tuple[str, str | None], Rate]
    confusion: tuple[tuple[int, ...], ...]
    no_class: tuple[int, ...]

    @property
    def method(self) -> RateMethod:
        """How the overall rate was made; `planted`, `model` and `none` have no interval."""
        return self.overall.method

    def to_json(self) -> dict[str, Any]:
        """Describe the noise as a JSON object."""
        return {
            "method": self.method,
            "confidence": CONFIDENCE,
            "overall": self.overall.to_json(),
            "per_given_class": {name: rate.to_json() for name, rate in self.per_class.items()},
            "matrix": [_pair_to_json(given, true, rate) for (given, true), rate in self.pairs.items()],
            "confusion": {
                "classes": list(self.per_class),
                "audited_true_by_given": [list(row) for row in self.confusion],
                "audited_no_class_by_given": list(self.no_class),
            },
        }

    @classmethod
    def from_json(cls, content: object) -> Noise:
        """Bring back what `to_json` described.

        Raises:
            ValueError: it is no such thing, or one part of it contradicts another.
        """
        if not isinstance(content, dict):
            raise ValueError("the noise is no JSON object")
        try:
            overall = Rate.from_json(content["overall"])
            per_class = {name: Rate.from_json(rate) for name, rate in content["per_given_class"].items()}
            pairs = {(str(pair["given"]), _name(pair["true"])): _pair_from_json(pair) for pair in content["matrix"]}
            classes, counts = content["confusion"]["classes"], content["confusion"]["audited_true_by_given"]
            confusion = tuple(tuple(whole(number) for number in row) for row in counts)
            # earlier versions knew no rows of no class
            others = content["confusion"].get("audited_no_class_by_given", [0] * len(per_class))
            no_class = tuple(whole(number) for number in others)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"the noise is incomplete: {error!r}") from error
        if classes != list(per_class) or {len(confusion), *map(len, confusion), len(no_class)} - {len(per_class)}:
            raise ValueError("the confusion does not belong to the classes")
        noise = cls(overall=overall, per_class=per_class, pairs=pairs, confusion=confusion, no_class=no_class)
        noise._refuse_other_rows()
        return noise

    def _refuse_other_rows(self) -> None:
        # rates that do not rest on the audited rows of the confusion
        by_class = self.per_class.values()
        audited = sum(map(sum, self.confusion)) + sum(self.no_class)
        right = sum(row[place] for place, row in enumerate(self.confusion))
        of_classes = sum(rate.events for rate in by_class), sum(rate.sample_size for rate in by_class)
        if {of_classes, (self.overall.events, self.overall.sample_size)} != {(audited - right, audited)}:
            raise ValueError("the rates do not rest on the audited rows of the confusion")

    def fits_counts(self) -> bool:
        """Whether every interval can be one around the share that was counted among its audited rows.

        Those of rows that a plan drew, or that the errors of verifiers have moved, may be around another one.
        """
        return all(map(_fits_count, [self.overall, *self.per_class.values(), *self.pairs.values()]))


def _fits_count(rate: Rate) -> bool:
    interval = rate.interval
    if interval is None:
        return True
    own = wilson(rate.events / rate.sample_size, size=rate.sample_size, confidence=_SURELY)
    return interval.low <= own.high and own.low <= interval.high


def measure(rows: Rows, classes: tuple[str, ...], model: str) -> Noise:
    """Measure the noise of a dataset.

    Args:
        rows: its rows.
        classes: the class names.
        model: how label quality was made, see `QualityModel.method`.
    """
    overall, per_class, pairs = UNKNOWN, [UNKNOWN] * len(classes), {}
    if rows.audited.any():
        overall, per_class, pairs = rows.rate(), rows.rates_by_class(len(classes)), _pairs(rows, classes)
    elif model not in ("uncalibrated", "transfer"):
        method: RateMethod = "planted" if model == "planted" else "model"
        overall = Rate.expected(rows.mean(), method)
        per_class = [Rate.expected(mean, method) for mean in rows.means(len(classes))]
    return Noise(
        overall=overall,
        per_class=dict(zip(classes, per_class, strict=True)),
        pairs=pairs,
        confusion=_confusion(rows, len(classes)),
        no_class=tuple(
            np.bincount(rows.given[rows.audited & (rows.trusted == NO_CLASS)], minlength=len(classes)).tolist()
        ),
    )


def _confusion(rows: Rows, classes: int) -> tuple[tuple[int, ...], ...]:
    """Count audited rows that have a true class by it (row) and the given one (column)."""
    counts, of_class = np.zeros((classes, classes), dtype=np.int64), rows.audited & (rows.trusted >= 0)
    np.add.at(counts, (rows.trusted[of_class], rows.given[of_class]), 1)
    return tuple(tuple(row) for row in counts.tolist())


def _pairs(rows: Rows, classes: tuple[str, ...]) -> dict[tuple[str, str | None], Rate]:
    """The share of each true class among the rows of a given one, most frequent pairs of a class first."""
    audit, audited = rows.audit(rows.audited), rows.audited
    given, true = rows.given[audited], rows.trusted[audited]
    pairs: dict[tuple[str, str | None], Rate] = {}
    sizes = rows.sizes(len(classes))
    for c in np.unique(given):
        own = given == c
        labels, counts = np.unique(true[own], return_counts=True)
        for label in labels[np.argsort(-counts, kind="stable")]:
            of_class = replace(audit, wrong=true == label).only(own)
            pairs[classes[c], None if label == NO_CLASS else classes[label]] = of_class.rate(None, rows=sizes[c])
    return pairs


def _pair_to_json(given: str, true: str | None, rate: Rate) -> dict[str, Any]:
    """Describe one cell of the matrix; `count` rows were seen there, which are errors but on its diagonal."""
    errors = 0 if given == true else rate.events
    return {"given": given, "true": true, "count": rate.events, **rate.to_json(), "errors": errors}


def _pair_from_json(content: Mapping[str, Any]) -> Rate:
    # earlier versions called right labels errors, too
    return Rate.from_json({**content, "errors": content.get("count", content.get("errors"))})


def _name(content: object) -> str | None:
    return None if content is None else str(content)
