"""Designs: with which probability each row is drawn to be verified."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from noisecleaner.arrays import BoolArray, FloatArray, IntArray

#: Share of the new rows that is drawn evenly, so that no row is out of reach where label quality is sure but wrong.
_EVEN = 0.2
#: A scale of the doubt that nothing reaches unless nothing is in doubt.
_ENDLESS = 1e12


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The rows from which some are drawn; every array has the shape [rows].

    Args:
        quality: label quality, NaN where a row has none.
        usable: rows with label quality and a given label.
        verified: those of them that somebody has verified.
        before: the probability with which each could have been drawn earlier, below 1 for open rows.
    """

    quality: FloatArray
    usable: BoolArray
    verified: BoolArray
    before: FloatArray

    @cached_property
    def open_rows(self) -> BoolArray:
        """Usable rows that nobody has verified, shape [rows]."""
        return self.usable & ~self.verified

    @cached_property
    def doubt(self) -> FloatArray:
        """The standard deviation that label quality q expects of a row's outcome, sqrt(q (1 - q)), shape [rows]."""
        return np.asarray(np.sqrt(np.clip(self.quality * (1 - self.quality), 0, None)))


@dataclass(frozen=True, kw_only=True)
class Design:
    """Which rows are drawn.

    Args:
        drawn: new rows to verify, shape [rows].
        probability: with which each is verified now, by this draw or earlier, shape [rows].
        shrinks: how long the interval of the noise rate will be by comparison with as many rows drawn evenly, as label
            quality expects it.
    """

    drawn: BoolArray
    probability: FloatArray
    shrinks: float


def draw(frame: Frame, *, count: int, seed: int) -> Design:
    """Draw rows to verify.

    Rows are drawn with probability proportional to the standard deviation that label quality expects of their outcome
    (Neyman, 1934), a fifth of them evenly; systematically in the order of label quality, which spreads them over it.

    Args:
        frame: the rows.
        count: how many, at most as many as are open.
        seed: of the draw.
    """
    rows, before = frame.open_rows, frame.before
    fresh = probabilities(doubt=np.nan_to_num(frame.doubt), before=before, open_rows=rows, count=count)
    fresh = np.where(frame.usable, fresh, 0.0)
    candidates = np.flatnonzero(rows)[np.argsort(frame.quality[rows], kind="stable")]
    drawn = np.zeros(len(rows), dtype=bool)
    drawn[candidates[systematic(fresh[candidates], np.random.default_rng((seed, len(rows))))]] = True
    probability = before + (1 - before) * fresh
    plain = _variance(frame, before + (1 - before) * count / rows.sum())
    shrinks = float(np.sqrt(_variance(frame, probability) / plain)) if plain else 1.0
    return Design(drawn=drawn, probability=probability, shrinks=shrinks)


def probabilities(*, doubt: FloatArray, before: FloatArray, open_rows: BoolArray, count: float) -> FloatArray:
    """Compute with which probability each row is drawn if it is open, so that `count` open rows are drawn in all.

    Args:
        doubt: expected standard deviation of each row's outcome, shape [rows].
        before: the probability with which it could have been drawn earlier, below 1 for open rows, shape [rows].
        open_rows: those that nobody verified, shape [rows].
        count: at most as many as these.

    Returns:
        Shape [rows]; for a row that is not open, what it would have been.
    """
    even = _EVEN * count / open_rows.sum()

    def fresh(scale: float) -> FloatArray:
        """What an overall probability of scale * doubt leaves to this draw."""
        return np.asarray(np.clip(even + np.maximum(scale * doubt - before, 0) / np.maximum(1 - before, 1e-9), 0, 1))

    low, high = 0.0, float(1 / max(doubt[open_rows].max(), 1e-9))
    while fresh(high)[open_rows].sum() < count and high < _ENDLESS:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if fresh(middle)[open_rows].sum() < count else (low, middle)
    if high >= _ENDLESS:  # nothing is in doubt
        return np.full(len(doubt), count / open_rows.sum())
    return fresh(high)


def systematic(probability: FloatArray, rng: np.random.Generator) -> IntArray:
    """Draw rows systematically: each with its probability, as many as these sum up to.

    Args:
        probability: of each row, in the order in which they lie side by side, shape [rows].
        rng: one number is drawn from it.

    Returns:
        Positions in ascending order, shape [drawn rows].
    """
    ends = np.cumsum(probability)
    count = round(float(ends[-1]))
    ends *= count / ends[-1]
    return np.unique(np.searchsorted(ends, rng.random() + np.arange(count), side="right").clip(0, len(ends) - 1))


def _variance(frame: Frame, probability: FloatArray) -> float:
    """Expected variance of the estimated number of wrong labels (Horvitz and Thompson, 1952), for small probabilities.

    Args:
        frame: the rows.
        probability: with which each is verified, shape [rows].
    """
    return float((frame.doubt[frame.usable] ** 2 / probability[frame.usable]).sum())
