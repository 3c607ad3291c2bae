"""What a row brings: an image file, encoded bytes in a table, or a vector."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.manifest import FloatArray, IntArray, Skip
from noisecleaner.ingest.places import Place, check_relative
from noisecleaner.ingest.tabular import IMAGE_BATCH, Files

VECTOR_OPTIONS = {"embeddings": "--embedding-column", "probabilities": "--probabilities-column"}

#: Encoded images above this size are refused unread (a decompression bomb may be far smaller).
MAX_FILE_BYTES = 256 * 2**20
#: Numbers of vectors that are looked at together: 4 MiB in single precision, which the processor's cache holds.
_BLOCK_NUMBERS = 2**20


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


@dataclass(frozen=True)
class VectorColumn:
    """A list column of numbers, one vector of `width` a row."""

    files: Files
    column: str
    kind: Literal["embeddings", "probabilities"]
    width: int

    @classmethod
    def open(cls, files: Files, column: str, kind: Literal["embeddings", "probabilities"]) -> VectorColumn:
        """Find the vectors' width, from the first one that is not null where the type does not tell.

        Raises:
            NoisecleanerError: the column holds no lists of numbers.
        """
        of = files.schema.field(column).type
        lists = pa.types.is_list(of) or pa.types.is_large_list(of) or pa.types.is_fixed_size_list(of)
        if not lists or not (pa.types.is_floating(of.value_type) or pa.types.is_integer(of.value_type)):
            raise NoisecleanerError(
                f"{kind.capitalize()} must be lists of numbers, but column {column!r} of {files} holds {of}.",
                f"Name the right column with {VECTOR_OPTIONS[kind]} NAME.",
            )
        if pa.types.is_fixed_size_list(of):
            width = of.list_size
        else:  # reads the first rows, which may take a while
            width = next((len(v) for b in files.batches([column], 1024) for v in b.column(0) if v.is_valid), 0)
        if not width:
            raise NoisecleanerError(
                f"{kind.capitalize()} need at least one number, but column {column!r} of {files} holds empty vectors.",
                f"Name the right column with {VECTOR_OPTIONS[kind]} NAME.",
            )
        return cls(files, column, kind, width)

    def blocks(self) -> Iterator[FloatArray]:
        """Yield arrays of shape [rows, width]; a null vector is a row of NaN.

        Raises:
            NoisecleanerError: a vector has another length, or holds NaN or infinity.
        """
        first = 0
        for batch in self.files.batches([self.column], rows_at_once(self.width)):
            yield self._block(batch.column(0), first)
            first += batch.num_rows

    def _block(self, lists: pa.Array, first: int) -> FloatArray:
        present = np.asarray(lists.is_valid())
        lengths = np.asarray(pc.list_value_length(lists).fill_null(self.width))
        if (lengths != self.width).any():
            row = int(np.argmax(lengths != self.width))
            raise self._refusal(first + row, f"has {lengths[row]} numbers")
        values = lists.drop_null().flatten().to_numpy(zero_copy_only=False)
        kind = values.dtype if values.dtype in (np.float16, np.float32) else np.dtype(np.float32)
        block = np.full((len(lists), self.width), np.nan, kind)
        block[present] = values.reshape(-1, self.width)
        broken = present & ~np.isfinite(block).all(axis=1)
        if broken.any():
            raise self._refusal(first + int(np.argmax(broken)), "holds NaN or infinity")
        return block

    def _refusal(self, row: int, what: str) -> NoisecleanerError:
        return NoisecleanerError(
            f"Every vector of column {self.column!r} needs {self.width} finite numbers, "
            f"but the one in row {row} of {self.files} {what}.",
            "Correct or remove that row; a row without a vector may hold null.",
        )


def rows_at_once(width: int) -> int:
    """Choose how many vectors of `width` numbers make a block."""
    return min(max(1, _BLOCK_NUMBERS // width), 8192)


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
