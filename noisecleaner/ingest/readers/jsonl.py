"""JSON lines: one object a row, types as JSON has them; text that looks like a time stays text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
from pyarrow import json

from noisecleaner.ingest.places import Place
from noisecleaner.ingest.readers._text import refusing

ENDINGS = (".jsonl",)
IN_FOLDERS = False


def read_schema(place: Place) -> pa.Schema:
    """Read the whole file: a column's type is known only with its last row."""
    return _read(place).schema


def read_batches(place: Place, columns: Sequence[str], size: int) -> Iterator[pa.RecordBatch]:
    """Yield batches of at most `size` rows that hold just these columns."""
    yield from _read(place).select(list(columns)).to_batches(size)


def _read(place: Place) -> pa.Table:
    with refusing(place), place.open() as file:
        table = json.read_json(file)
        times = [field.name for field in table.schema if pa.types.is_temporal(field.type)]
        if not times:
            return table
        file.seek(0)
        text = json.ParseOptions(explicit_schema=pa.schema([(name, pa.string()) for name in times]))
        return json.read_json(file, parse_options=text).select(table.column_names)
