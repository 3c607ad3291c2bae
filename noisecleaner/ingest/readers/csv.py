"""CSV with a header line: all columns are text, so that `0001` stays `0001`; an empty field is null."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
from pyarrow import csv

from noisecleaner.ingest.places import Place
from noisecleaner.ingest.readers._text import refusing

ENDINGS = (".csv",)
IN_FOLDERS = False


def read_schema(place: Place) -> pa.Schema:
    """Read the whole file, so that a line that is too long is found before anything else is done."""
    return _read(place).schema


def read_batches(place: Place, columns: Sequence[str], size: int) -> Iterator[pa.RecordBatch]:
    """Yield batches of at most `size` rows that hold just these columns."""
    yield from _read(place).select(list(columns)).to_batches(size)


def _read(place: Place) -> pa.Table:
    with refusing(place):
        with place.open() as file:
            header = csv.open_csv(file).schema.names
        text = csv.ConvertOptions(
            column_types={name: pa.string() for name in header}, strings_can_be_null=True, null_values=[""]
        )
        with place.open() as file:
            return csv.read_csv(file, convert_options=text)
