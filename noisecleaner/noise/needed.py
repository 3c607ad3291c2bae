"""How many more verified rows it takes until a set of rows passes the test that guarantees its share of errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import special

from noisecleaner.arrays import FloatArray
from noisecleaner.noise.design import probabilities

#: With as many rows as this asks for the test passes in about 80 %: weights and errors turn out otherwise.
_POWER = 0.88
#: Verified rows that what the scores expect of a set counts for, beside those that were verified in it.
_PRIOR = 50
#: Numbers of rows are tried in steps of so much, and then more closely, until they are exact to this share.
_STEP, _EXACT = 1.6, 0.02
#: Rows that stand for all of them where there are more.
_ROWS = 500


def p_values(*, sizes: FloatArray, errors: FloatArray | float, limit: FloatArray | float) -> FloatArray:
    """Probability of at most so many errors where their share is the limit (binomial, continued to real numbers).

    Args:
        sizes: of samples, shape [n].
        errors: among each, shape [n] or a number.
        limit: share of errors, likewise.
    """
    most = np.asarray(errors, dtype=np.float64)
    few = special.betainc(np.maximum(sizes - most, 1e-9), np.maximum(most, 0) + 1, 1 - limit)
    return np.where(most < 0, 0.0, np.where(most < sizes, few, 1.0))


@dataclass(frozen=True, kw_only=True)
class Draws:
    """What a plan would draw from some rows, and how many rows of a plain sample that is worth in sets of them.

    Args:
        expected: 1 - label quality of the rows, from the certain end, NaN where it is unknown; shape [rows].
        verified: how many were verified before.
        planned: whether a plan drew those; else they are a plain sample.
        shares: the part of the rows, from the certain end, that is in each set; shape [sets].
    """

    expected: FloatArray
    verified: int
    planned: bool
    shares: FloatArray

    @property
    def open_rows(self) -> int:
        """Rows that nobody has verified."""
        return len(self.expected) - self.verified

    def gains(self, more: int) -> FloatArray:
        """By how much the sample in each set grows with so many rows, as Kish's effective size; shape [sets]."""
        return np.maximum(self._sizes(more) - self._sizes(0), 0)

    @cached_property
    def _doubt(self) -> FloatArray:
        """The doubt about some rows, evenly spread over all of them; they stand for the rest."""
        rows = np.linspace(0, len(self.expected) - 1, min(len(self.expected), _ROWS)).round().astype(np.int64)
        expected = self.expected[rows]
        return np.asarray(np.sqrt(np.clip(np.nan_to_num(expected * (1 - expected)), 0, None)))

    @cached_property
    def _before(self) -> FloatArray:
        """With which probability each of these was drawn until now."""
        if self.planned:
            return self._drawn(np.zeros(len(self._doubt)), self.verified)
        return np.full(len(self._doubt), self.verified / len(self.expected))

    def _drawn(self, before: FloatArray, more: int) -> FloatArray:
        count = more * len(before) / len(self.expected)
        fresh = probabilities(doubt=self._doubt, before=before, open_rows=np.ones(len(before), bool), count=count)
        return np.asarray(before + (1 - before) * fresh)

    def _sizes(self, more: int) -> FloatArray:
        before = self._before
        stands_for = np.cumsum(1 / np.maximum(self._drawn(before, more) if more else before, 1e-12))
        ends = np.maximum(np.round(self.shares * len(before)).astype(np.int64), 1)
        return np.asarray(ends**2 / stands_for[ends - 1] * (len(self.expected) / len(before)))


@dataclass(frozen=True, kw_only=True)
class Growth:
    """Sets of rows that grow from the certain end, and what more verified rows do to them; arrays of shape [sets].

    Args:
        sizes: verified rows in each.
        errors: how many of these are there wrongly.
        expected: share of rows that are there wrongly, as the scores expect it.
        draws: what a plan would draw.
        limit: share of rows that may be there wrongly.
        level: the error probability of the test.
        starts: errors that the first set of each sequence of tests may hold.
    """

    sizes: FloatArray
    errors: FloatArray
    expected: FloatArray
    draws: Draws
    limit: float
    level: float
    starts: Sequence[int]

    @property
    def shares(self) -> FloatArray:
        """What share of each is there wrongly, by the scores and by the rows that were verified, shape [sets]."""
        return np.asarray((self.errors + _PRIOR * self.expected) / (self.sizes + _PRIOR))

    def needed(self) -> int | None:
        """Find how many more rows make a sequence start with a probability of about 80 %, at most all that are left.

        None where there is no set that holds few enough errors.
        """
        if not (self.shares < self.limit).any():
            return None
        few, many, most = 0, 1, self.draws.open_rows
        while many < most and not self._likely(many):
            few, many = many, math.ceil(many * _STEP)
        many = min(many, most)
        while many - few > max(1, _EXACT * many):
            middle = (few + many) // 2
            few, many = (few, middle) if self._likely(middle) else (middle, many)
        return many

    def _likely(self, more: int) -> bool:
        """Whether a sequence starts probably after so many more rows; what was found wrong until now stays wrong."""
        fresh = self.draws.gains(more)
        for allowed in self.starts:
            testable = p_values(sizes=self.sizes + fresh, errors=allowed, limit=self.limit) <= self.level
            if not testable.any():
                continue
            first = int(testable.argmax())
            room = allowed - self.errors[first]
            chance = p_values(sizes=fresh[first : first + 1], errors=room, limit=self.shares[first])
            if chance[0] >= _POWER:
                return True
        return False
