"""Say which part of a table of verified labels has slipped: they stand beside the wrong rows there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import IntArray
from noisecleaner.errors import quoted
from noisecleaner.ingest.manifest import Column
from noisecleaner.ingest.verified.verification import Verification
from noisecleaner.noise.slips import FARTHEST, Slip, find_slip
from noisecleaner.notices import Notice, Severity

#: The code of the notice.
CODE = "verified-labels-slipped"


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table with verified labels, in its own order; the columns and arrays have the shape [rows of the table].

    Args:
        ids: sample ids, for messages.
        labels: verified labels, null where there is none.
        rows: of the dataset, -1 for those that are not in it.
        where: the labels, in words.
    """

    ids: Column
    labels: Column
    rows: IntArray
    where: str

    @classmethod
    def of(cls, verification: Verification, rows: IntArray) -> Table:
        """Take what somebody verified, and the rows of the dataset that it belongs to, shape [verified]."""
        where = verification.read_from or verification.where
        return cls(ids=verification.ids, labels=verification.labels, rows=rows, where=where)


@dataclass(frozen=True, kw_only=True)
class Words:
    """What the labels of a table are called, and those that they are compared with, of one row."""

    labels: str = "Verified labels"
    beside: str = "the given label"


def slip_notices(table: Table, given: Column, words: Words | None = None) -> Iterator[Notice]:
    """Say so where a part of the verified labels fits the rows above or below far better than their own.

    Args:
        table: with the verified labels.
        given: the given labels of the dataset, shape [rows of the dataset].
        words: what both are called.
    """
    # of many rows few may be verified: only these and their neighbours are looked at
    labelled = np.flatnonzero(np.asarray(pc.is_valid(table.labels)))
    near = np.unique(labelled[:, None] + np.arange(-FARTHEST, FARTHEST + 1))
    near = near[(near >= 0) & (near < len(table.labels))]
    rows = table.rows[near]
    verified = table.labels.take(pa.array(near))
    beside = given.take(pa.array(rows, mask=rows < 0))
    names = pc.unique(pa.chunked_array([*_chunks(verified), *_chunks(beside)], pa.string()))
    slip = find_slip(labels=_numbers(verified, names), given=_numbers(beside, names))
    if slip is not None:
        yield _notice(slip, table, near, words or Words())


def _notice(slip: Slip, table: Table, near: IntArray, words: Words) -> Notice:
    ends = [f"row {near[end] + 1:,} ({quoted(table.ids[int(near[end])].as_py())})" for end in (slip.first, slip.last)]
    side, away = "below" if slip.distance > 0 else "above", abs(slip.distance)
    whose = f"the row {side}" if away == 1 else f"the row {away} rows {side}"
    return Notice(
        code=CODE,
        severity=Severity.VOID,
        message=f"{words.labels} seem to stand beside the wrong rows, from about {ends[0]} to {ends[1]} of "
        f"{table.where}: {slip.own:.0%} of them are {words.beside} of their own row, and "
        f"{slip.other:.0%} that of {whose}. Most likely a cell was inserted or deleted there: move these labels back "
        "to their rows.",
    )


def _numbers(texts: Column, names: Column) -> IntArray:
    found = pc.fill_null(pc.index_in(texts, value_set=names.drop_null()), -1)
    return np.where(np.asarray(pc.is_valid(texts)), np.asarray(found), -1).astype(np.int64)


def _chunks(column: Column) -> list[pa.Array]:
    texts = column.cast(pa.string())  # labels may be kept as a dictionary's numbers
    return texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]
