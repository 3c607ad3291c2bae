"""Verified labels as class indices; some say that none of the classes is right, and two looks may disagree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import NO_CLASS, BoolArray, IntArray
from noisecleaner.ingest.labels.cells import indices

#: The column of second looks at verified rows, in users' tables and in those that are written.
SECOND = "second_label"


def verified_indices(column: pa.ChunkedArray, classes: Sequence[str], *, none_label: str | None) -> IntArray:
    """Turn verified labels into class indices, shape [rows].

    Args:
        column: class names as text, null where nobody verified the row.
        classes: the class names.
        none_label: the label that says that none of them is right; None where no label can.

    Returns:
        `UNVERIFIED` where a row has no label that is known, `NO_CLASS` where it has `none_label`.
    """
    known = indices(column, classes)
    if none_label is not None and column.null_count < len(column):
        known[_equal(column, none_label)] = NO_CLASS
    return known


def disputed(rows: pa.Table) -> BoolArray:
    """Find the rows at which two looks saw different labels, shape [rows].

    Args:
        rows: with the columns trusted_label and second_label.
    """
    return np.asarray(pc.fill_null(pc.not_equal(rows["trusted_label"], rows[SECOND]), fill_value=False))


def _equal(column: pa.ChunkedArray, label: str) -> BoolArray:
    return np.asarray(pc.fill_null(pc.equal(column.cast(pa.string()), label), fill_value=False))
