"""Whether two samples come from one distribution, whatever the mix of their classes: permutation tests within strata.

Where both samples are alike, which of them a row belongs to may be permuted among the rows of a stratum, and a test
that compares what was seen with such permutations is exact, whatever its statistic (Pitman, 1937).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import stats

from noisecleaner.arrays import Array, BoolArray, FloatArray, IntArray, RealArray, SingleArray

#: Permutations that what was seen is compared with: the least p-value is 0.002.
_DRAWS = 499
#: And how many of them are looked at together.
_COLUMNS = 50
#: Strata at most, and parts of the rows, each told by a classifier that was fitted on the others.
_STRATA, _PARTS = 10, 5
#: Weight of the ridge penalty, as a share of the rows.
_RIDGE = 0.1
#: Standardised numbers beyond this are taken for it: one odd row must not be a direction of its own.
_FAR = 5.0


class Means(NamedTuple):
    """Means of two samples; that of the first one is taken over the mix of strata of the second."""

    first: float
    second: float
    p_value: float


class Found(NamedTuple):
    """A statistic, and how often permuted samples reach it."""

    value: float
    p_value: float


@dataclass(frozen=True)
class Samples:
    """Rows of two samples that are compared within strata; make it with `of`.

    Args:
        rows: which rows of both samples together, the first one's in front, take part, shape [n].
        strata: of each, shape [n].
        second: whether it belongs to the second sample, as 1 and 0; in column 0 as it is, in the others permuted,
            shape [n, draws + 1].
    """

    rows: IntArray
    strata: IntArray
    second: SingleArray

    @classmethod
    def of(cls, first: IntArray, second: IntArray, *, seed: int) -> Samples:
        """Put two samples together.

        Args:
            first: classes of its rows, shape [rows].
            second: likewise.
            seed: of the permutations.
        """
        everyone = np.concatenate([first, second])
        belongs = np.arange(len(everyone)) >= len(first)
        strata = _strata(everyone, belongs)
        rows = np.flatnonzero(strata >= 0)
        rng = np.random.default_rng(seed)
        return cls(rows, strata[rows], _permuted(belongs[rows], strata[rows], rng))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def sizes(self) -> tuple[int, int]:
        """How many rows of the first and of the second sample are compared."""
        second = int(self.second[:, 0].sum())
        return len(self) - second, second

    def only(self, known: BoolArray) -> Samples:
        """Leave out rows of which something is not known.

        Args:
            known: of all rows of both samples together, shape [rows].
        """
        kept = known[self.rows]
        belongs, strata = self.second[kept, 0] > 0, self.strata[kept]
        return Samples(self.rows[kept], strata, _permuted(belongs, strata, np.random.default_rng(0)))

    def parts(self) -> Iterator[IntArray]:
        """Yield the places of the rows of each stratum, shape [its rows]."""
        for stratum in np.unique(self.strata):
            yield np.flatnonzero(self.strata == stratum)


def told_apart(samples: Samples, looks: RealArray) -> Found:
    """Test whether a classifier can tell rows of the two samples apart (Lopez-Paz and Oquab, 2017).

    The classifier is linear in the numbers and their squares (ridge regression of the sample on both, which gives the
    direction of Fisher's discriminant). Each part of the rows is told by one that was fitted on the other parts.

    Args:
        samples: the rows.
        looks: numbers of all rows of both samples together, shape [rows, numbers].

    Returns:
        Area under the ROC curve within strata, 0.5 by chance.
    """
    numbers = _centred(_with_squares(looks[samples.rows]), samples).astype(np.float32)
    labels = _centred(samples.second, samples).astype(np.float32)
    part = np.random.default_rng(0).permutation(len(samples)) % _PARTS
    # what all rows together give, less what a part gives, is what the other parts give
    squares, products = numbers.T @ numbers, numbers.T @ labels
    penalty = _RIDGE * len(samples) * np.eye(numbers.shape[1], dtype=np.float32)
    scores = np.empty_like(labels)
    for held in (part == number for number in range(_PARTS)):
        own = numbers[held]
        scores[held] = own @ np.linalg.solve(squares - own.T @ own + penalty, products - own.T @ labels[held])
    lengths = np.sqrt((scores**2).sum(axis=0))
    return Found(_area(samples, scores[:, 0]), _p_value((scores * labels).sum(axis=0) / np.maximum(lengths, 1e-12)))


def means(samples: Samples, values: FloatArray) -> Means:
    """Test whether a number has the same mean in both samples.

    Args:
        samples: the rows.
        values: of all rows of both samples together, shape [rows].
    """
    own, (_, size) = values[samples.rows], samples.sizes
    first, second = np.zeros((2, samples.second.shape[1]))
    for part in samples.parts():
        inside, labels = own[part], samples.second[part]
        count = float(labels[:, 0].sum())
        total = inside @ labels
        second += total / size
        first += (inside.sum() - total) / (len(part) - count) * count / size
    return Means(float(first[0]), float(second[0]), _p_value(np.abs(second - first)))


def distributions(samples: Samples, values: FloatArray) -> Found:
    """Test whether a number has the same distribution in both samples (Kolmogorov and Smirnov), by rank in its stratum.

    Args:
        samples: the rows.
        values: of all rows of both samples together, shape [rows].

    Returns:
        The largest difference between both distribution functions.
    """
    own, (one, other) = values[samples.rows], samples.sizes
    ranks = np.empty(len(samples))
    for part in samples.parts():
        ranks[part] = stats.rankdata(own[part]) / len(part)
    order = np.argsort(ranks, kind="stable")
    # between rows of one rank nothing can be told
    last = np.append(np.diff(ranks[order]) > 0, True)
    apart = np.empty(samples.second.shape[1])
    for first in range(0, len(apart), _COLUMNS):
        labels = samples.second[order, first : first + _COLUMNS].astype(np.float64)
        steps = np.cumsum(labels / other - (1 - labels) / one, axis=0)
        apart[first : first + _COLUMNS] = np.abs(steps[last]).max(axis=0)
    return Found(float(apart[0]), _p_value(apart))


def _strata(classes: IntArray, second: BoolArray) -> IntArray:
    """Put classes of a like ratio of second to first rows together: within such a stratum the mix of classes is alike.

    That is stratification by the propensity score (Rosenbaum and Rubin, 1983), which needs no class to be frequent.

    Returns:
        The stratum of each row, -1 where only one sample has its class.
    """
    if not len(classes):
        return classes
    ones, others = (np.bincount(classes[side], minlength=int(classes.max()) + 1) for side in (~second, second))
    both = np.flatnonzero((ones > 0) & (others > 0))
    by_ratio = both[np.argsort((others[both] + 0.5) / (ones[both] + 0.5), kind="stable")]
    sizes = np.cumsum(np.minimum(ones, others)[by_ratio])
    strata = np.full(len(ones), -1)
    strata[by_ratio] = (sizes - 1) * _STRATA // sizes[-1] if len(sizes) else 0
    return np.asarray(strata[classes])


def _permuted(second: BoolArray, strata: IntArray, rng: np.random.Generator) -> SingleArray:
    labels = np.empty((len(second), _DRAWS + 1), dtype=np.float32)
    labels[:, 0] = second
    for stratum in np.unique(strata):
        part = np.flatnonzero(strata == stratum)
        labels[part, 1:] = rng.permuted(np.broadcast_to(second[part], (_DRAWS, len(part))), axis=1).T
    return labels


def _with_squares(numbers: RealArray) -> FloatArray:
    """Standardise numbers, and put their squares beside them, standardised as well."""
    both = [_standardised(numbers.astype(np.float64))]
    both.append(_standardised(both[0] ** 2))
    return np.clip(np.concatenate(both, axis=1), -_FAR, _FAR)


def _standardised(numbers: FloatArray) -> FloatArray:
    return np.asarray((numbers - numbers.mean(axis=0)) / np.maximum(numbers.std(axis=0), 1e-9))


def _centred(values: Array, samples: Samples) -> FloatArray:
    """Subtract the mean of the stratum, column by column."""
    centred = values.astype(np.float64)
    for part in samples.parts():
        centred[part] -= centred[part].mean(axis=0)
    return centred


def _area(samples: Samples, scores: RealArray) -> float:
    """Area under the ROC curve among the pairs of rows of one stratum (Mann and Whitney)."""
    ordered, pairs = 0.0, 0.0
    for part in samples.parts():
        second = samples.second[part, 0] > 0
        count = float(second.sum())
        ordered += stats.rankdata(scores[part])[second].sum() - count * (count + 1) / 2
        pairs += count * (len(part) - count)
    return float(ordered / pairs)


def _p_value(statistics: Array) -> float:
    """How many of all labellings, the true one (place 0) among them, reach its statistic."""
    # what equals it in real numbers must not differ by rounding
    return float((statistics >= statistics[0] - 1e-6 * np.abs(statistics).max() - 1e-12).mean())
