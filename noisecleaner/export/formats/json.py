"""JSON, an array of objects: the owner's rows with their labels changed and notes at the end; images stay in place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from noisecleaner.export.copying import Copy
from noisecleaner.export.formats.jsonl import lines
from noisecleaner.export.row_tables import TextFormat, refuse_bytes, write_rows
from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.readers.json import ENDINGS
from noisecleaner.progress import Stage

NEEDS_IMAGES = False
ROWS_ALONE = True


def refuse(copy: Copy) -> None:
    """Refuse what text cannot hold, see `refuse_bytes`."""
    refuse_bytes(copy, format="json")


def write(folder: Path, copy: Copy, stage: Stage) -> None:
    """Write a file for each of the owner's, or for each split."""
    write_rows(folder, copy, stage, TextFormat(endings=ENDINGS, opened=_opened))


@contextmanager
def _opened(path: Path, like: Place | None) -> Iterator[Callable[[pa.Table], None]]:
    with path.open("w", encoding="utf-8", newline="") as file:
        before = "[\n"

        def write_table(table: pa.Table) -> None:
            nonlocal before
            for line in lines(table):
                file.write(f"{before}{line}")
                before = ",\n"

        yield write_table
        file.write("\n]\n" if before == ",\n" else "[]\n")
