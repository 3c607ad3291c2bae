"""Rates of classes of which few rows were verified: they lean on the scores, as far as classes keep to these.

A row of class c that the scores expect to be wrong with log odds x is wrong with log odds a x + b + u. One slope a and
one intercept b hold for all classes; the shift u is the class's own, drawn from Student's t around a common centre with
a common spread. Slope and intercept are fitted on all verified rows, spread and centre are integrated over (uniform
priors), and the shift of a class is what its own verified rows leave of that: a class with many of them goes its own
way, one with few follows the scores as well as other classes do. This is the unit-level model of small area estimation
for a share (Rao and Molina, Small Area Estimation, 2nd edition, 2015, sections 9.5 and 10.13).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from scipy import special, stats

from noisecleaner.arrays import ByteArray, FloatArray, IntArray
from noisecleaner.noise.estimate import CONFIDENCE, OWN_PART, Audit, wilson
from noisecleaner.noise.rate import Interval, Rate
from noisecleaner.noise.running import Rest

#: Log odds are counted in bins between plus and minus this.
_REACH, _BINS = 9.0, 64
_LOG_ODDS = (np.arange(_BINS) + 0.5) * (2 * _REACH / _BINS) - _REACH
#: Shifts of a class, and centres and spreads of the shifts of all classes, over which is integrated; log odds.
_SHIFTS = np.linspace(-4, 4, 81)
_CENTRES = np.linspace(-1.5, 1.5, 31)
_SPREADS = np.array([0.03, 0.1, 0.2, 0.3, 0.45, 0.65, 0.95, 1.4, 2.0])
#: Degrees of freedom of the shifts: the tails are heavy, for a class that the scores mislead about like no other.
_FREEDOM = 3
#: Deviations of the prior of slope (around 1) and intercept (around 0), which hold them where few rows were verified.
_SLOPE_DEVIATION, _INTERCEPT_DEVIATION = 0.5, 1.0
_ROUNDS = 50
#: Rows that are counted at a time.
_BLOCK = 2**20


class Outcome(IntEnum):
    """What is known of a row; of blind ones the score is not honest, because they steered training."""

    UNKNOWN = 0
    RIGHT = 1
    WRONG = 2
    BLIND_RIGHT = 3
    BLIND_WRONG = 4


@dataclass(frozen=True, kw_only=True)
class Tallies:
    """Rows with a score by class (row) and log odds (column), as numbers of rows; every array of shape [classes, bins].

    Args:
        unknown: rows that nobody verified.
        right: verified rows with a right label and an honest score.
        wrong: those with a wrong label.
        blind_right: verified rows with a right label and no honest score.
        blind_wrong: those with a wrong label.
    """

    unknown: FloatArray
    right: FloatArray
    wrong: FloatArray
    blind_right: FloatArray
    blind_wrong: FloatArray

    @classmethod
    def of(cls, *, given: IntArray, expected: FloatArray | Rest, outcomes: ByteArray, classes: int) -> Tallies:
        """Count rows; those without a label or a score are left out.

        Args:
            given: class index of the given label, -1 where there is none, shape [rows].
            expected: 1 - label quality, NaN where unknown, shape [rows].
            outcomes: an `Outcome` of each row, shape [rows].
            classes: number of classes.
        """
        counts = np.zeros(len(Outcome) * classes * _BINS)
        for first in range(0, len(given), _BLOCK):
            part = slice(first, first + _BLOCK)
            known = (given[part] >= 0) & np.isfinite(expected[part])
            log_odds = special.logit(np.clip(expected[part][known], 1e-5, 1 - 1e-5))
            bins = np.clip((log_odds + _REACH) * (_BINS / (2 * _REACH)), 0, _BINS - 1).astype(np.int64)
            places = (outcomes[part][known].astype(np.int64) * classes + given[part][known]) * _BINS + bins
            counts += np.bincount(places, minlength=len(counts))
        unknown, right, wrong, blind_right, blind_wrong = counts.reshape(len(Outcome), classes, _BINS)
        return cls(unknown=unknown, right=right, wrong=wrong, blind_right=blind_right, blind_wrong=blind_wrong)

    @property
    def rows(self) -> FloatArray:
        """All rows, shape [classes]."""
        every = self.unknown + self.right + self.wrong + self.blind_right + self.blind_wrong
        return np.asarray(every.sum(axis=1))

    @property
    def errors(self) -> FloatArray:
        """Verified rows with a wrong label, shape [classes]."""
        return np.asarray((self.wrong + self.blind_wrong).sum(axis=1))


def estimate(tallies: Tallies) -> list[Interval | None]:
    """Estimate the share of wrong labels among the rows of each class; None where a class has no row with a score.

    Args:
        tallies: the rows.
    """
    slope, intercept = _line(right=tallies.right.sum(axis=0), wrong=tallies.wrong.sum(axis=0))
    log_odds = slope * _LOG_ODDS[:, None] + intercept + _SHIFTS
    posterior, wrong = _posterior(_likelihood(tallies, log_odds)), special.expit(log_odds)
    rows, open_rows = np.maximum(tallies.rows, 1), tallies.unknown.sum(axis=1)
    shares = (tallies.errors[:, None] + tallies.unknown @ wrong) / rows[:, None]
    value = (posterior * shares).sum(axis=1)
    below = np.cumsum(posterior, axis=1) - posterior / 2
    tails = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
    low, high = np.array([np.interp(tails, of_class, ends) for of_class, ends in zip(below, shares, strict=True)]).T
    # given the shift, it is still open which of the rows that nobody verified are wrong
    more = special.ndtri(tails[1]) ** 2 * (posterior * (tallies.unknown @ (wrong * (1 - wrong)))).sum(axis=1) / rows**2
    low = np.maximum(value - np.hypot(value - low, np.sqrt(more)), tallies.errors / rows)
    high = np.minimum(value + np.hypot(high - value, np.sqrt(more)), (tallies.errors + open_rows) / rows)
    ends = zip(value.tolist(), low.tolist(), high.tolist(), tallies.rows.tolist(), strict=True)
    return [Interval(value=v, low=min(lo, v), high=max(hi, v)) if count else None for v, lo, hi, count in ends]


def lean(rate: Rate, audit: Audit, expected: Interval | None) -> Rate:
    """Lean the rate of a class on the scores.

    Args:
        rate: by the class's own verified rows.
        audit: these rows.
        expected: what `estimate` says of the class.

    Returns:
        The rate; without an interval where no row of the class was verified.
    """
    if rate.method not in ("wilson", "none") or expected is None:
        return rate
    if not len(audit):
        return Rate.expected(expected.value, "small-area")
    share, size = audit.share()
    own = wilson(share, size=size, confidence=OWN_PART)
    interval = Interval(value=expected.value, low=min(expected.low, own.low), high=max(expected.high, own.high))
    return Rate.around(interval, sample_size=rate.sample_size, events=rate.events, method="small-area")


def _line(*, right: FloatArray, wrong: FloatArray) -> tuple[float, float]:
    """Fit slope, at least 0, and intercept of a logistic model on the log odds of all classes, by Newton's method.

    Args:
        right: verified rows with a right label, shape [bins].
        wrong: those with a wrong label, shape [bins].
    """
    design = np.stack([_LOG_ODDS, np.ones(_BINS)])
    prior, precision = np.array([1.0, 0.0]), np.array([_SLOPE_DEVIATION, _INTERCEPT_DEVIATION]) ** -2.0
    line = prior.copy()
    for _ in range(_ROUNDS):
        share = special.expit(line @ design)
        uphill = design @ (wrong - (right + wrong) * share) - precision * (line - prior)
        bend = (design * ((right + wrong) * share * (1 - share))) @ design.T + np.diag(precision)
        line = line + np.clip(np.linalg.solve(bend, uphill), -1, 1)
    return max(float(line[0]), 0.0), float(line[1])


def _likelihood(tallies: Tallies, log_odds: FloatArray) -> FloatArray:
    """Compute the likelihood of each class's verified rows at each shift, up to a factor, shape [classes, shifts].

    Args:
        tallies: the rows.
        log_odds: of being wrong, shape [bins, shifts].
    """
    logs = tallies.wrong @ special.log_expit(log_odds) + tallies.right @ special.log_expit(-log_odds)
    everyone = np.maximum(tallies.rows, 1)[:, None]
    every = tallies.unknown + tallies.right + tallies.wrong + tallies.blind_right + tallies.blind_wrong
    share = np.clip(every @ special.expit(log_odds) / everyone, 1e-12, 1 - 1e-12)
    logs += tallies.blind_wrong.sum(axis=1, keepdims=True) * np.log(share)
    logs += tallies.blind_right.sum(axis=1, keepdims=True) * np.log1p(-share)
    return np.asarray(np.exp(logs - logs.max(axis=1, keepdims=True)))


def _posterior(likelihood: FloatArray) -> FloatArray:
    """Compute the probability of each shift in each class, shape [classes, shifts].

    Args:
        likelihood: of each class's verified rows, shape [classes, shifts].
    """
    spreads, centres = (axis.ravel() for axis in np.meshgrid(_SPREADS, _CENTRES, indexing="ij"))
    shifts = stats.t.pdf((_SHIFTS - centres[:, None]) / spreads[:, None], _FREEDOM)
    shifts /= shifts.sum(axis=1, keepdims=True)  # shape [spreads and centres, shifts]
    evidence = np.maximum(likelihood @ shifts.T, 1e-300)  # shape [classes, spreads and centres]
    logs = np.log(evidence).sum(axis=0) + np.log(np.repeat(np.gradient(_SPREADS), len(_CENTRES)))
    weights = np.exp(logs - logs.max())
    posterior = likelihood * ((weights / weights.sum() / evidence) @ shifts)
    return np.asarray(posterior / posterior.sum(axis=1, keepdims=True))
