"""How much of a copy is wrong: the labels that audited rows would carry had nobody looked at them tell of the rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from noisecleaner.arrays import BoolArray, FloatArray
from noisecleaner.noise.estimate import Audit
from noisecleaner.noise.rate import UNKNOWN, Interval, Rate
from noisecleaner.noise.running import Rest
from noisecleaner.noise.verifiers import VerifierErrors

#: A share that is written as 0.0 %.
_NOTHING = 5e-4


@dataclass(frozen=True, kw_only=True)
class CopiedRows:
    """The rows of a dataset, and what a copy makes of them; every array has the shape [rows].

    The label of a row in the copy is *unaided* where it is the given or a suggested one, as it is for rows that nobody
    verified or corrected.

    Args:
        written: rows that the copy holds.
        unaided: rows that it would hold if nobody had verified or corrected any row.
        wrong: of those, rows whose unaided label is known to be wrong.
        audited: rows that were verified as a part of a sample, and judge.
        probability: with which those were drawn, in (0, 1]; of other rows it does not count.
        expected: probability that the unaided label is wrong, by a model that saw no outcome of an audited row; NaN
            where it is not known.
        open: rows that carry their unaided label although somebody verified them, because two looks disagree.
        fitted: how many numbers of the models that decided were fitted on audited rows, see `Audit.rate`.
        verifiers: how often those err who verified them; None where nobody knows.
        corrected: rows that carry corrections, which nothing measures.
    """

    written: BoolArray
    unaided: BoolArray
    wrong: BoolArray
    audited: BoolArray
    probability: FloatArray
    expected: FloatArray | Rest
    open: BoolArray
    fitted: int = 0
    verifiers: VerifierErrors | None = None
    corrected: BoolArray | None = None

    def noise(self) -> Rate:
        """Estimate the share of wrong labels in the copy.

        Audited rows are a sample of the dataset, but the copy holds their verified labels, so that they say nothing of
        it as they stand. Their unaided labels do: these are a sample of all unaided labels. Of the errors among those,
        the known ones were mended or left out; the others are in the copy. Because the known ones are counted, and the
        map from one share to the other is linear, the interval holds the one share where it holds the other.

        Returns:
            `UNKNOWN` where no audited row would be in the copy, or it holds no row, and where corrections leave no more
            errors than the sample tells of in all.
        """
        sample, rows = self._sample(), int(self.written.sum())
        if not len(sample) or not rows:
            return UNKNOWN
        number = int(self.unaided.sum())
        unaided = sample.rate(self._mean(), rows=number, fitted=self.fitted)
        unaided = unaided if self.verifiers is None else self.verifiers.widened(unaided)
        interval = unaided.interval
        if interval is None:
            return UNKNOWN
        mended = int((self.unaided & self.wrong & ~self.open).sum())
        value, low, high = (
            min(max((number * share - mended) / rows, 0.0), 1.0)
            for share in (interval.value, interval.low, interval.high)
        )
        if high < _NOTHING and self.corrected is not None and self.corrected.any():
            return UNKNOWN
        ends = Interval(value=value, low=low, high=high)
        return Rate.around(ends, sample_size=len(sample), events=sample.errors, method=unaided.method)

    def _sample(self) -> Audit:
        """Collect the audited rows that would be in the copy."""
        rows = self.audited & self.unaided
        return Audit(wrong=self.wrong[rows], expected=self.expected[rows], probability=self.probability[rows])

    def _mean(self) -> float | None:
        """Compute the mean of what is expected of the rows that would be in the copy."""
        if isinstance(self.expected, Rest):
            numbers = self.expected.numbers[self.unaided & np.isfinite(self.expected.numbers)]
            return Rest(numbers).mean() if len(numbers) else None
        known = self.expected[self.unaided & np.isfinite(self.expected)]
        return float(known.mean()) if len(known) else None
