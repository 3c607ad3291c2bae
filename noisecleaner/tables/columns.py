"""Columns of Arrow, of perhaps ten million rows, as arrays and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import FloatArray, IntArray, SingleArray

#: Rows of a part of a column.
_PART = 2**16


def with_column(table: pa.Table, name: str, column: pa.Array | pa.ChunkedArray) -> pa.Table:
    """Return a table with other values in one of its columns: of the same type, or texts for compacted ones."""
    return table.set_column(table.column_names.index(name), table.schema.field(name).with_type(column.type), column)


def nulls(rows: int, kind: pa.DataType) -> pa.ChunkedArray:
    """Make a column of nulls, whose parts all share the memory of one: there may be millions of rows, shape [rows]."""
    one = pa.nulls(min(rows, _PART), kind)
    parts = [one.slice(0, min(_PART, rows - first)) for first in range(0, rows, _PART)]
    return pa.chunked_array(parts, kind)


def compacted(values: pa.Array) -> pa.Array:
    """Hold values in little memory: one null for all where there is nothing else, a number for each text."""
    if values.null_count == len(values) and len(values) <= _PART * 2:
        return _nulls_of(values.type).slice(0, len(values))
    return values.dictionary_encode() if pa.types.is_string(values.type) else values


@cache
def _nulls_of(kind: pa.DataType) -> pa.Array:
    return pa.nulls(_PART * 2, kind)


def joined(parts: Sequence[pa.Array], kind: pa.DataType) -> pa.ChunkedArray:
    """Put compacted parts of a column of some type together; texts have one dictionary then, if any part has one."""
    encoded = next((part.type for part in parts if pa.types.is_dictionary(part.type)), kind)
    alike = [part if part.type == encoded else _nulls_of(encoded).slice(0, len(part)) for part in parts]
    column = pa.chunked_array(alike, encoded)
    return column.unify_dictionaries() if pa.types.is_dictionary(encoded) else column


def overwritten(column: pa.ChunkedArray, rows: IntArray, values: pa.Array) -> pa.ChunkedArray:
    """Put values over those of some rows of a column; parts of it without such a row stay the very same.

    Args:
        column: shape [rows of the table].
        rows: numbers of different rows, in any order, shape [n].
        values: of the same type, shape [n].
    """
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    order = np.argsort(rows)
    rows, values = rows[order], values.take(pa.array(order))
    parts, first = [], 0
    for chunk in column.chunks:
        start, end = np.searchsorted(rows, (first, first + len(chunk))).tolist()
        if end > start:
            mask = np.zeros(len(chunk), dtype=bool)
            mask[rows[start:end] - first] = True
            parts.append(pc.replace_with_mask(chunk, pa.array(mask), values.slice(start, end - start)))
        else:
            parts.append(chunk)
        first += len(chunk)
    return pa.chunked_array(parts, column.type)


def places_among(ids: pa.Array | pa.ChunkedArray, known: pa.Array | pa.ChunkedArray) -> IntArray:
    """Find the place of each id among others, -1 where it is not there, or null; shape [ids].

    Args:
        ids: in any order, also repeated ones; these are held a second time, and the others are not.
        known: the others; of equal ones the first counts.
    """
    wanted, first = pc.unique(ids).drop_null(), 0
    found = np.full(len(wanted), -1)
    for part in _parts(known):
        places = pc.index_in(part, value_set=wanted)
        there = np.flatnonzero(np.asarray(places.is_valid()))[::-1]  # so that the first of equal ones is written last
        there = there[found[np.asarray(places.take(pa.array(there)))] < 0]
        found[np.asarray(places.take(pa.array(there)))] = first + there
        first += len(part)
    positions = np.asarray(pc.fill_null(pc.index_in(ids, value_set=wanted), -1))
    return np.where(positions >= 0, found[positions] if len(found) else -1, -1)


def _parts(column: pa.Array | pa.ChunkedArray) -> Iterator[pa.Array]:
    """Yield a column a part at a time."""
    for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
        yield from (chunk.slice(first, _PART) for first in range(0, len(chunk), _PART))


def count_true(mask: pa.Array | pa.ChunkedArray) -> int:
    """Count the rows for which a mask holds; rows where it is null do not count."""
    return pc.sum(mask).as_py() or 0


def doubles(column: pa.ChunkedArray) -> FloatArray:
    """Read numbers, NaN where there is none, shape [rows]; one number for all where there are none, not to write to."""
    if column.null_count == len(column):
        return np.broadcast_to(np.float64(np.nan), len(column))
    return np.asarray(column.to_numpy(), dtype=np.float64)


def singles(column: pa.ChunkedArray) -> SingleArray:
    """Read numbers in single precision, NaN where there is none, shape [rows]."""
    if column.null_count == len(column):
        return np.broadcast_to(np.float32(np.nan), len(column))
    return np.asarray(column.to_numpy(), dtype=np.float32)
