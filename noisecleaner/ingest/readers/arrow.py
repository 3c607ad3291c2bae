"""Arrow files, streams and files with a footer: what Hugging Face's `save_to_disk` writes. Mapped, never unpickled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import require_regular
from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.readers._text import narrowed
from noisecleaner.tables import ARROW_ERRORS

ENDINGS = (".arrow",)
IN_FOLDERS = True

_FILE = b"ARROW1"


def read_schema(place: Place) -> pa.Schema:
    """Read names and types, with the metadata in which Hugging Face keeps class names."""
    with _refusing(place), _opened(place) as (schema, _):
        return schema


def read_batches(place: Place, columns: Sequence[str], size: int) -> Iterator[pa.RecordBatch]:
    """Yield batches of at most `size` rows that hold just these columns; `image.path` is a field of a struct."""
    with _refusing(place), _opened(place) as (_, batches):
        for batch in batches:
            some = narrowed(batch, list(columns))
            for first in range(0, some.num_rows, size):
                yield some.slice(first, size)


@contextmanager
def _opened(place: Place) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
    """Open a file of either kind: its schema, and its batches."""
    if place.local:
        require_regular(place.path)
    source: Any = pa.memory_map(place.path) if place.local else place.open()
    with source:
        footed = source.read(len(_FILE)) == _FILE
        source.seek(0)
        if footed:
            file = pa.ipc.open_file(source)
            yield file.schema, (file.get_batch(number) for number in range(file.num_record_batches))
        else:
            stream = pa.ipc.open_stream(source)
            yield stream.schema, iter(stream)


@contextmanager
def _refusing(place: Place) -> Iterator[None]:
    try:
        yield
    except (*ARROW_ERRORS, OSError) as error:
        raise NoisecleanerError(
            f"An Arrow table is required, but {place} cannot be read as one ({error}).",
            "Check that it was copied completely.",
        ) from error
