"""Verified labels that say that none of the classes is right: read as users write them, and as numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import NO_CLASS, BoolArray, IntArray
from noisecleaner.ingest.labels import indices


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


def _equal(column: pa.ChunkedArray, label: str) -> BoolArray:
    return np.asarray(pc.fill_null(pc.equal(column.cast(pa.string()), label), fill_value=False))
