"""Rows in the order of one column, to be cut at any threshold, and how wrong both sides are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np

from noisecleaner.arrays import FloatArray, RealArray
from noisecleaner.noise.estimate import Audit, Stratum, part_of_errors
from noisecleaner.noise.rate import Rate
from noisecleaner.noise.rates import Rows
from noisecleaner.noise.running import RunningSums, sorted_place

Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True)
class Sides(Generic[Value]):
    """What belongs to the rows below a threshold, and to those at or above it."""

    flagged: Value
    kept: Value


@dataclass(frozen=True, kw_only=True)
class CutRates:
    """How good a threshold is.

    Args:
        precision: share of wrong labels among the flagged rows.
        noise: share of wrong labels among the kept rows, the effective noise.
        recall: share of the wrong labels that is flagged.
    """

    precision: Rate
    noise: Rate
    recall: Rate


class Cut:
    """The rows in the order of one column, to be cut at any threshold.

    Args:
        values: that column, NaN where a row has no value, shape [rows]; of single precision where there are many.
        rows: what is known of the rows. Only those that judge measure a cut: the values of others are not honest. A
            side that holds all rows with a label is no cut: every verified row measures it.

    Attributes:
        values: the finite ones in ascending order, as precise as they were given, shape [known rows].
        audit: the rows that judge.
        judged: the value of each of these, in the same order, shape [verified rows].
        verifiers: how often those err who verified them; None where nobody knows.
    """

    def __init__(self, values: RealArray, rows: Rows) -> None:
        known = np.isfinite(values)
        judged = rows.judging & rows.audited & known
        self.verifiers = rows.verifiers
        self.audit: Audit = rows.audit(judged)
        self.judged: FloatArray = values[judged].astype(np.float64)
        self._all_rows = rows.rate() if np.array_equal(known, rows.given >= 0) else None
        if rows.expects_rest_of(values):  # then it is in order where they are, and ten million rows need no second copy
            self.values = values[known]
            self.values.sort()
            self._expected = RunningSums.of_rest(self.values)
        else:
            order = np.argsort(values, kind="stable")[: int(known.sum())]  # NaN comes last
            self.values = values[order]
            self._expected = RunningSums.of(rows.expected[order])

    def rows(self, threshold: float) -> Sides[int]:
        """Count the rows."""
        flagged = sorted_place(self.values, threshold)
        return Sides(flagged=flagged, kept=len(self.values) - flagged)

    def expected(self, threshold: float) -> Sides[float | None]:
        """Compute the mean of 1 - label quality; None where it is unknown."""
        flagged = self.rows(threshold).flagged
        return Sides(flagged=self._mean(0, flagged), kept=self._mean(flagged, len(self.values)))

    @property
    def each_expected(self) -> FloatArray:
        """1 - label quality in that order, shape [rows]; NaN from the first row on of which it is unknown."""
        return np.diff(self._expected.all())

    def audits(self, threshold: float) -> Sides[Audit]:
        """Collect the rows that judge."""
        below = self.judged < threshold
        return Sides(flagged=self.audit.only(below), kept=self.audit.only(~below))

    def wrong_among(self, threshold: float) -> Sides[Rate]:
        """Estimate the share of wrong labels."""
        audits, expected, rows = self.audits(threshold), self.expected(threshold), self.rows(threshold)
        flagged = audits.flagged.rate(expected.flagged, rows=rows.flagged)
        kept = audits.kept.rate(expected.kept, rows=rows.kept)
        if self.verifiers is not None:
            flagged, kept = self.verifiers.widened(flagged), self.verifiers.widened(kept)
        if self._all_rows is None or (rows.flagged and rows.kept):
            return Sides(flagged=flagged, kept=kept)
        # one set of rows has one rate, however it comes about
        return Sides(flagged=self._all_rows, kept=kept) if rows.flagged else Sides(flagged=flagged, kept=self._all_rows)

    def rates(self, threshold: float) -> CutRates:
        """Estimate how good a threshold is."""
        wrong = self.wrong_among(threshold)
        return CutRates(precision=wrong.flagged, noise=wrong.kept, recall=self._recall(threshold, wrong))

    def _recall(self, threshold: float, wrong: Sides[Rate]) -> Rate:
        if {wrong.flagged.method, wrong.kept.method} == {"prediction-powered"}:
            rows = self.rows(threshold)
            return part_of_errors(Stratum(wrong.flagged, rows.flagged), rest=Stratum(wrong.kept, rows.kept))
        errors, below = self.audit.only(self.audit.wrong), self.judged < threshold
        everyone = len(self.audit) == len(self.values)  # else nobody knows how many errors there are
        return replace(errors, wrong=below[self.audit.wrong]).rate(None, rows=len(errors) if everyone else None)

    def _mean(self, first: int, last: int) -> float | None:
        """The mean of what is expected of the rows from `first` to `last`."""
        total = self._expected.at(last) - self._expected.at(first)
        return total / (last - first) if last > first and np.isfinite(total) else None
