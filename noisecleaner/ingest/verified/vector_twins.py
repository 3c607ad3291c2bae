"""Vectors of verified rows that are those of other rows of the dataset: somewhere the ids are wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from noisecleaner.arrays import BoolArray, IntArray
from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.manifest import Column
from noisecleaner.ingest.verified.contents import VectorDigests

#: Pairs that an error names, and rows with one vector above which it tells nothing about any of them.
_SHOWN, _MOST = 3, 10


@dataclass(frozen=True, kw_only=True)
class SummedVectors:
    """Vectors and the ids of their rows, shape [rows]."""

    vectors: VectorDigests
    ids: Column

    def refuse_twins(self, dataset: SummedVectors, *, rows: IntArray, labelled: BoolArray, where: str) -> None:
        """Refuse verified rows whose vector is that of another row of the dataset than their id's.

        Args:
            dataset: all rows of the dataset.
            rows: of the dataset, -1 for those whose id it does not hold, shape [verified rows].
            labelled: verified rows that have a label, shape [verified rows].
            where: the table of verified labels, for the message.

        Raises:
            NoisecleanerError: names pairs.
        """
        pairs = [f"{own!r} has the vector of {other!r}" for own, other in self._twins(dataset, rows, labelled)]
        if pairs:
            raise NoisecleanerError(
                f"A verified row must have the id of its row in the dataset, but {len(pairs):,} in {where} have the "
                f"vector of a row with another id: {listed(pairs, _SHOWN)}.",
                "Give them the ids of those rows, or leave them out.",
            )

    def _twins(self, dataset: SummedVectors, rows: IntArray, labelled: BoolArray) -> Iterator[tuple[str, str]]:
        """Pairs of an id, and that of another row of the dataset which has the same vector."""
        own, theirs = self.vectors.digests, dataset.vectors.digests
        right = np.zeros(len(own), dtype=bool)
        right[rows >= 0] = own[rows >= 0] == theirs[rows[rows >= 0]]
        odd = np.flatnonzero(labelled & self.vectors.telling & ~right)
        places = dataset.vectors.rows_with(own[odd]) if len(odd) else {}
        for row in odd.tolist():
            several = places.get(int(own[row]), [])
            if 0 < len(several) <= _MOST:
                yield self.ids[row].as_py(), dataset.ids[several[0]].as_py()
