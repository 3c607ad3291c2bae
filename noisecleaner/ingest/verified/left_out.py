"""Verified or corrected rows that a clean copy left out by design: counted and said, where others would be refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import BoolArray
from noisecleaner.ingest.files.copy_record import CopyRecord
from noisecleaner.ingest.manifest import Column
from noisecleaner.ingest.verified.verification import Verification
from noisecleaner.notices import Notice, Severity
from noisecleaner.tables import count_true
from noisecleaner.texts import agreeing, counted


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """What is known of the rows that are not in a dataset because it is a clean copy.

    Args:
        ids: sample ids that the copy says it left out.
        copy: whether it is one at all: then no row can be in it of which somebody said that no class is right.
    """

    ids: pa.Array
    copy: bool

    @classmethod
    def of(cls, data: str | None, certified: Column | None = None) -> LeftOut:
        """Read what lies beside a dataset.

        Args:
            data: the dataset, if it comes from somewhere.
            certified: which of its rows carry verified labels, shape [rows]; null in every row of what is no copy.
        """
        record = None if data is None else CopyRecord.beside(data)
        marked = certified is not None and certified.null_count < len(certified)
        ids = pa.array([], pa.string()) if record is None else record.ids
        return cls(ids=ids, copy=marked or record is not None)

    def rows(self, made: Verification, bare: BoolArray) -> BoolArray:
        """Find those that the copy left out, shape [rows of the table].

        Args:
            made: what somebody verified or corrected.
            bare: labelled rows that are not in the dataset and bring nothing that can be read, of the same shape.
        """
        told = np.asarray(pc.is_in(made.ids, value_set=self.ids))
        none = np.asarray(pc.fill_null(pc.equal(made.labels, made.none_label), fill_value=False))
        gone: BoolArray = bare & (told | (none & self.copy))
        return gone


def left_out_notices(made: Verification, gone: BoolArray, *, kind: str = "verified") -> Iterator[Notice]:
    """Say how many rows the copy left out, and of how many no class is right.

    Args:
        made: what somebody verified or corrected.
        gone: rows that the copy left out, shape [rows of the table].
        kind: what they are.
    """
    if not gone.any():
        return
    rows = int(gone.sum())
    them = agreeing(rows, "it", "them")
    none = count_true(pc.and_(pa.array(gone), pc.fill_null(pc.equal(made.labels, made.none_label), fill_value=False)))
    of_no_class = f" ({none:,} of no class)" if none else ""
    yield Notice(
        code="rows-left-out-of-the-copy",
        message=f"{counted(rows, f'{kind} row')} of {made.where} {agreeing(rows)} not in this copy, because its export "
        f"left {them} out{of_no_class}: nothing is made of {them} here.",
        severity=Severity.NOTE,
    )


def without(labels: pa.ChunkedArray, gone: BoolArray) -> pa.ChunkedArray:
    """Take the labels of some rows away; both have the shape [rows]."""
    return pc.if_else(pa.array(gone), pa.scalar(None, pa.string()), labels) if gone.any() else labels
