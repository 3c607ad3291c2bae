"""Rows that somebody verified, once or twice, and how probable what was seen there is where verifiers err."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from noisecleaner.arrays import BoolArray, FloatArray, IntArray
from noisecleaner.noise.cross_table import CrossTable

#: How sure label quality and suggestions may be at most.
_DOUBT, _SUREST = 0.01, 0.95
#: What is left of the difference between right and wrong labels where verifiers err so often that nothing can be told.
LEAST_KEPT = 0.1


@dataclass(frozen=True, kw_only=True)
class Errors:
    """How often verifiers err, in several ways that are compared; every array has the shape [ways].

    Args:
        first: how often a first look is wrong.
        second: how often a second one is.
        passes: how often the first one lets a wrong label pass because it was seen.
        classes: number of classes. There are as many wrong answers: the other classes, and that none is right.
    """

    first: FloatArray
    second: FloatArray
    passes: FloatArray
    classes: int

    @property
    def missed(self) -> FloatArray:
        """How often a first look calls a wrong label right: it lets it pass, or errs; of the shape of the errors."""
        return self.passes + (1 - self.passes) * self.first / self.classes

    @property
    def kept(self) -> FloatArray:
        """What first looks leave of a difference between two shares of wrong labels; of the shape of the errors."""
        return 1 - self.first - self.missed

    def only(self, ways: slice) -> Errors:
        """Return some of them."""
        return Errors(first=self.first[ways], second=self.second[ways], passes=self.passes[ways], classes=self.classes)


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

    def only(self, rows: BoolArray | IntArray) -> Looks:
        """Return some of the rows: which, shape [rows], or their places, shape [n]."""
        return Looks(
            given=self.given[rows],
            first=self.first[rows],
            second=self.second[rows],
            expected=self.expected[rows],
            suggested=self.suggested[rows],
            confidence=self.confidence[rows],
            classes=self.classes,
        )

    def kinds(self) -> tuple[Looks, IntArray]:
        """Return a row of each kind that scores and looks hardly tell apart, and how many there are, shape [kinds]."""
        sure = [np.round(self.expected, 2), np.round(self.confidence, 1)]
        same = [(self.first, self.given), (self.second, self.given), (self.first, self.second)]
        same += [(self.first, self.suggested), (self.second, self.suggested)]
        told = np.stack([np.nan_to_num(column, nan=-1) for column in sure] + [one == other for one, other in same])
        _, rows, counts = np.unique(told, axis=1, return_index=True, return_counts=True)
        return self.only(rows), counts

    @property
    def agree(self) -> BoolArray:
        """Rows at which both looks saw the same, shape [rows]."""
        agree: BoolArray = self.first == self.second
        return agree

    @property
    def kappa(self) -> float:
        """Cohen's kappa of both looks; NaN where all saw one label."""
        table = self._table()
        return table.kappa if table.by_chance < 1 else math.nan

    @property
    def kappa_at_most(self) -> float:
        """Kappa and two of its standard errors; NaN where all saw one label."""
        return self.kappa + 2 * self._table().kappa_error

    def _table(self) -> CrossTable:
        """What both looks saw; it numbers the labels anew, because that no class is right is below 0."""
        return CrossTable.of(self.first, self.second).compact()[1]


def likelihood(looks: Looks, errors: Errors) -> FloatArray:
    """Compute the probability of both looks at each row, shape [rows, ways].

    A wrong look names any other answer alike. Given the right label both looks err apart. How probable a given label is
    to be wrong, and which one is right then, are told by the scores.

    Args:
        looks: rows that were looked at twice.
        errors: how often verifiers err.
    """

    def first(right: BoolArray) -> FloatArray:
        """The probability of a first look that saw the right label, or did not, shape [rows, ways]."""
        return np.where(right[:, None], 1 - errors.first, errors.first / looks.classes)

    def second(right: BoolArray) -> FloatArray:
        return np.where(right[:, None], 1 - errors.second, errors.second / looks.classes)

    confirmed = np.where((looks.first == looks.given)[:, None], errors.passes, 0)

    def first_of_wrong(right: BoolArray) -> FloatArray:
        """The same of the first look where the given label is wrong."""
        return (1 - errors.passes) * first(right) + confirmed

    all_right = np.ones(len(looks), dtype=bool)
    one, other = (_chance(looks, label)[:, None] for label in (looks.first, looks.second))
    other = np.where(looks.agree[:, None], 0, other)
    given_right = first(looks.first == looks.given) * second(looks.second == looks.given)
    given_wrong = (
        one * first_of_wrong(all_right) * second(looks.agree)
        + other * first_of_wrong(~all_right) * second(all_right)
        + np.clip(1 - one - other, 0, 1) * first_of_wrong(~all_right) * second(~all_right)
    )
    prior = _prior(looks, errors)
    found: FloatArray = (1 - prior) * given_right + prior * given_wrong
    return found


def _prior(looks: Looks, errors: Errors) -> FloatArray:
    """The probability that a given label is wrong, shape [rows, ways]: label quality was fitted on first looks."""
    known = looks.expected[np.isfinite(looks.expected)]
    usual = float(known.mean()) if len(known) else float((looks.first != looks.given).mean())
    called = np.nan_to_num(looks.expected, nan=usual)[:, None]
    share: FloatArray = (called - errors.first) / np.maximum(errors.kept, LEAST_KEPT)
    return np.clip(share, _DOUBT, 1 - _DOUBT)


def _chance(looks: Looks, label: IntArray) -> FloatArray:
    """The probability that a label is the right one where the given one is wrong, shape [rows]."""
    even = 1 / looks.classes
    sure = np.clip(np.nan_to_num(looks.confidence, nan=even), even, max(even, _SUREST))
    rest = (1 - sure) / max(1, looks.classes - 1)
    told = np.where(label == looks.suggested, sure, rest)
    return np.where(label == looks.given, 0.0, np.where(looks.suggested >= 0, told, even))
