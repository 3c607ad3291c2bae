"""Vectors of rows in their order, a block at a time, and those of a few rows picked out of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from noisecleaner.arrays import IntArray, RealArray, SingleArray
from noisecleaner.ingest.fingerprints import PassingVectors
from noisecleaner.ingest.vectors.orders import AnyVectors


@dataclass(frozen=True)
class VectorBlock:
    """Vectors [n, width] of rows in a sequence, and the first of these rows."""

    first: int
    vectors: RealArray


class VectorSample:
    """The vectors of some rows, as their blocks pass by, in whatever order.

    Args:
        rows: ascending, shape [sample].
        width: of a vector.
    """

    def __init__(self, rows: IntArray, width: int) -> None:
        self._rows, self._vectors = rows, np.full((len(rows), width), np.nan, dtype=np.float32)

    def take(self, block: VectorBlock) -> None:
        """Keep those of a block."""
        start, end = np.searchsorted(self._rows, (block.first, block.first + len(block.vectors)))
        self._vectors[start:end] = block.vectors[self._rows[start:end] - block.first]

    def seen(self) -> tuple[IntArray, SingleArray]:
        """The rows that have a vector, shape [n], and those vectors, [n, width]."""
        there = np.isfinite(self._vectors[:, 0])
        return self._rows[there], self._vectors[there]


def vector_blocks(payload: AnyVectors, passing: PassingVectors | None = None) -> Iterator[VectorBlock]:
    """Read all vectors; a row without a usable one is told by `ingest.vectors.columns.skipped`.

    Args:
        payload: where they come from.
        passing: takes them in as they pass by.
    """
    first = 0
    for vectors in payload.blocks():
        if passing is not None:
            passing.take(vectors)
        yield VectorBlock(first, vectors)
        first += len(vectors)
