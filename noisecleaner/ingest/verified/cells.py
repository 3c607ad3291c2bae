"""Ids that come back from a spreadsheet: flagged.csv has an apostrophe before those that begin like a formula."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import IntArray
from noisecleaner.errors import NoisecleanerError, quoted
from noisecleaner.tables import places_among
from noisecleaner.texts import uncell


def find_ids(ids: pa.Array | pa.ChunkedArray, known: pa.Array | pa.ChunkedArray, where: str) -> IntArray:
    """Find the row of each id, also of those that `texts.cell` has changed.

    Args:
        ids: of a table, shape [rows].
        known: ids of the dataset.
        where: the table, for messages.

    Returns:
        Rows of the dataset, -1 for ids that are not in it, shape [rows].

    Raises:
        NoisecleanerError: an id may be that of two rows, because the dataset has it with and without an apostrophe.
    """
    rows = places_among(ids, known)
    for row in np.flatnonzero(np.asarray(pc.fill_null(pc.starts_with(ids, "'"), fill_value=False))).tolist():
        text = ids[row].as_py()
        if (meant := uncell(text)) == text or (found := int(places_among(pa.array([meant]), known)[0])) < 0:
            continue
        if rows[row] >= 0:
            raise NoisecleanerError(
                f"An id must be that of one row, but {quoted(text)} of {where} is one of the dataset as it stands, and "
                "one without its first apostrophe, which flagged.csv puts before what begins like a formula.",
                "Give such rows other ids, or name them in a table that is no CSV.",
            )
        rows[row] = found
    return rows
