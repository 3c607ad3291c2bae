"""Shares with honest intervals: what was audited, sharpened by what the scores expect of all rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, TypedDict

import numpy as np
from scipy import special

from noisecleaner.arrays import BoolArray, FloatArray
from noisecleaner.noise.rate import UNKNOWN, Interval, Rate

CONFIDENCE = 0.95
#: The interval of a class that leans on the scores (`small_areas`) holds at least this central part of what the class's
#: own verified rows say. Where the scores mislead about some classes, and about others not, they alone would cover the
#: first in a quarter of draws.
OWN_PART = 0.5
#: Audited rows of each kind below which the normal approximation behind the sharpened interval is not trusted. On
#: CIFAR-10N, classes with 15 or more of both kinds were covered in 94 to 96 % of draws, with 10 in as few as 89 %.
MIN_EVENTS = 15
#: A probability that is 1 but for rounding.
_SURE = 1 - 1e-9


def wilson(share: float, *, size: float, confidence: float = CONFIDENCE) -> Interval:
    """Compute Wilson's score interval (1927) around a share seen in a sample of some (effective) size.

    Args:
        share: in [0, 1].
        size: above 0; not an integer where rows stand for unequal parts of the dataset.
        confidence: of the two-sided interval.
    """
    z = _quantile(confidence)
    middle = (share + z * z / (2 * size)) / (1 + z * z / size)
    half = z / (1 + z * z / size) * math.sqrt(share * (1 - share) / size + z * z / (4 * size * size))
    # at 0 and 1 the ends are exact, and rounding must not put them outside
    low = 0.0 if share == 0 else max(0.0, middle - half)
    return Interval(value=share, low=low, high=1.0 if share == 1 else min(1.0, middle + half))


def wilson_of(share: float, *, sample: float, rows: float) -> Interval:
    """Compute Wilson's interval around the share of some rows, of which a sample was drawn without replacement.

    The finite population correction narrows it until nothing is left to be unsure of. Because wrong rows are whole
    ones, half a row is added on either side: without that, intervals of samples of half the rows or more held the
    truth in as few as 80 % of draws where one to three rows are wrong, with it in 94 % or more.

    Args:
        share: in the sample, in [0, 1].
        sample: its (effective) size, above 0.
        rows: all rows.
    """
    if sample >= rows:
        return Interval(value=share, low=share, high=share)
    interval, half = wilson(share, size=sample / (1 - sample / rows)), 0.5 / rows
    return Interval(value=share, low=max(0.0, interval.low - half), high=min(1.0, interval.high + half))


@dataclass(frozen=True, kw_only=True)
class Audit:
    """Verified rows of a dataset; every array has the shape [verified rows].

    Args:
        wrong: whether the given label is wrong.
        expected: 1 - label quality by a model that saw neither the row's outcome nor was steered by it; NaN where there
            is none.
        probability: with which the row was drawn to be verified, in (0, 1].
    """

    wrong: BoolArray
    expected: FloatArray
    probability: FloatArray

    def __len__(self) -> int:
        return len(self.wrong)

    @property
    def errors(self) -> int:
        """How many of the rows have a wrong label."""
        return int(self.wrong.sum())

    @property
    def sharpens(self) -> bool:
        """Whether there are enough rows of both kinds, wrong and right, that have an expectation."""
        sharp = self.wrong[np.isfinite(self.expected)]
        return min(int(sharp.sum()), int((~sharp).sum())) >= MIN_EVENTS

    def only(self, rows: BoolArray) -> Audit:
        """Return some of the rows.

        Args:
            rows: which, shape [verified rows].
        """
        return Audit(wrong=self.wrong[rows], expected=self.expected[rows], probability=self.probability[rows])

    def rate(self, expected: float | None, *, rows: int | None, fitted: int = 0) -> Rate:
        """Estimate the share of wrong labels in a part of the dataset of which these rows are the verified ones.

        Where every row was verified it is counted. With enough verified rows of both kinds this is the difference
        estimator of survey sampling (Särndal et al., 1992, chapter 6), known as prediction-powered inference
        (Angelopoulos et al., 2023): the mean that the scores expect, corrected by what the verified rows show them to
        be wrong by. Its variance, that of a sample without replacement, gives an effective sample size, around which
        Wilson's interval is put.

        Args:
            expected: mean of 1 - label quality over all rows of that part, None where it is not known.
            rows: of that part, None where nobody knows how many there are.
            fitted: how many numbers of the models that decided about these rows were fitted on others of them; what
                those add to the variance is counted like the coefficients of a regression.
        """
        if not len(self):
            return UNKNOWN
        if (self.probability >= _SURE).all():
            return self._sure(rows)
        if expected is None or not self.sharpens:
            interval = wilson_of(self.share().share, **self._of_all())
            return Rate.around(interval, sample_size=len(self), events=self.errors, method="wilson")
        share, variance = self._sharpened(expected)
        size = share * (1 - share) / variance * max(1 - fitted / len(self), 0.5)
        return Rate.around(
            wilson(share, size=size), sample_size=len(self), events=self.errors, method="prediction-powered"
        )

    def _sure(self, rows: int | None) -> Rate:
        """Count where every row of the part was sure to be verified; else these are the ones that were, of all."""
        share, size = float(self.wrong.mean()), len(self)
        if rows == size:
            counted = Interval(value=share, low=share, high=share)
            return Rate.around(counted, sample_size=size, events=self.errors, method="count")
        # a row that could have been left out, and was, tells of itself by no probability
        interval = wilson(share, size=size) if rows is None else wilson_of(share, sample=size, rows=rows)
        return Rate.around(interval, sample_size=size, events=self.errors, method="wilson")

    def share(self) -> Sample:
        """Compute the share of wrong labels, and the size of a plain sample that would tell it as well.

        Rows that stand for unequal parts of the dataset count as fewer (Kish's effective sample size, 1965). There must
        be a row.
        """
        stands_for = 1 / self.probability
        share = float(stands_for @ self.wrong / stands_for.sum())
        return Sample(share, float(stands_for.sum() ** 2 / (stands_for**2).sum()))

    def _of_all(self) -> _Drawn:
        """Compute the size of a plain sample that would tell the share as well, and of how many rows it is one."""
        stands_for = 1 / self.probability
        rows, unsure = float(stands_for.sum()), float((1 - self.probability) @ stands_for**2)
        # n rows without replacement of N leave the variance of n / (1 - n / N) with it, here rows^2 / unsure
        return _Drawn(sample=rows**2 / (unsure + rows), rows=rows)

    def _sharpened(self, expected: float) -> Estimate:
        """Estimate the share, in (0, 1), from rows with and without an expectation."""
        sharp = np.isfinite(self.expected)
        parts = [_regressed(self.only(sharp), expected)]
        if not sharp.all():
            # rows that steered training: no honest score, but a sample of their own
            parts.append(_regressed(self.only(~sharp), None))
        precision = np.array([1 / part.variance for part in parts])
        share = float(precision @ [part.value for part in parts] / precision.sum())
        least = 1 / (2 * len(self))
        return Estimate(min(max(share, least), 1 - least), float(1 / precision.sum()))


class _Drawn(TypedDict):
    """A sample that was drawn without replacement: its effective size, and how many rows it was drawn from."""

    sample: float
    rows: float


class Sample(NamedTuple):
    """A share of wrong labels, and the size of the plain sample that would tell it as well."""

    share: float
    size: float


class Estimate(NamedTuple):
    """An estimate and its variance, which is above 0."""

    value: float
    variance: float


@dataclass(frozen=True)
class Stratum:
    """A part of a dataset: the share of wrong labels in it, with an interval, and how many rows it has."""

    rate: Rate
    rows: int

    @property
    def errors(self) -> Estimate:
        """The number of wrong labels; its variance is read off the interval."""
        value, low, high = (end or 0.0 for end in (self.rate.value, self.rate.low, self.rate.high))
        deviation = (high - low) / (2 * _quantile(CONFIDENCE))
        return Estimate(value * self.rows, (deviation * self.rows) ** 2)


def part_of_errors(stratum: Stratum, *, rest: Stratum) -> Rate:
    """Estimate which share of all wrong labels lies in one of two strata, from the shares of wrong labels in both.

    The variance follows by linearisation; the strata were verified independently.

    Args:
        stratum: the one that is asked about.
        rest: the other one.
    """
    (inside, inside_variance), (outside, outside_variance) = stratum.errors, rest.errors
    whole = inside + outside
    share = inside / whole
    variance = (outside**2 * inside_variance + inside**2 * outside_variance) / whole**4
    interval = wilson(share, size=share * (1 - share) / variance)
    events = stratum.rate.events, rest.rate.events
    return Rate.around(interval, sample_size=sum(events), events=events[0], method=stratum.rate.method)


def _regressed(audit: Audit, expected: float | None) -> Estimate:
    """Regression estimator of the share of wrong labels and its variance (Särndal et al., 1992, eq. 6.6.2).

    Args:
        audit: the verified rows.
        expected: mean of the scores over the whole; None takes the plain mean of what was verified.
    """
    stands_for = 1 / audit.probability
    # how much a row's residual adds to the variance: nothing of a census
    spread = (1 - audit.probability) * stands_for**2
    slope = 0.0 if expected is None else _slope(audit, stands_for, spread)
    residuals = audit.wrong - slope * audit.expected if slope else audit.wrong.astype(np.float64)
    mean = float(np.average(residuals, weights=stands_for))
    size, used = len(audit), 1 if expected is None else 2
    inflated = size / max(size - used, 1)
    seen = inflated * float(spread @ (residuals - mean) ** 2)
    # rows that the scores are quite wrong about may be so rare that none was verified: up to 3 in n (rule of three)
    unseen = float(spread.sum()) * 3 / size
    return Estimate(mean + slope * (expected or 0.0), max(seen, unseen, 1e-12) / stands_for.sum() ** 2)


def _slope(audit: Audit, stands_for: FloatArray, spread: FloatArray) -> float:
    """Of the outcomes over the scores, 0 where the scores would only add variance.

    Args:
        audit: the verified rows, each with a score.
        stands_for: how many rows each stands for, shape [verified rows].
        spread: how much a row's residual adds to the variance, shape [verified rows].
    """
    wrong, scores = (x - np.average(x, weights=stands_for) for x in (audit.wrong.astype(np.float64), audit.expected))
    power = float(spread @ (scores**2))
    return max(0.0, float(spread @ (wrong * scores)) / power) if power else 0.0


def _quantile(confidence: float) -> float:
    """How many standard deviations wide a two-sided interval is on each side."""
    return float(special.ndtri(0.5 + confidence / 2))
