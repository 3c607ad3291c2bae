"""CSV with a header line: all columns are text, so that `0001` stays `0001`; an empty field is null.

Fields are separated by commas, semicolons, tabs or bars, as the first lines tell; a byte-order mark and Excel's line
`sep=;` are understood, and text in Excel's old encoding (cp1252) is, with a notice.
"""

from __future__ import annotations

import csv as python_csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
from pyarrow import csv

from noisecleaner.ingest.files.kinds import ending_of
from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.readers._encoding import Text
from noisecleaner.ingest.readers._text import batches_of, read_in_blocks, refuse_utf16, refusing
from noisecleaner.notices import Notice

ENDINGS = (".csv", ".tsv")
IN_FOLDERS = False
#: A cell that says 7 may mean the number.
UNTYPED = True

_DELIMITERS = (",", ";", "\t", "|")
#: Bytes and lines that tell the separator.
_START, _LINES = 2**16, 5


@dataclass(frozen=True)
class Dialect:
    """What separates fields, and how many lines stand before the header (Excel's `sep=;` is one)."""

    delimiter: str
    skipped: int = 0


def read_schema(place: Place) -> pa.Schema:
    """Read the whole file, so that a line that is too long is found before anything else is done."""
    return _read(place).schema


def read_batches(place: Place, columns: Sequence[str], size: int) -> Iterator[pa.RecordBatch]:
    """Yield batches of at most `size` rows that hold just these columns."""
    yield from batches_of(_read(place), list(columns), size)


def read_notices(place: Place) -> Iterator[Notice]:
    """Say so where a table is in another encoding than UTF-8."""
    yield from Text.of(place).notices()


def _read(place: Place) -> pa.Table:
    refuse_utf16(place)
    text = Text.of(place)
    with refusing(place):
        dialect = _dialect(text)
        return read_in_blocks(place, lambda size: _parsed(text, dialect, size))


def _parsed(text: Text, dialect: Dialect, size: int) -> pa.Table:
    # or a line break in quotes at the end of a block would end the row, and say nothing
    parse = csv.ParseOptions(delimiter=dialect.delimiter, newlines_in_values=True)
    read = csv.ReadOptions(block_size=size, skip_rows=dialect.skipped)
    names = csv.read_csv(pa.BufferReader(_header(text, dialect)), read_options=read, parse_options=parse).column_names
    cells = csv.ConvertOptions(
        column_types={name: pa.string() for name in names}, strings_can_be_null=True, null_values=[""]
    )
    with text.open() as file:
        table = csv.read_csv(file, read_options=read, parse_options=parse, convert_options=cells)
    return _without_empty(table) if names.count("") > 1 else table


def _without_empty(table: pa.Table) -> pa.Table:
    """Leave out columns without a name and a cell: a spreadsheet writes them for cells that were once filled."""
    kept = [
        place for place, name in enumerate(table.column_names) if name or table.column(place).null_count < len(table)
    ]
    return table.select(kept)


def _header(text: Text, dialect: Dialect) -> bytes:
    """The first lines, up to the one that names the columns.

    Arrow's own reader of first lines, `open_csv`, fails now and then where those behind it are longer than its blocks.
    """
    start = b""
    with text.open() as file:
        while block := bytes(file.read(_START)):
            start += block
            lines = start.splitlines(keepends=True)
            named = next((row for row, line in enumerate(lines) if row >= dialect.skipped and line.strip()), len(lines))
            if named + 1 < len(lines):
                return b"".join(lines[: named + 1])
    return start


def dialect_of(place: Place) -> Dialect:
    """Find out how a table is written."""
    return _dialect(Text.of(place))


def _dialect(text: Text) -> Dialect:
    """Find the separator: the first that cuts the header and the next lines into as many fields."""
    with text.open() as file:
        start = bytes(file.read(_START))
    first = start.decode("utf-8-sig", errors="replace")
    told = re.match(r"sep=(.)\r?\n", first)
    if told:
        return Dialect(told[1], skipped=1)
    if len(start) == _START:
        first = first[: first.rfind("\n") + 1] or first  # the last line may be cut
    preferred = "\t" if ending_of(text.place.name) == ".tsv" else ","
    for delimiter in sorted(_DELIMITERS, key=lambda delimiter: delimiter != preferred):
        widths = {len(fields) for fields in _lines(first, delimiter) if fields}
        if len(widths) == 1 and widths.pop() > 1:
            return Dialect(delimiter)
    return Dialect(preferred)


def _lines(text: str, delimiter: str) -> list[list[str]]:
    """The first lines, cut into fields; none where they cannot be."""
    reader = python_csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        return [fields for _, fields in zip(range(_LINES), reader, strict=False)]
    except python_csv.Error:  # a field of more than 128 KiB, or a lone NUL
        return []
