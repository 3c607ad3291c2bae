"""How often verifiers err, measured by a second look at some rows, and what that does to a share of wrong labels."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from scipy import special

from noisecleaner.arrays import BoolArray, FloatArray, IntArray
from noisecleaner.noise.estimate import CONFIDENCE
from noisecleaner.noise.rate import Interval, Rate

#: Pairs of probabilities that are weighed against each other, equally likely before any row was looked at twice: that a
#: look is wrong, which is rare (a Beta distribution), and that the first look lets a wrong label pass because it was
#: seen, which half of all verifiers never do.
_STEPS = (np.arange(60) + 0.5) / 60
_WRONG, _PASSES = (
    grid.ravel()
    for grid in np.meshgrid(
        special.betaincinv(0.5, 4, _STEPS), np.concatenate([np.zeros(30), special.betaincinv(1, 1.5, _STEPS[::2])])
    )
)
#: Pairs that are computed at a time.
_BLOCK = 300
#: Quantiles of a share that stand for its distribution.
_QUANTILES = (np.arange(100) + 0.5) / 100
#: How sure label quality and suggestions may be at most.
_DOUBT, _SUREST = 0.01, 0.95
#: What is left of the difference between right and wrong labels where verifiers err so often that nothing can be told.
_LEAST = 0.1
#: Pairs that are so much less probable than on the average count for nothing.
_RARE = 1e-3


@dataclass(frozen=True, kw_only=True)
class Looks:
    """Rows that were verified, once or twice; every array has the shape [rows].

    Args:
        given: class index of the given label.
        first: of the verified label, `NO_CLASS` where none is right.
        second: of what a second look saw, likewise; `UNVERIFIED` where there was none.
        expected: 1 - label quality, NaN where unknown.
        suggested: class index of the suggested label, -1 where there is none.
        confidence: probability that it is right, NaN where unknown.
        classes: number of classes.
    """

    given: IntArray
    first: IntArray
    second: IntArray
    expected: FloatArray
    suggested: IntArray
    confidence: FloatArray
    classes: int

    def __len__(self) -> int:
        return len(self.given)

    def only(self, rows: BoolArray) -> Looks:
        """Return some of the rows: which, shape [rows]."""
        return Looks(
            given=self.given[rows],
            first=self.first[rows],
            second=self.second[rows],
            expected=self.expected[rows],
            suggested=self.suggested[rows],
            confidence=self.confidence[rows],
            classes=self.classes,
        )

    @property
    def agree(self) -> BoolArray:
        """Rows at which both looks saw the same."""
        agree: BoolArray = self.first == self.second
        return agree

    @property
    def kappa(self) -> float:
        """Cohen's kappa (1960) of both looks: agreement beyond that of chance; NaN where all saw one label."""
        _, codes = np.unique(np.concatenate([self.first, self.second]), return_inverse=True)
        first, second = (np.bincount(part, minlength=codes.max() + 1) for part in np.split(codes, 2))
        chance = float(first @ second) / len(self) ** 2
        return (float(self.agree.mean()) - chance) / (1 - chance) if chance < 1 else math.nan


