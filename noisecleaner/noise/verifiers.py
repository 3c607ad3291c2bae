"""How often verifiers err, measured by a second look at some rows, and what that does to a share of wrong labels."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from scipy import special

from noisecleaner.arrays import FloatArray
from noisecleaner.noise.estimate import CONFIDENCE
from noisecleaner.noise.looks import LEAST_KEPT, Errors, Looks, likelihood
from noisecleaner.noise.rate import Interval, Rate

#: What is weighed against each other, equally likely before any row was looked at twice: how often a second and a first
#: look are wrong, which is rare (Beta distributions), and how often the first one lets a wrong label pass because it
#: was seen, which half of all verifiers never do.
_SECOND, _FIRST, _PASSES = np.meshgrid(
    special.betaincinv(0.5, 4, (np.arange(20) + 0.5) / 20),
    special.betaincinv(0.5, 4, (np.arange(40) + 0.5) / 40),
    np.concatenate([np.zeros(20), special.betaincinv(1, 1.5, (np.arange(20) + 0.5) / 20)]),
    indexing="ij",
)
#: Of them so many are computed at a time.
_BLOCK = 2_000
#: Quantiles of a share that stand for its distribution.
_QUANTILES = (np.arange(100) + 0.5) / 100
#: What is so much less probable than on the average counts for nothing.
_RARE = 1e-3


@dataclass(frozen=True, kw_only=True)
class VerifierErrors:
    """What is known of the errors of verifiers: a distribution over a grid.

    Args:
        ways: how often they may err.
        weights: how probable each way is, sums to 1, shape [ways].
    """

    ways: Errors
    weights: FloatArray = field(repr=False)

    @classmethod
    def measure(cls, looks: Looks) -> VerifierErrors:
        """Weigh all ways to err by how well they explain what was seen (Bayes' rule, see `looks.likelihood`).

        Args:
            looks: at least one row, each looked at twice; a random part of the audited ones.
        """
        grid = (_FIRST.ravel(), _SECOND.ravel(), _PASSES.ravel())
        ways = Errors(first=grid[0], second=grid[1], passes=grid[2], classes=looks.classes)
        kinds, counts = looks.kinds()
        blocks = (slice(at, at + _BLOCK) for at in range(0, len(ways.first), _BLOCK))
        fit = np.concatenate([counts @ np.log(likelihood(kinds, ways.only(block))) for block in blocks])
        weights = np.exp(fit - fit.max()).reshape(len(_SECOND), -1).sum(axis=0)
        # nothing hangs on the second looks any more
        return cls(ways=ways.only(slice(len(weights))), weights=weights / weights.sum())

    @cached_property
    def wrong(self) -> Interval:
        """How often a first look gives a wrong answer, with a 95 % interval."""
        return _interval(self.ways.first, self.weights, float(self.weights @ self.ways.first))

    @cached_property
    def misses(self) -> Interval:
        """How often a first look calls a wrong label right, for either reason, with a 95 % interval."""
        return _interval(self.ways.missed, self.weights, float(self.weights @ self.ways.missed))

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
        told = _interval(shares.ravel(), np.broadcast_to(weights, shares.shape).ravel())
        # errors that nobody saw may be up to 3 in n (rule of three)
        unseen = min(1.0, 3 / max(1, rate.sample_size))
        high, low = max(told.high, unseen), min(told.low, 1 - unseen)
        return replace(rate, value=told.value, low=min(low, told.value), high=high)

    def widened(self, rate: Rate) -> Rate:
        """Move a share of a part of the rows, such as a class, and leave what first looks call wrong in its interval.

        Nobody knows whether verifiers err in a part as they do on the whole.

        Args:
            rate: of a part of the rows; without an interval it comes back as it is.
        """
        seen, moved = rate.interval, self.moved(rate).interval
        if seen is None or moved is None:
            return rate
        return replace(rate, value=moved.value, low=min(seen.low, moved.low), high=max(seen.high, moved.high))

    @cached_property
    def _told(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """How often first looks are wrong, how much of a share that leaves, and the weights: of what is probable."""
        kept = self.ways.kept
        probable = (self.weights > _RARE / len(self.weights)) & (kept > LEAST_KEPT)
        return self.ways.first[probable], kept[probable], self.weights[probable]


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
