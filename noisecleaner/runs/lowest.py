"""The rows with the lowest values of a column, a part of scores.parquet at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from noisecleaner.arrays import BoolArray, FloatArray, IntArray

#: What a person is shown of such a row, columns of scores.parquet, beside the one that is cut.
SHOWN = (
    "sample_id",
    "given_label",
    "suggested_label",
    "suggested_confidence",
    "trusted_label",
    "corrected_label",
    "flagged",
)


class Lowest(NamedTuple):
    """Rows that were chosen.

    Args:
        table: with the columns of the batches; None where there is no row.
        numbers: of the rows in the dataset, shape [rows].
        of: rows among which they were chosen.
    """

    table: pa.Table | None
    numbers: IntArray
    of: int


def lowest(
    batches: Iterable[pa.RecordBatch],
    by: str,
    most: int,
    among: Callable[[pa.RecordBatch, FloatArray], BoolArray],
) -> Lowest:
    """Choose the rows with the lowest values, in the order of the dataset where they are equal; those without one last.

    Args:
        batches: of scores.parquet.
        by: the column whose values count.
        most: how many to choose; so many, and one batch, are in memory.
        among: which rows of a batch may be chosen, by the batch and its values (NaN where a row has none); both have
            the shape [rows].
    """
    table, numbers, values = None, np.empty(0, np.int64), np.empty(0)
    first = of = 0
    for batch in batches:
        own = np.asarray(batch[by].to_numpy(zero_copy_only=False), dtype=np.float64)
        rows = np.flatnonzero(among(batch, own))
        of, chosen = of + len(rows), rows[np.argsort(own[rows], kind="stable")[:most]]
        part = pa.Table.from_batches([batch]).take(pa.array(chosen))
        table = part if table is None else pa.concat_tables([table, part])
        numbers, values = np.concatenate([numbers, first + chosen]), np.concatenate([values, own[chosen]])
        kept = np.argsort(values, kind="stable")[:most]
        table, numbers, values = table.take(pa.array(kept)), numbers[kept], values[kept]
        first += len(batch)
    return Lowest(table, numbers, of)


def finite(number: float | None) -> float | None:
    """A cell's number for JSON; None where it has none."""
    return None if number is None or not np.isfinite(number) else float(number)