@dataclass(frozen=True, kw_only=True)
class VerifierErrors:
    """What is known of the errors of verifiers: a distribution of two probabilities, on a grid.

    Args:
        weights: how probable each pair of the grid is, sums to 1, shape [grid].
        others: wrong answers that there are: the other classes, and that none is right.
    """

    weights: FloatArray = field(repr=False)
    others: int

    @classmethod
    def measure(cls, looks: Looks) -> VerifierErrors:
        """Weigh both probabilities by how well they explain what was seen (Bayes' rule).

        A look is wrong with one probability, whoever looks, and then names any other answer alike; before that, the
        first one lets a wrong label pass with the other probability. Given the right label both looks err apart. How
        probable a label is to be wrong, and which one is right then, are told by the scores.

        Args:
            looks: at least one row, each looked at twice; a random part of the audited ones.
        """
        fit = np.concatenate(
            [
                np.log(_likelihood(looks, wrong=_WRONG[at : at + _BLOCK], passes=_PASSES[at : at + _BLOCK])).sum(axis=0)
                for at in range(0, len(_WRONG), _BLOCK)
            ]
        )
        weights = np.exp(fit - fit.max())
        return cls(weights=weights / weights.sum(), others=looks.classes)

    @cached_property
    def wrong(self) -> Interval:
        """How often a look gives a wrong answer, with a 95 % interval."""
        return _interval(_WRONG, self.weights, float(self.weights @ _WRONG))

    @cached_property
    def misses(self) -> Interval:
        """How often the first look calls a wrong label right, for either reason, with a 95 % interval."""
        missed = _missed(_WRONG, _PASSES, self.others)
        return _interval(missed, self.weights, float(self.weights @ missed))

    def moved(self, rate: Rate) -> Rate:
        """Turn the share of labels that first looks call wrong into the share of wrong labels.

        The estimator of Rogan and Gladen (1978), with an interval that also holds what is not known of the errors.

        Args:
            rate: of all rows; without an interval it comes back as it is.
        """
        seen = rate.interval
        if seen is None:
            return rate
        wrong, kept, weights = self._told
        shares = np.clip((_quantiles(seen)[:, None] - wrong) / kept, 0, 1)
        weights = np.broadcast_to(weights, shares.shape)
        told = _interval(shares.ravel(), weights.ravel())
        return replace(rate, value=told.value, low=told.low, high=told.high)

    def widened(self, rate: Rate) -> Rate:
        """Put an interval around the share that first looks call wrong and around that which is `moved`.

        Of a part of the rows, such as a class, nobody knows whether verifiers err there as they do on the whole.

        Args:
            rate: of a part of the rows; without an interval it comes back as it is.
        """
        seen, moved = rate.interval, self.moved(rate).interval
        if seen is None or moved is None:
            return rate
        return replace(rate, low=min(seen.low, moved.low), high=max(seen.high, moved.high))

    @cached_property
    def _told(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """How often looks are wrong, how much of a share that leaves, and the weights: of pairs that are probable."""
        kept = 1 - _WRONG - _missed(_WRONG, _PASSES, self.others)
        probable = (self.weights > _RARE / len(self.weights)) & (kept > _LEAST)
        return _WRONG[probable], kept[probable], self.weights[probable]


def _missed(wrong: FloatArray, passes: FloatArray, others: int) -> FloatArray:
    """The probability that the first look calls a wrong label right: it lets it pass, or errs."""
    return passes + (1 - passes) * wrong / others


def _likelihood(looks: Looks, *, wrong: FloatArray, passes: FloatArray) -> FloatArray:
    """The probability of what was seen, shape [rows, pairs].

    Args:
        looks: the rows.
        wrong: that a look is wrong, shape [pairs].
        passes: that the first one lets a wrong label pass, shape [pairs].
    """
    slip = wrong / looks.classes

    def saw(right: BoolArray) -> FloatArray:
        """The probability of a look that saw the right label, or did not, shape [rows, pairs]."""
        return np.where(right[:, None], 1 - wrong, slip)

    confirmed = (looks.first == looks.given)[:, None]

    def first_saw(right: BoolArray) -> FloatArray:
        """The same of the first look where the given label is wrong."""
        return (1 - passes) * saw(right) + np.where(confirmed, passes, 0)

    given_right = saw(looks.first == looks.given) * saw(looks.second == looks.given)
    first, second = (_chance(looks, label)[:, None] for label in (looks.first, looks.second))
    second = np.where(looks.agree[:, None], 0, second)
    everyone = np.ones(len(looks), dtype=bool)
    given_wrong = (
        first * first_saw(everyone) * saw(looks.agree)
        + second * first_saw(~everyone) * saw(everyone)
        + np.clip(1 - first - second, 0, 1) * first_saw(~everyone) * saw(~everyone)
    )
    prior = _prior(looks, wrong=wrong, missed=_missed(wrong, passes, looks.classes))
    likelihood: FloatArray = (1 - prior) * given_right + prior * given_wrong
    return likelihood


def _prior(looks: Looks, *, wrong: FloatArray, missed: FloatArray) -> FloatArray:
    """The probability that a given label is wrong, shape [rows, pairs]: label quality was fitted on first looks."""
    known = looks.expected[np.isfinite(looks.expected)]
    usual = float(known.mean()) if len(known) else float((looks.first != looks.given).mean())
    called = np.nan_to_num(looks.expected, nan=usual)[:, None]
    share: FloatArray = (called - wrong) / np.maximum(1 - wrong - missed, _LEAST)
    return np.clip(share, _DOUBT, 1 - _DOUBT)


def _chance(looks: Looks, label: IntArray) -> FloatArray:
    """The probability that a label is the right one where the given one is wrong, shape [rows]."""
    even = 1 / looks.classes
    sure = np.clip(np.nan_to_num(looks.confidence, nan=even), even, max(even, _SUREST))
    rest = (1 - sure) / max(1, looks.classes - 1)
    told = np.where(label == looks.suggested, sure, rest)
    return np.where(label == looks.given, 0.0, np.where(looks.suggested >= 0, told, even))


def _quantiles(seen: Interval) -> FloatArray:
    """Quantiles of a share: normal, with a deviation of its own on each side of the estimate."""
    z, half = special.ndtri(_QUANTILES), float(special.ndtri(0.5 + CONFIDENCE / 2))
    below, above = (seen.value - seen.low) / half, (seen.high - seen.value) / half
    shares: FloatArray = seen.value + z * np.where(z < 0, below, above)
    return shares


def _interval(values: FloatArray, weights: FloatArray, value: float | None = None) -> Interval:
    """Take quantiles of a weighted sample of shares, and its median where no other value is given."""
    order, beyond = np.argsort(values), (1 - CONFIDENCE) / 2
    total = np.cumsum(weights[order])
    places = np.searchsorted(total, total[-1] * np.array([beyond, 0.5, 1 - beyond]))
    low, middle, high = values[order][places].tolist()
    middle = middle if value is None else value
    return Interval(value=middle, low=min(low, middle), high=max(high, middle))
