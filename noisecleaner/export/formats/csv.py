"""CSV: the owner's table with its labels changed and notes at its end, separated as it was; images stay in place."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.export.copying import Copy
from noisecleaner.export.json_values import plain
from noisecleaner.export.row_tables import TextFormat, refuse_bytes, write_rows
from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.readers.csv import ENDINGS, dialect_of
from noisecleaner.progress import Stage

NEEDS_IMAGES = False
ROWS_ALONE = True

_MARK = b"\xef\xbb\xbf"


def refuse(copy: Copy) -> None:
    """Refuse what text cannot hold, see `refuse_bytes`."""
    refuse_bytes(copy, format="csv")


def write(folder: Path, copy: Copy, stage: Stage) -> None:
    """Write a file for each of the owner's, or for each split."""
    write_rows(folder, copy, stage, TextFormat(endings=ENDINGS, opened=opened))


@contextmanager
def opened(path: Path, like: Place | None) -> Iterator[Callable[[pa.Table], None]]:
    """Open a file to write tables to, one behind the other.

    Args:
        path: of the file.
        like: a CSV of the owner, whose separator, byte-order mark and line ends are taken; None takes plain ones.
    """
    start = b""
    if like is not None and like.suffix in ENDINGS:
        dialect = dialect_of(like)
        with like.open() as file:
            start = bytes(file.read(2**16))
        delimiter, told = dialect.delimiter, bool(dialect.skipped)
    else:
        delimiter, told = ",", False
    end = "\r\n" if b"\r\n" in start else "\n"
    special = re.compile(f'["\r\n{re.escape(delimiter)}]')
    encoding = "utf-8-sig" if start.startswith(_MARK) else "utf-8"
    with path.open("w", encoding=encoding, newline="") as file:
        begun = False

        def write_table(table: pa.Table) -> None:
            nonlocal begun
            if not begun:
                file.write(f"sep={delimiter}{end}" if told else "")
                file.write(_line(table.column_names, delimiter, special) + end)
                begun = True
            columns = [_cells(column) for column in table.columns]
            file.writelines(_line(cells, delimiter, special) + end for cells in zip(*columns, strict=True))

        yield write_table


def _line(cells: tuple[str, ...] | list[str], delimiter: str, special: re.Pattern[str]) -> str:
    quoted = ('"' + cell.replace('"', '""') + '"' if special.search(cell) else cell for cell in cells)
    return delimiter.join(quoted)


def _cells(column: pa.ChunkedArray) -> list[str]:
    """Text for each value: nothing for null, JSON for lists and structs."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_nested(column.type):
        return ["" if cell is None else json.dumps(plain(cell), ensure_ascii=False) for cell in column.to_pylist()]
    if pa.types.is_floating(column.type):  # Arrow writes 1.0 as 1, which is an integer to whoever reads it
        numbers = column.to_numpy()
        return ["" if absent else str(cell) for cell, absent in zip(numbers, column.is_null().to_pylist(), strict=True)]
    texts: list[str] = pc.fill_null(column.cast(pa.string()), "").to_pylist()
    return texts
