"""A linear discriminant on soft labels, in closed form: classes are Gaussians of one covariance, which is shrunk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from noisecleaner.arrays import FloatArray, RealArray, SingleArray

#: Mass of a class of which no row is left.
_NOTHING = 1e-9


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Sums over vectors.

    Args:
        count: how many there are.
        total: their sum, shape [width].
        products: the sum of their outer products, shape [width, width].
    """

    count: int
    total: FloatArray
    products: RealArray

    @classmethod
    def of(cls, blocks: Iterable[SingleArray], width: int) -> Moments:
        """Sum up vectors, each block of the shape [rows, width]; products of single precision, sums of double."""
        return cls.all((cls.of_block(block) for block in blocks), width)

    @classmethod
    def of_block(cls, block: SingleArray) -> Moments:
        """Sum up some vectors, shape [rows, width]; products of single precision."""
        return cls(count=len(block), total=block.sum(axis=0, dtype=np.float64), products=block.T @ block)

    @classmethod
    def all(cls, parts: Iterable[Moments], width: int) -> Moments:
        """Add up those of several parts, in double precision, where they stand: each holds megabytes."""
        count, total, products = 0, np.zeros(width), np.zeros((width, width))
        for part in parts:
            count += part.count
            total += part.total
            products += part.products
        return cls(count=count, total=total, products=products)


@dataclass(frozen=True, kw_only=True)
class ClassSums:
    """Soft labels of rows, summed up by class; of several kinds of labels, shapes begin with [kinds].

    Args:
        mass: their sum, shape [classes].
        vectors: the vectors weighted with them, summed, shape [classes, width].
    """

    mass: FloatArray
    vectors: RealArray

    @classmethod
    def of(cls, labels: SingleArray, vectors: SingleArray) -> ClassSums:
        """Sum up labels [rows, classes], or [rows, kinds, classes], of vectors [rows, width], in single precision."""
        weighted = labels.reshape(len(labels), -1).T @ vectors
        return cls(mass=labels.sum(axis=0, dtype=np.float64), vectors=weighted.reshape(*labels.shape[1:], -1))

    def __add__(self, other: ClassSums) -> ClassSums:
        return ClassSums(mass=self.mass + other.mass, vectors=self.vectors + other.vectors)

    @classmethod
    def all(cls, parts: Iterable[ClassSums]) -> ClassSums:
        """Sum up those of several parts, at least one."""
        return reduce(cls.__add__, parts)


@dataclass(frozen=True, kw_only=True)
class LinearHead:
    """Logits of vectors x: x @ weight + bias.

    Args:
        weight: shape [width, classes].
        bias: shape [classes].
    """

    weight: FloatArray
    bias: FloatArray

    @classmethod
    def beside(cls, heads: Sequence[LinearHead]) -> LinearHead:
        """The head on vectors that hold those of several side by side, whose logits are the sum of theirs."""
        weight, bias = np.concatenate([head.weight for head in heads]), reduce(np.add, [head.bias for head in heads])
        return cls(weight=weight, bias=bias)

    @classmethod
    def mean(cls, heads: Sequence[LinearHead]) -> LinearHead:
        """The head whose logits are the mean of those of several on the same vectors."""
        weight, bias = [head.weight for head in heads], [head.bias for head in heads]
        return cls(weight=np.mean(weight, axis=0), bias=np.mean(bias, axis=0))

    def logits(self, vectors: SingleArray) -> SingleArray:
        """Logits of vectors [rows, width], shape [rows, classes]."""
        return np.asarray(vectors @ self.weight.astype(np.float32) + self.bias.astype(np.float32))

    def scaled(self, factor: float) -> LinearHead:
        """The head whose logits are so many times as large."""
        return LinearHead(weight=self.weight * factor, bias=self.bias * factor)


class Spread:
    """How vectors spread around their mean, ready to be solved with for any soft labels of theirs.

    The covariance within classes is that of all vectors minus the one between classes, which has the rank of the
    classes: so one factorisation serves all labels of the same rows (Woodbury's identity).

    Args:
        moments: of the vectors.
        shrinkage: share, in (0, 1], of what the covariance is drawn towards, the same variance in every direction.
    """

    def __init__(self, moments: Moments, shrinkage: float) -> None:
        self._mean = moments.total / moments.count
        covariance = moments.products / moments.count
        width = len(covariance)
        for place, mean in enumerate(self._mean):  # row by row: no second array of megabytes
            covariance[place] -= mean * self._mean
        # no coordinate may change at all: then every direction is as good
        target = max(np.trace(covariance) / width, np.finfo(np.float32).tiny)
        covariance *= 1 - shrinkage
        covariance[np.diag_indices(width)] += shrinkage * target
        self._shrinkage, self._factor = shrinkage, cho_factor(covariance, lower=True, overwrite_a=True)

    def head(self, sums: ClassSums) -> LinearHead:
        """Make the discriminant of some soft labels: log priors, and linear in the vectors as log densities are."""
        mass = np.maximum(sums.mass, _NOTHING)
        means = np.where(sums.mass[:, None] > _NOTHING, sums.vectors / mass[:, None], self._mean)
        share = mass / mass.sum()
        between = np.sqrt((1 - self._shrinkage) * share)[:, None] * (means - self._mean)
        solved = cho_solve(self._factor, np.concatenate([means, between]).T)
        own, low = solved[:, : len(means)], solved[:, len(means) :]
        inner = np.eye(len(means)) - between @ low
        weight = own + low @ np.linalg.solve(inner, between @ own)
        bias = np.log(share) - 0.5 * np.einsum("cw,wc->c", means, weight)
        return LinearHead(weight=weight, bias=bias)
