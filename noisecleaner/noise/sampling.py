"""Whether verified rows can have been drawn with the probabilities that they carry: rates are weighted by these."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from noisecleaner.arrays import UNVERIFIED, FloatArray, IntArray
from noisecleaner.errors import NoisecleanerError
from noisecleaner.noise.randomness import LEAST_P, NOT_RANDOM
from noisecleaner.notices import Notice, Severity
from noisecleaner.texts import agreeing, counted

#: Probabilities that differ by less than this part are equal.
_ROUNDING = 1e-9
#: Rows that a sample of the least probability stands for, in datasets: `plan` draws a fifth of its rows evenly, and so
#: none with less than 0.2 / rows.
_MOST_STANDS_FOR = 10
#: The part of the rows that nobody verified by which a sample may stand for too many or too few: a probability may be
#: written with two digits, and an interval hardly feels it.
_WRITTEN = 0.05
_AS_WRITTEN = (
    "Leave the column sample_probability as `plan()` wrote it, or rename it where the rows are a plain random sample."
)


def unequal(probability: FloatArray) -> bool:
    """Whether rows were drawn with probabilities that differ; otherwise they must be a plain random sample.

    Args:
        probability: with which each verified row was drawn, NaN where that is not known, shape [verified rows].
    """
    known = probability[np.isfinite(probability)]
    return bool(len(known)) and float(np.ptp(known)) > _ROUNDING * float(known.max())


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """Verified rows, and the probabilities with which they are said to have been drawn.

    Args:
        probability: of each verified row, NaN where that is not known, shape [verified rows].
        rows: that could have been drawn: all with a label.
    """

    probability: FloatArray
    rows: int

    @classmethod
    def of(cls, *, given: IntArray, trusted: IntArray, probability: FloatArray) -> Sampling:
        """Collect them.

        Args:
            given: class index of the given label, -1 where there is none or the row was skipped, shape [rows].
            trusted: class index of the verified label, `UNVERIFIED` without one, shape [rows].
            probability: with which a row was drawn, NaN where that is not known, shape [rows].
        """
        labelled = given >= 0
        return cls(probability=probability[labelled & (trusted != UNVERIFIED)], rows=int(labelled.sum()))

    @property
    def unequal(self) -> bool:
        """Whether the probabilities differ, see `unequal`."""
        return unequal(self.probability)

    def refuse_unlikely(self) -> None:
        """Refuse probabilities that nobody draws rows with: a row would stand for far more than there are.

        Raises:
            NoisecleanerError: says how small they are.
        """
        odd = self.probability * self.rows * _MOST_STANDS_FOR < 1
        if not odd.any():
            return
        least, count = float(self.probability[odd].min()), int(odd.sum())
        raise NoisecleanerError(
            "A sampling probability must be one with which rows can be drawn from the dataset, but "
            f"{counted(count, 'row')} {agreeing(count, 'has', 'have')} one as small as {least:.3g}, with which a row "
            f"would stand for {1 / least:.3g} rows of {self.rows:,}.",
            _AS_WRITTEN,
        )

    def misfit(self) -> str | None:
        """Compare the number of rows that they stand for with the number there are (Horvitz and Thompson, 1952).

        Drawn with its probability p, a row stands for 1 / p rows. Their sum over the sample is the number of all rows
        but for chance, with variance sum((1 - p) / p^2) where rows are drawn apart, and less as `plan` draws them. With
        p = 1 for all there is no chance: that is a census, and every row must be there.

        Returns:
            What was found; None where the probabilities may be true, or are not all known.
        """
        if not len(self.probability) or not np.isfinite(self.probability).all():
            return None
        stands_for, left_out = 1 / self.probability, 1 - self.probability
        estimate = float(stands_for.sum())
        # where rows of small probabilities were not drawn, neither was what they add to the variance
        variance = float(left_out @ stands_for**2) * max(1.0, self.rows / estimate)
        allowed = -float(special.ndtri(LEAST_P / 2)) * math.sqrt(variance) + _WRITTEN * float(left_out @ stands_for)
        if abs(estimate - self.rows) <= allowed + _ROUNDING * self.rows:
            return None
        verified, rows = f"{len(self.probability):,}", f"{self.rows:,}"
        least, most = float(self.probability.min()), float(self.probability.max())
        if least == 1:
            return f"A sample_probability of 1 says that every row was verified, but {verified} of {rows} rows were."
        ends = f"{least:.3g} to {most:.3g}" if self.unequal else f"{most:.3g}"
        return (
            f"The {verified} verified rows cannot have been drawn with their sample_probability ({ends}): they would "
            f"stand for {estimate:,.0f} rows, give or take {allowed:,.0f}, but there are {rows}."
        )


def plain_together(*samples: Sampling) -> bool:
    """Whether rows of several samples are a plain random sample together: all were drawn evenly, from all rows.

    Whatever their sizes, any other rows would have come as often: the probability of a row of such a sample is that of
    every other, and not the one with which a part of it was drawn.
    """
    return not any(sample.unequal or sample.misfit() for sample in samples)


def misdrawn(found: str) -> Notice:
    """Say that no rate stands on rows with probabilities that cannot be true.

    Args:
        found: by `Sampling.misfit`.
    """
    return Notice(
        code=NOT_RANDOM,
        severity=Severity.VOID,
        message=f"{found} Noise rates and thresholds would be wrong. {_AS_WRITTEN}",
    )
