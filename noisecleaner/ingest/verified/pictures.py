"""Verified images beside those of the dataset: the same bytes or the same picture, under whatever id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
import pyarrow as pa

from noisecleaner.arrays import BoolArray, IntArray
from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.manifest import Images
from noisecleaner.ingest.verified.contents import digests, rows_with, thumbnails
from noisecleaner.ingest.verified.thumbnails import alike

#: Pairs that an error names.
_SHOWN = 3
_GIVE_IDS = (
    "Give each verified image the id or the path of its row, or one that no row has if it is not in the dataset."
)


class Likeness(Enum):
    """How an image is like another."""

    BYTES = "the same file"
    PICTURE = "the same picture, saved anew"
    OTHER = "another picture"
    UNSEEN = "one of them cannot be opened"


@dataclass(frozen=True, kw_only=True)
class Found:
    """Rows that were found otherwise than by id.

    Args:
        by_content: verified row -> row of the dataset.
        by_name: likewise.
        unseen: how many of these last ones nobody could compare.
        namesakes: how many rows that were not found have the file name of another picture.
        bare: rows that were not found and bring no image that can be read.
    """

    by_content: Mapping[int, int] = field(default_factory=dict)
    by_name: Mapping[int, int] = field(default_factory=dict)
    unseen: int = 0
    namesakes: int = 0
    bare: Sequence[int] = ()


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Images of verified rows, and those of a dataset.

    Args:
        own: the verified ones.
        own_ids: their ids, shape [verified rows].
        theirs: those of the dataset.
        ids: their ids, shape [rows].
        where: the table or folder of the verified ones, for messages.
    """

    own: Images
    own_ids: pa.ChunkedArray
    theirs: Images
    ids: pa.Array
    where: str

    def refuse_contradictions(self, rows: IntArray, inside: BoolArray) -> None:
        """Refuse images that have the id of a row that shows another picture.

        Args:
            rows: of the dataset, shape [verified rows].
            inside: verified rows that were found by id, shape [verified rows].

        Raises:
            NoisecleanerError: names pairs.
        """
        matched = {int(row): int(rows[row]) for row in np.flatnonzero(inside)}
        others = [row for row, likeness in self._compared(matched).items() if likeness is Likeness.OTHER]
        if not others:
            return
        own = digests(self.own, np.array(others))
        places = rows_with(self.theirs, rows=len(self.ids), wanted=set(own.values()))
        shown = {row: self._rows(places.get(own[row], [])) or "no row of the dataset" for row in others}
        pairs = [f"{self._own_id(row)} shows {what}" for row, what in shown.items()]
        raise NoisecleanerError(
            f"A verified image must show what the row of its id shows, but {len(others):,} of {len(matched):,} in "
            f"{self.where} show another picture: {listed(pairs, _SHOWN)}.",
            _GIVE_IDS,
        )

    def find(self, lost: BoolArray, names: Mapping[int, int], *, joins: bool) -> Found:
        """Find rows by content, and by name where the picture is the same.

        Args:
            lost: verified rows that have no row yet, shape [verified rows].
            names: verified row -> the row of the dataset that has its file name.
            joins: whether content tells which row it is; otherwise it contradicts an id.

        Raises:
            NoisecleanerError: content is that of several rows, or that of one with another id.
        """
        own, likeness = digests(self.own, np.flatnonzero(lost)), self._compared(names)
        equal = {row: names[row] for row, like in likeness.items() if like is Likeness.BYTES}
        by_name = {row: names[row] for row, like in likeness.items() if like in (Likeness.PICTURE, Likeness.UNSEEN)}
        rest = {row: digest for row, digest in own.items() if row not in equal and row not in by_name}
        places = rows_with(self.theirs, rows=len(self.ids), wanted=set(rest.values()))
        elsewhere = {row: places[digest] for row, digest in rest.items() if digest in places}
        if not joins or any(len(several) > 1 for several in elsewhere.values()):
            self._refuse(elsewhere)
        by_content = equal | {row: place for row, (place,) in elsewhere.items()}
        found = by_content.keys() | by_name.keys()
        return Found(
            by_content=by_content,
            by_name=by_name,
            unseen=sum(like is Likeness.UNSEEN for like in likeness.values()),
            namesakes=len({row for row, like in likeness.items() if like is Likeness.OTHER} - found),
            bare=[row for row in np.flatnonzero(lost).tolist() if row not in own and row not in found],
        )

    def _compared(self, pairs: Mapping[int, int]) -> dict[int, Likeness]:
        """Compare verified rows with rows of the dataset; those that nobody can open are told apart last."""
        own, theirs = digests(self.own, _array(pairs)), digests(self.theirs, _array(pairs.values()))
        differ = {row: place for row, place in pairs.items() if own.get(row) != theirs.get(place) or row not in own}
        small, beside = thumbnails(self.own, _array(differ)), thumbnails(self.theirs, _array(differ.values()))
        found = dict.fromkeys(pairs, Likeness.BYTES)
        for row, place in differ.items():
            seen = row in small and place in beside
            same = seen and alike(small[row], beside[place])
            found[row] = Likeness.PICTURE if same else Likeness.OTHER if seen else Likeness.UNSEEN
        return found

    def _refuse(self, elsewhere: Mapping[int, Sequence[int]]) -> None:
        """Refuse content that is in the dataset, where it does not tell which row it is."""
        if not elsewhere:
            return
        pairs = [f"{self._own_id(row)} is {self._rows(places)}" for row, places in elsewhere.items()]
        raise NoisecleanerError(
            f"A verified image must have the id of its row in the dataset, but {len(elsewhere):,} in {self.where} are "
            f"there under another id, or more than once: {listed(pairs, _SHOWN)}.",
            _GIVE_IDS,
        )

    def _own_id(self, row: int) -> str:
        return repr(self.own_ids[row].as_py())

    def _rows(self, places: Sequence[int]) -> str:
        return " and ".join(repr(self.ids[place].as_py()) for place in places[:_SHOWN])


def _array(rows: Iterable[int]) -> IntArray:
    return np.array(sorted(set(rows)), dtype=np.int64)
