"""Verified labels that say that none of the classes is right: read as users write them, and as numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import NO_CLASS, BoolArray, IntArray
from noisecleaner.ingest.labels import index_or_name, indices


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
    return known if none_label is None else np.where(_equal(column, none_label), NO_CLASS, known)


def read_verified(
    column: pa.ChunkedArray, *, names: Sequence[str], classes: Sequence[str], where: str, none_label: str | None
) -> pa.ChunkedArray:
    """Read verified labels as `index_or_name` does; rows with `none_label` have no part in how the others are read.

    Args:
        column: labels of any type that a user's table may hold, shape [rows].
        names: the class names that the column's own integers index; empty without such.
        classes: those of the dataset.
        where: file and column, for the message.
        none_label: the label that says that none of the classes is right; None where no label can.

    Raises:
        NoisecleanerError: the column holds something that cannot be a label.
    """
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    without = (
        _equal(column, none_label) if none_label is not None and (text or pa.types.is_integer(column.type)) else None
    )
    if without is None or not without.any():
        return index_or_name(column, names=names, classes=classes, where=where)
    rest = pc.if_else(pa.array(without), pa.scalar(None, column.type), column)
    labels = index_or_name(rest, names=names, classes=classes, where=where)
    return pc.if_else(pa.array(without), pa.scalar(none_label, pa.string()), labels)


def _equal(column: pa.ChunkedArray, label: str) -> BoolArray:
    return np.asarray(pc.fill_null(pc.equal(column.cast(pa.string()), label), fill_value=False))
