"""Kinds of tables: one file = one kind, found by the ending of a table's name.

A file has `ENDINGS`, `IN_FOLDERS`, `read_schema` and `read_batches`, see `Reader`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Protocol, cast

import pyarrow as pa

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.readers._others import what_it_is
from noisecleaner.notices import Notice
from noisecleaner.registry import module_in, names_in, table_endings


class Reader(Protocol):
    """What a file of this folder offers; `UNTYPED = True` on top where every cell is text, whatever it says.

    `read_behind` where rows can be passed over unread, see `parquet`.
    `SLOW = True` where a table is kept once it is read, because that takes long.
    `read_notices`, which takes a place as `read_schema` does, on top where there may be something to say of how a table
    was read.

    Attributes:
        ENDINGS: of the names of such tables, lower case, with their dot.
        IN_FOLDERS: whether all such files of a folder are one dataset.
    """

    ENDINGS: tuple[str, ...]
    IN_FOLDERS: bool

    def read_schema(self, place: Place) -> pa.Schema:
        """Read names and types of the columns.

        Raises:
            NoisecleanerError: it is no such table.
            UnicodeDecodeError: names are no text; `Files.open` says so.
        """
        ...

    def read_batches(self, place: Place, columns: Sequence[str], size: int) -> Iterator[pa.RecordBatch]:
        """Yield batches of at most `size` rows in their order, each with just these columns."""
        ...


def told_of(reader: Reader, place: Place) -> tuple[Notice, ...]:
    """What must be said of how a table was read."""
    read_notices = getattr(reader, "read_notices", None)
    return () if read_notices is None else tuple(read_notices(place))


@cache
def readers() -> tuple[Reader, ...]:
    """List the kinds of tables, those that make up folders first."""
    modules = [module_in("ingest.readers", name, parameter="a reader") for name in names_in("ingest.readers")]
    return tuple(sorted(cast(list[Reader], modules), key=lambda reader: not reader.IN_FOLDERS))


def reader_of(place: Place) -> Reader:
    """Find what reads a table, by the ending of its name.

    Raises:
        NoisecleanerError: no table ends so.
    """
    for reader in readers():
        if place.suffix in reader.ENDINGS:
            return reader
    found, hint = what_it_is(place.name)
    raise NoisecleanerError(f"A table must end in {', '.join(table_endings())}, but {place} {found}.", hint)


def kind_of(place: Place) -> str:
    """The name of the file of this folder that reads a table, see `reader_of`."""
    reader = reader_of(place)
    files = {name: module_in("ingest.readers", name, parameter="a reader") for name in names_in("ingest.readers")}
    return next(name for name, module in files.items() if module is reader)
