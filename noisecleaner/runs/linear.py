"""The folds' networks where each is linear in its vectors: their mean is one map, and numpy applies it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from noisecleaner.arrays import IntArray, RealArray, SingleArray
from noisecleaner.inputs import probabilities
from noisecleaner.inputs.rooting import root
from noisecleaner.networks.shapes import Shape
from noisecleaner.quality.signals import Predictions

Weights = Mapping[str, npt.NDArray[Any]]
#: Numbers of a part of a block: it stays in a core's cache while it is passed over many times.
_PART_NUMBERS = 2**17


class Map(Protocol):
    """Vectors -> logits."""

    @property
    def rows(self) -> int:
        """How many rows are computed together at most."""
        ...

    @property
    def classes(self) -> int:
        """How many logits a row gets."""
        ...

    def logits(self, vectors: RealArray, out: SingleArray) -> None:
        """Compute logits [n, classes] from vectors [n, width]."""
        ...


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """Probabilities p -> scale * log p + shift: the mean of vector scalings.

    Args:
        scale: of the logarithms.
        shift: of each class, shape [classes].
        rows: how many rows are computed together.
    """

    scale: np.float32
    shift: SingleArray
    rows: int

    @property
    def classes(self) -> int:
        """How many logits a row gets."""
        return len(self.shift)

    def logits(self, vectors: RealArray, out: SingleArray) -> None:
        """Compute logits [n, classes].

        Raises:
            NoisecleanerError: the vectors are no probabilities.
        """
        probabilities.check(vectors)
        probabilities.logarithms(vectors, out)
        out *= self.scale
        out += self.shift


@dataclass(frozen=True, kw_only=True)
class Linear:
    """Embeddings x -> (x - centre) @ weight + bias: the mean of linear heads on standardised vectors.

    Args:
        centre: shape [width].
        weight: shape [width, classes].
        bias: shape [classes].
        rows: how many rows are computed together: always so many, because sums are rounded by the shape of a product
            (and, on some processors, by a row's place in it).
        rooted: whether x is the square root of the embeddings.
    """

    centre: SingleArray
    weight: SingleArray
    bias: SingleArray
    rows: int
    rooted: bool = False

    @property
    def classes(self) -> int:
        """How many logits a row gets."""
        return len(self.bias)

    def logits(self, vectors: RealArray, out: SingleArray) -> None:
        """Compute logits [n, classes]."""
        centred = np.zeros((self.rows, len(self.centre)), dtype=np.float32)
        read = root(vectors) if self.rooted else vectors
        np.subtract(read, self.centre, out=centred[: len(vectors)], casting="same_kind")
        np.add((centred @ self.weight)[: len(vectors)], self.bias, out=out)


def predict(by: Map, vectors: RealArray, given: IntArray) -> Predictions:
    """Predict rows, a few at a time.

    Args:
        by: the map of the folds.
        vectors: shape [n, width], at least one.
        given: class index of the given label, -1 where there is none, shape [n].
    """
    # one piece of memory: two would be given back to the system, and asked for again, with every block
    logits, scratch = np.empty((2, min(by.rows, len(vectors)), by.classes), dtype=np.float32)
    parts = []
    for first in range(0, len(vectors), by.rows):
        part = vectors[first : first + by.rows]
        by.logits(part, logits[: len(part)])
        labels = given[first : first + by.rows]
        parts.append(Predictions.from_logits(logits[: len(part)], given=labels, scratch=scratch[: len(part)]))
    return Predictions.concat(parts)


def is_linear(shape: Shape) -> bool:
    """Whether networks of this shape are linear in the vectors that the user brings."""
    return shape.backbone is None and not shape.hidden


def mean_map(shape: Shape, folds: Sequence[Weights]) -> Map:
    """Put the folds' networks together: the mean of linear maps is linear. Computed in double precision.

    Args:
        shape: of each, see `is_linear`.
        folds: their weights, by the names that torch gives them.

    Raises:
        ValueError: weights are missing, or have another shape.
    """
    if shape.kind == "probabilities":
        scale, shift = _stacked(folds, "head.scale", ()), _stacked(folds, "head.shift", (shape.classes,))
        rows = max(1, _PART_NUMBERS // shape.classes)
        return Scaling(scale=np.float32(scale.mean()), shift=shift.mean(axis=0).astype(np.float32), rows=rows)
    mean, scale = (_stacked(folds, f"trunk.0.{name}", (shape.width,)) for name in ("mean", "scale"))
    weight = _stacked(folds, "head.weight", (shape.classes, shape.width)) * scale[:, None, :]
    # around one centre, because a coordinate may lie far from zero and spread little
    centre = mean.mean(axis=0).astype(np.float32)
    bias = _stacked(folds, "head.bias", (shape.classes,)) + np.einsum("fcw,fw->fc", weight, centre - mean)
    flat = np.ascontiguousarray(weight.mean(axis=0).T, dtype=np.float32)
    rows = max(1, _PART_NUMBERS // max(shape.width, shape.classes))
    flat_bias = bias.mean(axis=0).astype(np.float32)
    return Linear(centre=centre, weight=flat, bias=flat_bias, rows=rows, rooted=shape.rooted)


def _stacked(folds: Sequence[Weights], name: str, shape: tuple[int, ...]) -> RealArray:
    tensors = [fold.get(name) for fold in folds]
    if any(weights is None or weights.shape != shape for weights in tensors):
        raise ValueError(f"{name} does not fit")
    return np.stack([np.asarray(weights, dtype=np.float64) for weights in tensors])
