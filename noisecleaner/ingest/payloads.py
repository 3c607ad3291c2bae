"""What a row brings: an image file, encoded bytes in a table, or a vector."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import IntArray
from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.columns import read_paths
from noisecleaner.ingest.files.kinds import is_pointer
from noisecleaner.ingest.files.places import Place, check_relative
from noisecleaner.ingest.files.slashes import all_forward, forward
from noisecleaner.ingest.files.spelling import in_other_form
from noisecleaner.ingest.manifest import Payload, Skip
from noisecleaner.ingest.source import Columns, Source
from noisecleaner.ingest.tables.image_columns import check_images
from noisecleaner.ingest.tables.maker import EMBEDDING, Maker
from noisecleaner.ingest.tables.tabular import IMAGE_BATCH, Files
from noisecleaner.ingest.vectors.columns import VectorColumn
from noisecleaner.notices import Notice
from noisecleaner.threads import in_threads

#: Encoded images above this size are refused unread (a decompression bomb may be far smaller).
MAX_FILE_BYTES = 256 * 2**20
#: Requests to a store at one time.
_REQUESTS = 16


@dataclass(frozen=True)
class ImageFiles:
    """Images in files of their own: `paths` are relative to `root`, or absolute where that was allowed."""

    root: Place
    paths: pa.StringArray

    def read(self, rows: IntArray) -> Iterator[tuple[int, bytes | Skip]]:
        """Yield `(row, encoded bytes)` of rows, shape [n], or the reason why there are none."""
        if not self.remote:
            for row in rows.tolist():
                yield row, read_file(self.root, self.paths[row].as_py())
            return

        def fetched(row: int) -> tuple[int, bytes | Skip]:
            return row, read_file(self.root, self.paths[row].as_py())

        # a store answers after a while, but many requests at once
        yield from in_threads(fetched, rows.tolist(), threads=_REQUESTS, ahead=4 * _REQUESTS, name="fetch")

    @cached_property
    def remote(self) -> bool:
        """Whether images come from other machines, all or some."""
        addresses = pc.match_substring(self.paths, "://")
        return not self.root.local or bool(pc.any(addresses).as_py())


@dataclass(frozen=True)
class ImageColumn:
    """Images in a table: bytes, lists of uint8, or `struct<bytes, path>` (the path serves without bytes)."""

    files: Files
    column: str
    allow_absolute: bool = False

    def read(self, rows: IntArray) -> Iterator[tuple[int, bytes | Skip]]:
        """Yield `(row, encoded bytes)` of rows, shape [n], or the reason why there are none."""
        wanted = iter(np.sort(rows).tolist())
        next_row = next(wanted, None)
        for first, batch in self.files.batches_behind([self.column], IMAGE_BATCH, next_row or 0):
            while next_row is not None and next_row < first + batch.num_rows:
                yield next_row, self._encoded(batch.column(0)[next_row - first].as_py())
                next_row = next(wanted, None)
            if next_row is None:
                return

    def _encoded(self, value: Any) -> bytes | Skip:
        if isinstance(value, dict):
            value = value.get("bytes") or value.get("path")
        if isinstance(value, list):
            try:
                value = bytes(value)
            except (TypeError, ValueError):  # numbers that are no bytes
                return Skip.UNREADABLE
        if isinstance(value, str):
            value = forward(self.files.root, value)
            check_relative([value], self.files.root, self.allow_absolute)
            return read_file(self.files.root, value)
        return _no_pointer(value) if value else Skip.NO_IMAGE


@dataclass(frozen=True)
class Content:
    """What the rows of a table bring.

    Args:
        paths: of images in files of their own, or as a column tells them, as they are written, shape [rows]; None
            without any.
        placed: the same as they are read.
        payload: images or vectors; None where the rows bring neither.
        notices: how paths were read.
    """

    paths: pa.ChunkedArray | None = None
    placed: pa.ChunkedArray | None = None
    payload: Payload | None = None
    notices: tuple[Notice, ...] = ()


def find_content(files: Files, source: Source, *, required: bool) -> Content:
    """Find what rows bring: vectors if a column was named, else images.

    A file of vectors is no content of a table: it belongs to the dataset, which `raw.read_dataset` gives it.

    Args:
        files: the tables.
        source: how the columns are called.
        required: whether a column of vectors that is not there is an error.

    Raises:
        NoisecleanerError: a column of vectors is not there or holds something else, or paths leave the folder.
    """
    columns = source.columns
    columns.refuse_both()
    if own_vectors(files, columns):
        return Content(payload=VectorColumn.open(files, EMBEDDING, "embeddings"))
    wanted = columns.embedding or columns.probabilities or columns.image
    if columns.vector_file is not None or (wanted not in files and not required):
        return Content()
    if columns.embedding is not None:
        return Content(payload=VectorColumn.open(files, columns.embedding, "embeddings"))
    if columns.probabilities is not None:
        return Content(payload=VectorColumn.open(files, columns.probabilities, "probabilities"))
    return _images(files, source) if columns.image in files else Content()


def own_vectors(files: Files, columns: Columns) -> bool:
    """Whether tables say themselves that they hold vectors, and nobody has named other content."""
    named = columns.embedding is not None or columns.probabilities is not None or columns.image in files
    return not named and EMBEDDING in files and Maker.of(files.schema) is not None


def no_content(source: Source, files: Files | None) -> NoisecleanerError:
    """Say that a table brings neither images nor vectors; `files` are those that it lies in, if any do."""
    found = "it has none" if files is None else f"its columns are {listed(files.schema.names)}"
    if source.columns.vector_file is not None:
        return NoisecleanerError(
            f"{source.data} needs vectors of its own, but {source.columns.vector_file} holds only the dataset's.",
            "Put the vectors of both tables into a list column.",
        )
    return NoisecleanerError(
        f"{source.data} needs a column {source.columns.image!r} with images (paths or bytes), but {found}.",
        "Name it with `Columns(image=NAME)`, or give `Columns.embedding` or `Columns(probabilities=NAME)`.",
    )


def _images(files: Files, source: Source) -> Content:
    name = source.columns.image
    check_images(files, name)
    paths = read_paths(files, name)
    if paths is None:
        return Content(payload=ImageColumn(files, name, source.allow_absolute))
    placed, turned = all_forward(files.root, paths)
    notices = (turned,) if turned else ()
    if pa.types.is_struct(files.schema.field(name).type):
        return Content(paths, placed, ImageColumn(files, name, source.allow_absolute), notices)
    check_relative(placed.to_pylist(), files.root, source.allow_absolute)
    return Content(paths, placed, ImageFiles(files.root, placed.combine_chunks()), notices)


def read_file(root: Place, path: str | None) -> bytes | Skip:
    """Read one image file, or say why not."""
    if not path:
        return Skip.NO_IMAGE
    place = root / path
    if not place.local:
        return _fetched(place)
    try:
        size = place.size()
        if size is None and not path.isascii() and (other := in_other_form(root, path)) is not None:
            place, size = other, other.size()
        if size is None:
            return Skip.MISSING_FILE
        if size == 0:
            return Skip.EMPTY_FILE
        return Skip.TOO_LARGE if size > MAX_FILE_BYTES else _no_pointer(place.read())
    except (OSError, ValueError):
        return Skip.UNREADABLE


def _fetched(place: Place) -> bytes | Skip:
    """Read a file of a store with as few requests as will do; what the store refuses is no fault of the image."""
    try:
        with place.answering(), place.open() as file:
            size = file.size()
            if size == 0:
                return Skip.EMPTY_FILE
            return Skip.TOO_LARGE if size > MAX_FILE_BYTES else _no_pointer(bytes(file.read()))
    except FileNotFoundError:
        return Skip.MISSING_FILE


def _no_pointer(content: bytes) -> bytes | Skip:
    return Skip.LFS_POINTER if is_pointer(content) else content
