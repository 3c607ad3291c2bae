"""Rows in the order of one column, to be cut at any threshold, and how wrong both sides are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from noisecleaner.arrays import FloatArray
from noisecleaner.noise.estimate import Audit, Rate, part_of_errors
from noisecleaner.noise.rates import Rows


class Cut:
    """The rows in the order of one column, to be cut at any threshold.

    Args:
        values: that column, NaN where a row has no value, shape [rows].
        rows: what is known of the rows. Only those that judge measure a cut: the values of others are not honest.
    """

    def __init__(self, values: FloatArray, rows: Rows) -> None:
        known = np.isfinite(values)
        order = np.argsort(values, kind="stable")[: int(known.sum())]  # NaN comes last
        judged = rows.judging & rows.audited & known
        self.values = values[order]
        self.audit: Audit = rows.audit(judged)
        self.judged = values[judged]
        self._expected = np.zeros(len(order) + 1)
        np.cumsum(rows.expected[order], out=self._expected[1:])

    def flagged(self, threshold: float) -> int:
        """Count the rows below a threshold."""
        return int(np.searchsorted(self.values, threshold))

    def expected(self, threshold: float) -> tuple[float | None, float | None]:
        """The mean of 1 - label quality of the flagged rows and of those that are kept; None where it is unknown."""
        count = self.flagged(threshold)
        return self._mean(0, count), self._mean(count, len(self.values))

    def wrong_among(self, threshold: float) -> tuple[Rate, Rate]:
        """Estimate the share of wrong labels among the flagged rows (precision) and among those that are kept."""
        below = self.judged < threshold
        flagged, kept = (
            self.audit.only(rows).rate(mean)
            for rows, mean in zip((below, ~below), self.expected(threshold), strict=True)
        )
        return flagged, kept

    def rates(self, threshold: float) -> tuple[Rate, Rate, Rate]:
        """Estimate what `wrong_among` does, and the share of the wrong labels that is flagged (recall)."""
        flagged, kept = self.wrong_among(threshold)
        return flagged, kept, self._recall(threshold, flagged, kept)

    def _recall(self, threshold: float, flagged: Rate, kept: Rate) -> Rate:
        if {flagged.method, kept.method} == {"prediction-powered"}:
            count = self.flagged(threshold)
            return part_of_errors(flagged, count, kept, len(self.values) - count)
        errors, below = self.audit.only(self.audit.wrong), self.judged < threshold
        return replace(errors, wrong=below[self.audit.wrong]).rate(None)

    def _mean(self, first: int, last: int) -> float | None:
        """The mean of what is expected of the rows from `first` to `last`."""
        total = float(self._expected[last] - self._expected[first])
        return total / (last - first) if last > first and np.isfinite(total) else None
