"""What the dataset was: an image folder, or a table of its kind; Parquet where a table holds the images themselves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from noisecleaner.export.copying import Copy
from noisecleaner.export.formats import writer_of
from noisecleaner.ingest.payloads import ImageColumn
from noisecleaner.ingest.readers import kind_of, reader_of
from noisecleaner.notices import Notice
from noisecleaner.progress import Stage
from noisecleaner.registry import names_in

NEEDS_IMAGES = False


def write(folder: Path, copy: Copy, stage: Stage) -> Sequence[Notice] | None:
    """Write the format that the dataset has."""
    return writer_of(instead(copy)).write(folder, copy, stage)


def instead(copy: Copy) -> str:
    """Name the format that the dataset has: a format that is called like the reader of its tables.

    Of other tables, a workbook becomes CSV, which every spreadsheet opens, and what has types Parquet.
    """
    files = copy.owner.files
    if files is None:
        return "folder" if copy.brings_images else "parquet"
    kind = kind_of(files.places[0])
    held = isinstance(copy.manifest.payload, ImageColumn)
    if held:
        return "parquet"
    return kind if kind in names_in("export.formats") else "parquet" if reader_of(files.places[0]).IN_FOLDERS else "csv"
