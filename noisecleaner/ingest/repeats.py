"""A row that was verified more than once: labels that agree count once, others are refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import BoolArray, IntArray
from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.notices import Notice, Severity

_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Repeats:
    """Verified rows that are the same row of the dataset, or have the same id.

    Args:
        again: labelled rows of which an earlier one is the same, shape [verified rows].
        where: the table, for messages.
    """

    again: BoolArray
    where: str

    @classmethod
    def find(cls, labels: pa.ChunkedArray, rows: IntArray, ids: pa.ChunkedArray, where: str) -> Repeats:
        """Find verified rows that are the same.

        Args:
            labels: verified labels, null where there is none, shape [verified rows].
            rows: of the dataset, -1 for those that are not in it, shape [verified rows].
            ids: sample ids, shape [verified rows].
            where: the table, for messages.

        Raises:
            NoisecleanerError: two labels of one row contradict each other.
        """
        labelled = np.flatnonzero(np.asarray(pc.is_valid(labels)))
        keys, outside = rows[labelled], rows[labelled] < 0
        names = ids.take(pa.array(labelled[outside]))
        codes = np.asarray(pc.fill_null(pc.index_in(names, value_set=pc.unique(names).drop_null()), -1))
        # those outside are told apart by their ids, which come behind all rows; without one nothing repeats them
        keys[outside] = np.where(codes < 0, -1 - labelled[outside], codes.astype(np.int64) + 1 + rows.max(initial=0))
        _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        again = np.zeros(len(labels), dtype=bool)
        again[labelled[first[inverse] != np.arange(len(labelled))]] = True
        earlier = labelled[first[inverse]]
        repeats = cls(again=again, where=where)
        repeats._refuse_contradictions(labels, ids, labelled, earlier)
        return repeats

    def merged(self, labels: pa.ChunkedArray) -> pa.ChunkedArray:
        """Leave one label for each row, shape [verified rows]."""
        if not self.again.any():
            return labels
        return pc.if_else(pa.array(self.again), pa.scalar(None, pa.string()), labels)

    def notices(self) -> Iterator[Notice]:
        """Say how many labels were given more than once."""
        if self.again.any():
            yield Notice(
                code="verified-repeats",
                severity=Severity.NOTE,
                message=f"{int(self.again.sum()):,} rows of {self.where} verify a row again, with the same label: each "
                "row of the dataset counts once.",
            )

    def _refuse_contradictions(
        self, labels: pa.ChunkedArray, ids: pa.ChunkedArray, rows: IntArray, earlier: IntArray
    ) -> None:
        first, second = labels.take(pa.array(earlier)), labels.take(pa.array(rows))
        wrong = np.flatnonzero(np.asarray(pc.not_equal(first, second)))
        if not len(wrong):
            return
        names = ids.take(pa.array(rows[wrong[:_SHOWN]])).to_pylist()
        pairs = [
            f"{name!r} ({first[int(place)].as_py()} and {second[int(place)].as_py()})"
            for name, place in zip(names, wrong, strict=False)
        ]
        count = len(np.unique(earlier[wrong]))
        raise NoisecleanerError(
            f"A row has one verified label, but in {self.where} {count:,} rows have labels that contradict each other, "
            f"such as {listed(pairs, _SHOWN)}.",
            "Decide which label is right and keep that one, or leave those rows empty.",
        )
