"""Rows that hold the same, and rows whose features lie nearer to each other than to all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from noisecleaner.arrays import Array, BoolArray, IntArray, SingleArray

#: Rows of features that are looked at together, and bytes of rows that are compared.
_BLOCK, _BYTES = 1024, 2**23
#: Random directions in which nearest rows are looked for: a cosine of 0.7 is off by 0.06 (Johnson and Lindenstrauss).
_DIRECTIONS = 64
#: Standardised features are clipped here, or two rows that share one rare feature would seem alike.
_CLIP = 3.0
#: Cosine of standardised features from which rows may be nearly the same. On CIFAR-10 the nearest of 3,000 rows has
#: 0.46 in the median; an image saved as JPEG of quality 95, shifted by a pixel of 32 or 5 % brighter has 0.87 to 0.99.
_NEAR = 0.7
#: The neighbour that shows how near rows of the dataset lie anyway, and how much nearer a row has to be.
_USUAL, _NEARER = 6, 0.4


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """Rows, their nearest neighbours, and neighbours that are as near as rows usually are; each of shape [n].

    Args:
        rows: numbers of the rows.
        nearest: of each one.
        usual: the sixth nearest of each one.
    """

    rows: IntArray
    nearest: IntArray
    usual: IntArray


def identical(array: Array, rows: IntArray) -> IntArray:
    """Find rows that hold the same, bit by bit.

    Args:
        array: shape [rows of the array, …].
        rows: those that count, ascending, shape [n].

    Returns:
        For each of `rows` the first one that holds the same, which may be itself, shape [n].
    """
    _, first, inverse = np.unique(_hashes(array, rows), return_index=True, return_inverse=True)
    found = rows[first[inverse.reshape(-1)]]
    again, step = np.flatnonzero(found != rows), _step(array)
    for start in range(0, len(again), step):  # different rows may have one hash
        block = again[start : start + step]
        same = _words(array, rows[block]) == _words(array, found[block])
        found[block] = np.where(same.all(axis=1), found[block], rows[block])
    return found


def nearest(features: Array, rows: IntArray) -> Neighbours:
    """Find rows that have one other much nearer than the rest: 1 - cosine is at most 0.4 times the usual one.

    Nearest rows are looked for in a random projection, n**2 products of 64 numbers, and compared in all features.

    Args:
        features: shape [rows of the array, width].
        rows: those that count, ascending, shape [n]; none of them hold the same.
    """
    found: list[IntArray] = []
    if len(rows) > _USUAL:
        space = _Space(features, rows)
        found = [space.standing_out(start) for start in range(0, len(rows), _BLOCK // 4)]
    places = np.concatenate([np.empty((0, 3), np.int64), *found])
    return Neighbours(rows=rows[places[:, 0]], nearest=rows[places[:, 1]], usual=rows[places[:, 2]])


class _Space:
    """Rows in the space of their standardised features.

    Args:
        features: shape [rows of the array, width].
        rows: those that count, shape [n].
    """

    def __init__(self, features: Array, rows: IntArray) -> None:
        self._features, self._rows = features, rows
        sums = np.zeros((2, features.shape[1]))
        for start in range(0, len(rows), _BLOCK):
            block = features[rows[start : start + _BLOCK]].astype(np.float64)
            sums += block.sum(axis=0), np.einsum("rc,rc->c", block, block)
        mean, square = sums / len(rows)
        deviation = np.sqrt(np.maximum(square - mean**2, 0))
        self._mean = mean.astype(np.float32)
        self._scale = np.divide(1, deviation, out=np.zeros_like(deviation), where=deviation > 0).astype(np.float32)
        directions = np.random.default_rng(0).normal(size=(features.shape[1], _DIRECTIONS)).astype(np.float32)
        starts = range(0, len(rows), _BLOCK)
        self._projected = np.concatenate(
            [_of_length_one(self._unit(np.arange(s, min(s + _BLOCK, len(rows)))) @ directions) for s in starts]
        )

    def standing_out(self, start: int) -> IntArray:
        """Of some rows from `start` on, those that stand out, with nearest and usual neighbour: places [found, 3]."""
        cosines = self._projected[start : start + _BLOCK // 4] @ self._projected.T
        own = np.arange(len(cosines))
        cosines[own, start + own] = -2
        error = 3 * (1 - _NEAR**2) / np.sqrt(_DIRECTIONS)
        own = np.flatnonzero(cosines.max(axis=1) > _NEAR - error)
        neighbours = _largest(cosines[own])
        exact = np.einsum("rc,rkc->rk", self._unit(start + own), self._unit(neighbours))
        order = np.argsort(-exact, axis=1)[:, [0, -1]]
        near, usual = np.take_along_axis(exact, order, axis=1).T
        stands_out: BoolArray = (near >= _NEAR) & (1 - near <= _NEARER * (1 - usual))
        places = np.column_stack([start + own, np.take_along_axis(neighbours, order, axis=1)])
        return np.asarray(places[stands_out])

    def _unit(self, places: IntArray) -> SingleArray:
        """Standardised features of length one, shape [*places, width]."""
        values = self._features[self._rows[places.reshape(-1)]].astype(np.float32)
        standard = ((values - self._mean) * self._scale).clip(-_CLIP, _CLIP)
        return _of_length_one(standard).reshape(*places.shape, len(self._mean))


def _largest(values: SingleArray) -> IntArray:
    """The places of the largest values of each row, which are overwritten, shape [rows, 6]."""
    places = np.empty((len(values), _USUAL), dtype=np.int64)
    own = np.arange(len(values))
    for rank in range(_USUAL):
        places[:, rank] = values.argmax(axis=1)
        values[own, places[:, rank]] = -2
    return places


def _of_length_one(vectors: SingleArray) -> SingleArray:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))


def _hashes(array: Array, rows: IntArray) -> npt.NDArray[np.uint64]:
    """64 bits of each row, shape [n]: a random linear combination of its words modulo 2**64."""
    found = np.empty(len(rows), dtype=np.uint64)
    if not len(rows):
        return found
    count = _words(array, rows[:1]).shape[1]
    factors = 2 * np.random.default_rng(0).integers(0, 2**63, count, dtype=np.uint64) + np.uint64(1)
    step = _step(array)
    for start in range(0, len(rows), step):
        words = _words(array, rows[start : start + step])
        found[start : start + step] = words.astype(np.uint64, copy=False) @ factors
    return found


def _words(array: Array, rows: IntArray) -> npt.NDArray[np.unsignedinteger[Any]]:
    """The bits of some rows, in words as long as fit, shape [n, words]."""
    block = np.ascontiguousarray(array[rows])
    size = next(size for size in (8, 4, 2, 1) if _row_bytes(array) % size == 0)
    return block.reshape(len(rows), -1).view(np.uint8).view(f"u{size}")


def _step(array: Array) -> int:
    """Rows that are looked at together."""
    return max(1, _BYTES // _row_bytes(array))


def _row_bytes(array: Array) -> int:
    return int(array.nbytes // len(array))
