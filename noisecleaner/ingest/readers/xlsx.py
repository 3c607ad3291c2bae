"""Workbooks (.xlsx): one sheet, all cells as text as CSV has them; formulas are read as the values they had last."""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.readers._text import batches_of
from noisecleaner.notices import Notice, Severity

ENDINGS = (".xlsx", ".xlsm")
IN_FOLDERS = False
#: A cell that says 7 may mean the number.
UNTYPED = True
#: Ten thousand cells take a tenth of a second, and columns are read one by one.
SLOW = True

#: Bytes of a workbook's unpacked parts, the parts, and the rows of a sheet (Excel has no more).
_MOST_BYTES, _MOST_PARTS, _MOST_ROWS = 2**29, 10_000, 2**20
#: Columns by which a sheet is known to be the one that is meant.
_WANTED = frozenset(
    ("sample_id", "trusted_label", "corrected_label", "second_label", "label", "image", "file_name", "path")
)
_HINT = "Save the sheet as CSV UTF-8 there (commas and semicolons are both read)."


def read_schema(place: Place) -> pa.Schema:
    """Read the whole sheet: its columns are text."""
    return _read(place).schema


def read_batches(place: Place, columns: Sequence[str], size: int) -> Iterator[pa.RecordBatch]:
    """Yield batches of at most `size` rows that hold just these columns."""
    yield from batches_of(_read(place), list(columns), size)


def read_notices(place: Place) -> Iterator[Notice]:
    """Say which sheet was read, where there are several."""
    with _opened(place) as book:
        sheets = [sheet.title for sheet in book.worksheets]
        chosen = _chosen(book, place)
    if len(sheets) > 1:
        yield Notice(
            code="table-sheet",
            severity=Severity.NOTE,
            message=f"{place} has {len(sheets):,} sheets ({listed(sheets, 5)}): {chosen.title!r} was read.",
        )


def _read(place: Place) -> pa.Table:
    with _opened(place) as book:
        sheet = _chosen(book, place)
        return _table(sheet, place)


@contextmanager
def _opened(place: Place) -> Iterator[Any]:
    """Open a workbook, once it is sure that it does not fill the memory."""
    try:
        import openpyxl
    except ImportError as error:
        raise NoisecleanerError(
            f"Workbooks are read by openpyxl, which is not installed, so that {place} cannot be read.",
            f"Type pip install 'noisecleaner[excel]'. Or do without: {_HINT[0].lower()}{_HINT[1:]}",
        ) from error
    try:
        with place.open() as file:
            _refuse_bomb(file, place)
            file.seek(0)
            book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
            try:
                yield book
            finally:
                book.close()
    except NoisecleanerError:
        raise
    except Exception as error:  # openpyxl raises what its parts happen to raise: KeyError, ValueError, ParseError, …
        raise NoisecleanerError(
            f"A workbook (.xlsx) is required, but {place} cannot be read as a table ({str(error)[:300]}).", _HINT
        ) from error


def _refuse_bomb(file: Any, place: Place) -> None:
    """Refuse an archive that unpacks to more than a workbook of labels holds; no part unpacks to more than it says.

    Raises:
        NoisecleanerError: it does.
    """
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
    size = sum(part.file_size for part in parts)
    if size > _MOST_BYTES or len(parts) > _MOST_PARTS:
        raise NoisecleanerError(
            f"A workbook may unpack to {_MOST_BYTES // 2**20:,} MiB in {_MOST_PARTS:,} parts, but {place} unpacks to "
            f"{size // 2**20:,} MiB in {len(parts):,}.",
            "Write the table as Parquet or CSV.",
        )


def _chosen(book: Any, place: Place) -> Any:
    """Find the sheet: the first whose header has a name that we know, else the first that has one."""
    headed = []
    for sheet in book.worksheets:
        names = set(_header(sheet))
        if names & _WANTED:
            return sheet
        if names - {""}:
            headed.append(sheet)
    if not headed:
        raise NoisecleanerError(f"A table needs a header line and rows, but no sheet of {place} has any.", _HINT)
    return headed[0]


def _rows(sheet: Any, width: int | None = None) -> Iterator[tuple[Any, ...]]:
    """The rows of a sheet from the first that is not empty on; what a sheet says of its own size is not believed."""
    sheet.reset_dimensions()
    rows = sheet.iter_rows(max_row=_MOST_ROWS, max_col=width, values_only=True)
    begun = False
    for row in rows:
        begun = begun or any(value is not None for value in row)
        if begun:
            yield row


def _header(sheet: Any) -> list[str]:
    """The names in the first row that is not empty, without empty cells behind the last one."""
    names = [(_text(value) or "").strip() for value in next(_rows(sheet), ())]
    while names and not names[-1]:
        names.pop()
    return names


def _table(sheet: Any, place: Place) -> pa.Table:
    names = _header(sheet)
    named = [place for place, name in enumerate(names) if name]
    rows = _rows(sheet, len(names))
    next(rows)
    columns: list[list[str | None]] = [[] for _ in named]
    for row in rows:
        texts = [_text(row[column]) if column < len(row) else None for column in named]
        if any(text is not None for text in texts):  # a row that was emptied is still there
            for column, text in zip(columns, texts, strict=True):
                column.append(text)
    return pa.Table.from_arrays(
        [pa.array(column, pa.string()) for column in columns], [names[column] for column in named]
    )


def _text(value: Any) -> str | None:
    """Write a cell as CSV would: 7 for 7.0, ISO dates, and nothing for an empty one."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    return str(value)
