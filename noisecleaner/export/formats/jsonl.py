"""JSON lines: the owner's rows with their labels changed and notes at the end; images stay in place."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from noisecleaner.export.copying import Copy
from noisecleaner.export.json_values import records
from noisecleaner.export.row_tables import TextFormat, refuse_bytes, write_rows
from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.readers.jsonl import ENDINGS
from noisecleaner.progress import Stage

NEEDS_IMAGES = False
ROWS_ALONE = True


def refuse(copy: Copy) -> None:
    """Refuse what text cannot hold, see `refuse_bytes`."""
    refuse_bytes(copy, format="jsonl")


def write(folder: Path, copy: Copy, stage: Stage) -> None:
    """Write a file for each of the owner's, or for each split."""
    write_rows(folder, copy, stage, TextFormat(endings=ENDINGS, opened=opened))


@contextmanager
def opened(path: Path, like: Place | None) -> Iterator[Callable[[pa.Table], None]]:
    """Open a file to write tables to, one behind the other.

    Args:
        path: of the file.
        like: a file of the owner, which tells nothing.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        yield lambda table: file.writelines(f"{line}\n" for line in lines(table))


def lines(table: pa.Table) -> Iterator[str]:
    """Yield a JSON object for each row of a table."""
    for row in records(table):
        yield json.dumps(row, ensure_ascii=False, allow_nan=False)
