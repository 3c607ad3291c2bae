"""What a row brings: an image file, encoded bytes in a table, or a vector."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from noisecleaner.arrays import IntArray
from noisecleaner.ingest.manifest import Skip
from noisecleaner.ingest.places import Place, check_relative
from noisecleaner.ingest.tabular import IMAGE_BATCH, Files

#: Encoded images above this size are refused unread (a decompression bomb may be far smaller).
MAX_FILE_BYTES = 256 * 2**20


@dataclass(frozen=True)
class ImageFiles:
    """Images in files of their own: `paths` are relative to `root`, or absolute where that was allowed."""

    root: Place
    paths: pa.StringArray

    def read(self, rows: IntArray) -> Iterator[tuple[int, bytes | Skip]]:
        """Yield `(row, encoded bytes)`, or the reason why there are none."""
        for row in rows.tolist():
            yield row, read_file(self.root, self.paths[row].as_py())


@dataclass(frozen=True)
class ImageColumn:
    """Images in a table: bytes, lists of uint8, or `struct<bytes, path>` (the path serves without bytes)."""

    files: Files
    column: str
    allow_absolute: bool = False

    def read(self, rows: IntArray) -> Iterator[tuple[int, bytes | Skip]]:
        """Yield `(row, encoded bytes)`, or the reason why there are none."""
        wanted = iter(np.sort(rows).tolist())
        next_row = next(wanted, None)
        first = 0
        for batch in self.files.batches([self.column], IMAGE_BATCH):
            while next_row is not None and next_row < first + batch.num_rows:
                yield next_row, self._encoded(batch.column(0)[next_row - first].as_py())
                next_row = next(wanted, None)
            if next_row is None:
                return
            first += batch.num_rows

    def _encoded(self, value: Any) -> bytes | Skip:
        if isinstance(value, dict):
            value = value.get("bytes") or value.get("path")
        if isinstance(value, list):
            try:
                value = bytes(value)
            except (TypeError, ValueError):  # numbers that are no bytes
                return Skip.UNREADABLE
        if isinstance(value, str):
            check_relative([value], self.files.root, self.allow_absolute)
            return read_file(self.files.root, value)
        return value if value else Skip.NO_IMAGE


def read_file(root: Place, path: str | None) -> bytes | Skip:
    """Read one image file, or say why not."""
    if not path:
        return Skip.NO_IMAGE
    place = root / path
    try:
        size = place.size()
        if size is None:
            return Skip.MISSING_FILE
        return Skip.TOO_LARGE if size > MAX_FILE_BYTES else place.read()
    except (OSError, ValueError):
        return Skip.UNREADABLE
