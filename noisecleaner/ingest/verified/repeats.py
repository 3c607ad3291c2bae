"""A row that was verified more than once: labels that agree count once, those of another verifier are second looks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import BoolArray, IntArray
from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.verified.second_looks import others_looks
from noisecleaner.notices import Notice, Severity
from noisecleaner.texts import agreeing, counted

_SHOWN = 3
#: What to do where one row has two labels.
DECIDE = "Decide which label is right and keep that one, or leave those rows empty."


@dataclass(frozen=True, kw_only=True)
class Repeats:
    """Verified rows that are the same row of the dataset, or have the same id.

    Args:
        again: labelled rows of which an earlier one is the same and of the same verifier, shape [verified rows].
        others: labelled rows that somebody else has verified, too, whose look counts as the first, shape [verified
            rows].
        second: what these saw, at the place of the first look; null elsewhere, shape [verified rows].
        where: the table, for messages.
    """

    again: BoolArray
    others: BoolArray
    second: pa.ChunkedArray
    where: str

    @classmethod
    def find(
        cls,
        labels: pa.ChunkedArray,
        rows: IntArray,
        ids: pa.ChunkedArray,
        where: str,
        *,
        verifiers: pa.ChunkedArray | None = None,
        hint: str = DECIDE,
    ) -> Repeats:
        """Find verified rows that are the same.

        Args:
            labels: verified labels, null where there is none, shape [verified rows].
            rows: of the dataset, -1 for those that are not in it, shape [verified rows].
            ids: sample ids, shape [verified rows].
            where: the table, for messages.
            verifiers: who verified each row, as text, null where nobody is named, shape [verified rows]; None where no
                column says so.
            hint: what to do where labels contradict each other.

        Raises:
            NoisecleanerError: two labels that one verifier gave to one row contradict each other.
        """
        labelled = np.flatnonzero(np.asarray(pc.is_valid(labels)))
        keys, people = _keys(rows, ids, labelled), _codes(verifiers, labelled)
        own = labelled[_first_alike(np.stack([keys, people]))]
        _refuse_contradictions(labels, ids, labelled, own, where=where, hint=hint)
        kept = own == labelled
        looks, first = labelled[kept], _first_looks(labelled[kept], keys=keys[kept], people=people[kept])
        again, others = np.zeros(len(labels), dtype=bool), np.zeros(len(labels), dtype=bool)
        again[labelled[~kept]] = True
        others[looks[first != looks]] = True
        second = others_looks(labels, first=first[first != looks], others=looks[first != looks])
        return cls(again=again, others=others, second=second, where=where)

    def merged(self, labels: pa.ChunkedArray) -> pa.ChunkedArray:
        """Leave one label for each row, that of the first look, shape [verified rows]."""
        later = self.again | self.others
        if not later.any():
            return labels
        return pc.if_else(pa.array(later), pa.scalar(None, pa.string()), labels)

    def notices(self) -> Iterator[Notice]:
        """Say how many labels were given more than once."""
        if self.again.any():
            yield Notice(
                code="verified-repeats",
                severity=Severity.NOTE,
                message=f"{counted(int(self.again.sum()), 'row')} of {self.where} "
                f"{agreeing(int(self.again.sum()), 'verifies', 'verify')} a row again, with the same label: each "
                "row of the dataset counts once.",
            )


def _keys(rows: IntArray, ids: pa.ChunkedArray, labelled: IntArray) -> IntArray:
    """Number the labelled rows so that those that are the same share a number, shape [labelled rows]."""
    keys, outside = rows[labelled], rows[labelled] < 0
    names = ids.take(pa.array(labelled[outside]))
    codes = np.asarray(pc.fill_null(pc.index_in(names, value_set=pc.unique(names).drop_null()), -1))
    # those outside are told apart by their ids, which come behind all rows; without one nothing repeats them
    keys[outside] = np.where(codes < 0, -1 - labelled[outside], codes.astype(np.int64) + 1 + rows.max(initial=0))
    return keys


def _codes(verifiers: pa.ChunkedArray | None, labelled: IntArray) -> IntArray:
    """Number the verifiers, -1 for those without a name, shape [labelled rows]."""
    if verifiers is None:
        return np.full(len(labelled), -1)
    names = verifiers.take(pa.array(labelled))
    codes = pc.fill_null(pc.index_in(names, value_set=pc.unique(names).drop_null()), -1)
    return np.asarray(codes).astype(np.int64)


def _first_looks(looks: IntArray, *, keys: IntArray, people: IntArray) -> IntArray:
    """Find the first look at the row of each look: that of who verified most rows, in whatever order they stand.

    Args:
        looks: their places, shape [looks].
        keys: the same number for looks at the same row, shape [looks].
        people: the verifiers, shape [looks].
    """
    _, person, counts = np.unique(people, return_inverse=True, return_counts=True)
    order = np.lexsort((looks, -counts[person], keys))
    starts = np.flatnonzero(np.diff(keys[order], prepend=np.nan))
    first = np.empty_like(looks)
    first[order] = np.repeat(looks[order[starts]], np.diff(starts, append=len(order)))
    return first


def _first_alike(keys: IntArray) -> IntArray:
    """Find the place of the first of those that are alike, of keys of shape [parts of a key, n]; shape [n]."""
    _, first, inverse = np.unique(keys, axis=1, return_index=True, return_inverse=True)
    places: IntArray = first[inverse.ravel()]
    return places


def _refuse_contradictions(
    labels: pa.ChunkedArray, ids: pa.ChunkedArray, rows: IntArray, earlier: IntArray, *, where: str, hint: str
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
        f"A row has one verified label, but in {where} {counted(count, 'row')} {agreeing(count, 'has', 'have')} labels "
        f"that contradict each other, such as {listed(pairs, _SHOWN)}.",
        hint,
    )
