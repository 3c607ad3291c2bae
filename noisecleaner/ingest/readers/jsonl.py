"""JSON lines: one object a row, types as JSON has them; text that looks like a time stays text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa
from pyarrow import json

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.files.json_text import refuse_deep
from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.readers._text import batches_of, read_in_blocks, refuse_utf16, refusing

ENDINGS = (".jsonl", ".ndjson")
IN_FOLDERS = False


def read_schema(place: Place) -> pa.Schema:
    """Read the whole file: a column's type is known only with its last row."""
    return _read(place).schema


def read_batches(place: Place, columns: Sequence[str], size: int) -> Iterator[pa.RecordBatch]:
    """Yield batches of at most `size` rows that hold just these columns."""
    yield from batches_of(_read(place), list(columns), size)


def _read(place: Place) -> pa.Table:
    refuse_utf16(place)
    _refuse_array(place)
    return read_lines(place, place.open)


def read_lines(place: Place, open_lines: Callable[[], Any]) -> pa.Table:
    """Read lines of JSON.

    Args:
        place: the file, for messages.
        open_lines: opens what is read: the file itself, or what was made of it.

    Raises:
        NoisecleanerError: they are no such lines.
    """
    with open_lines() as file:
        refuse_deep(bytes(file.read()), place)
    with refusing(place):
        return read_in_blocks(place, lambda size: _parsed(open_lines, size))


def _parsed(open_lines: Callable[[], Any], size: int) -> pa.Table:
    blocks = json.ReadOptions(block_size=size)
    with open_lines() as file:
        table = json.read_json(file, read_options=blocks)
    times = [field.name for field in table.schema if pa.types.is_temporal(field.type)]
    if not times:
        return table
    text = json.ParseOptions(explicit_schema=pa.schema([(name, pa.string()) for name in times]))
    with open_lines() as file:
        return json.read_json(file, read_options=blocks, parse_options=text).select(table.column_names)


def _refuse_array(place: Place) -> None:
    """Refuse an array of objects, which is JSON and not lines of it."""
    with place.open() as file:
        start = bytes(file.read(64)).removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"["):
        raise NoisecleanerError(
            f"{place} must hold a JSON object in each line, but it holds one array.",
            "Rename it to .json, which is read as an array of objects, or write one object a line.",
        )
