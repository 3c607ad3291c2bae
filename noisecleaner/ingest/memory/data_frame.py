"""DataFrames of pandas: nullable numbers, texts, categories, lists, paths, and images as PIL objects or arrays."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.memory import Rows
from noisecleaner.ingest.memory._cells import plain
from noisecleaner.tables import ARROW_ERRORS

#: Rows that are put together at a time, as in Parquet files of images.
_BATCH = 1000


def takes(data: object) -> bool:
    """Whether it is one."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(data, pandas.DataFrame)


def tables(data: Any) -> Mapping[str, Rows]:
    """Read its columns, behind those of the index that have a name.

    Raises:
        NoisecleanerError: two columns are called alike, or one holds what no table can.
    """
    named = [(str(name), data.index.get_level_values(name)) for name in data.index.names if name is not None]
    columns = [*named, *((str(name), data.iloc[:, place]) for place, name in enumerate(data.columns))]
    names = [name for name, _ in columns]
    if len(set(names)) < len(names):
        twice = list(dict.fromkeys(name for name in names if names.count(name) > 1))
        raise NoisecleanerError(
            f"Columns of a table must have different names, but a DataFrame has two that are called {listed(twice)} (a "
            "named index is a column).",
            "Rename one of them, or leave the index out with `reset_index(drop=True)`.",
        )
    arrays = [_array(name, values) for name, values in columns]
    table = pa.table(arrays, names=names)
    return {"": Rows(schema=table.schema, batches=_batches(table))}


def _batches(table: pa.Table) -> Iterator[pa.RecordBatch]:
    yield from table.to_batches(_BATCH)


def _array(name: str, values: Any) -> pa.Array | pa.ChunkedArray:
    """Make a column, nulls where pandas has NaN, None, NA or NaT.

    Raises:
        NoisecleanerError: Arrow has no type for the values.
    """
    cells = plain(values) if values.dtype == object else values
    try:
        return _typed(pa.array(cells, from_pandas=True))
    except (*ARROW_ERRORS, TypeError, ValueError) as error:
        kinds = sorted({type(value).__name__ for value in values if value is not None})
        raise NoisecleanerError(
            f"A column of a table holds values of one kind, but column {name!r} of a DataFrame holds {listed(kinds)} "
            f"({error}).",
            "Make the values alike, or drop the column.",
        ) from error


def _typed(array: pa.Array) -> pa.Array:
    """Give a type to fields that hold nothing: of images from memory the path is empty in each row."""
    if not pa.types.is_struct(array.type):
        return array
    fields = [f.with_type(pa.string()) if pa.types.is_null(f.type) else f for f in array.type]
    return array.cast(pa.struct(fields))
