"""Tables of rows: one file or several, read in order as if they were one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import IntArray
from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.files.kinds import SNIFFED, is_pointer
from noisecleaner.ingest.files.partitions import Partition, check_partitions
from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.labels.cells import class_names
from noisecleaner.ingest.readers import Reader, reader_of, told_of
from noisecleaner.ingest.tables.maker import Maker
from noisecleaner.ingest.tables.sound import refuse_twice, sound
from noisecleaner.notices import Notice

#: Rows read at a time where a column holds images: keeps a batch far below Arrow's 2 GiB limit.
IMAGE_BATCH = 64
#: And where columns hold text or numbers.
_BATCH = 65_536


@dataclass(frozen=True)
class Files:
    """Tables of one schema, read in order as if they were one.

    Args:
        places: where they are.
        schema: of all of them, with the columns that stand in the names of folders.
        notices: what was found in opening them that a reader of the results must know.
        partitions: the columns that the folders of each name.
        base: the dataset's folder, where folders name columns.
        held: the rows themselves, where they were made of a file that is no table, or that takes long to read.
    """

    places: tuple[Place, ...]
    schema: pa.Schema
    notices: tuple[Notice, ...] = ()
    partitions: tuple[Partition, ...] = ()
    base: Place | None = None
    held: pa.Table | None = field(default=None, compare=False, repr=False)

    @classmethod
    def holding(cls, rows: pa.Table, place: Place) -> Files:
        """Take rows that were made of a file as if it were a table of them."""
        return cls((place,), rows.schema, held=rows)

    @classmethod
    def open(cls, places: Sequence[Place], base: Place | None = None, *, may_be_empty: bool = False) -> Files:
        """Read the schemas and check that they agree.

        Args:
            places: where the tables are.
            base: a folder above them; those between may name columns (`label=cat/`).
            may_be_empty: whether tables without any row will do.

        Raises:
            NoisecleanerError: a file is no table, or two of them differ in their columns; or no table has a row.
        """
        files = cls._opened(places, base)
        if not may_be_empty:
            files._refuse_empty()
        return files

    @classmethod
    def _opened(cls, places: Sequence[Place], base: Place | None) -> Files:
        readers = [reader_of(place) for place in places]  # refuses what is no table before anything is read
        schemas = [_schema(reader, place) for reader, place in zip(readers, places, strict=True)]
        told = tuple(notice for reader, place in zip(readers, places, strict=True) for notice in told_of(reader, place))
        for place, schema in zip(places, schemas, strict=True):
            if not schema.equals(schemas[0]):
                raise NoisecleanerError(
                    f"All files of a dataset need the same columns, but {places[0]} has "
                    f"{listed(schemas[0].names)} and {place} has {listed(schema.names)} (or other types).",
                    "Give a glob that names only the files of one dataset.",
                )
            _refuse_mixture(schemas[0], schema, places[0], place)
            for name in schema.names:
                if class_names(schema, name) != class_names(schemas[0], name):
                    raise NoisecleanerError(
                        f"All files of a dataset need the same class names, but those of column {name!r} are "
                        f"{listed(list(class_names(schemas[0], name)))} in {places[0]} and "
                        f"{listed(list(class_names(schema, name)))} in {place}.",
                        "Write the files again with one order of the classes, or with labels as text.",
                    )
        partitions = tuple(Partition.of(place, base) for place in places) if base else ()
        if not any(partition.columns for partition in partitions):
            return cls(tuple(places), schemas[0], notices=told, held=_held(readers, places, schemas[0]))
        check_partitions(partitions, schemas[0], base)
        schema = schemas[0]
        for name in partitions[0].names:
            schema = schema.append(pa.field(name, pa.string()))
        return cls(tuple(places), schema, notices=told, partitions=partitions, base=base)

    def _refuse_empty(self) -> None:
        """Refuse tables without any row: nothing that is said of their columns would be to the point."""
        if not self._any_column or any(batch.num_rows for batch in self.batches(self._any_column, 1)):
            return
        where = f"{self} has none" if len(self.places) == 1 else f"none of {self} has any"
        raise no_rows(f"{where}, only columns ({listed(self.schema.names)})")

    @property
    def _any_column(self) -> list[str]:
        """The first column whose name no other has: it tells how many rows there are; none where there is no such."""
        names = self.schema.names
        return [name for name in names if names.count(name) == 1][:1]

    def noting(self, *notices: Notice) -> Files:
        """Return the same tables with more notices."""
        return replace(self, notices=(*self.notices, *notices))

    @property
    def root(self) -> Place:
        """The folder that relative image paths start from."""
        return self.base or self.places[0].parent

    @property
    def below(self) -> list[str]:
        """The paths of the tables below the folder that holds all of them."""
        paths = [place.path for place in self.places]
        home = os.path.commonpath([os.path.dirname(path) for path in paths])
        return [os.path.relpath(path, home) for path in paths]

    def __str__(self) -> str:
        return str(self.places[0]) if len(self.places) == 1 else f"{self.root} ({len(self.places)} files)"

    def __contains__(self, column: str | None) -> bool:
        """Whether there is such a column.

        Raises:
            NoisecleanerError: there are several.
        """
        if column not in self.schema.names:
            return False
        refuse_twice(self.schema, self, [str(column)])
        return True

    def names(self, column: str) -> tuple[str, ...]:
        """The class names of a ClassLabel column, else `()`."""
        return class_names(self.schema, column)

    def where(self, column: str) -> str:
        """Name the files and a column of theirs, for a message."""
        return f"{self}, column {column!r}"

    def origin(self, column: str) -> str:
        """Say where a column stands: in the files, or in the names of their folders."""
        in_folders = bool(self.partitions) and column in self.partitions[0].names
        return f"the folders {column}=… of {self}" if in_folders else f"column {column} of {self}"

    def column(self, name: str) -> pa.ChunkedArray:
        """Read one column of all files, shape [rows]; `image.path` reads a field of a struct."""
        outer, _, inner = (name, "", "") if name in self else name.partition(".")
        chunks = [batch.column(0) for batch in self.batches([name], _BATCH)]
        column = pa.chunked_array(chunks, self.schema.field(outer).type if not inner else None)
        return pc.struct_field(column, [0]) if inner else column

    def batches(self, columns: Sequence[str], size: int) -> Iterator[pa.RecordBatch]:
        """Yield record batches of at most `size` rows that hold just these columns.

        Raises:
            NoisecleanerError: several columns have one of the names, or one holds what its type does not say.
        """
        refuse_twice(self.schema, self, [name for name in columns if name in self.schema.names])
        if self.held is not None:
            yield from self.held.select(list(columns)).to_batches(size)
            return
        if not self.partitions:
            for place in self.places:
                with place.answering():
                    yield from sound(reader_of(place).read_batches(place, columns, size), place)
            return
        named = self.partitions[0].names
        # a column of the file is read in any case: it tells how many rows there are
        own = [name for name in columns if name not in named] or self._any_column
        for place, partition in zip(self.places, self.partitions, strict=True):
            with place.answering():
                for batch in sound(reader_of(place).read_batches(place, own, size), place):
                    yield partition.widen(batch, columns)

    def batches_behind(self, columns: Sequence[str], size: int, rows: int) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Yield batches, each with the number of its first row; of those before `rows`, most may stay unread."""
        row = 0
        if self.held is not None or self.partitions:
            for batch in self.batches(columns, size):
                yield row, batch
                row += batch.num_rows
            return
        for place in self.places:
            reader = reader_of(place)
            behind = getattr(reader, "read_behind", _read_all(reader))
            passed, batches = behind(place, columns, size, max(0, rows - row))
            row += passed
            for batch in sound(batches, place):
                yield row, batch
                row += batch.num_rows

    def lengths(self) -> list[int]:
        """Count the rows of each table."""
        first = self._any_column
        if self.held is not None:
            return [len(self.held)]
        batches = (reader_of(place).read_batches(place, first, _BATCH) for place in self.places)
        return [sum(batch.num_rows for batch in part) for part in batches]

    def of_rows(self) -> IntArray:
        """The place of each row's table among them, shape [rows]."""
        return np.repeat(np.arange(len(self.places), dtype=np.int32), self.lengths())

    def row_ids(self) -> pa.ChunkedArray:
        """Make ids `file.parquet:0`, `file.parquet:1`, … from file name and row number, shape [rows].

        Where folders name columns, files are often called alike: then the path from the dataset stands for the name.

        Raises:
            NoisecleanerError: two files have one name.
        """
        names = [place.path[len(self.base.path) :].strip("/") if self.base else place.name for place in self.places]
        if len(set(names)) < len(names):
            raise NoisecleanerError(
                f"`Columns(row_ids=True)` needs files of different names, but {self} holds some twice.",
                "Add a column with ids, and name it with `Columns(sample_id=NAME)`.",
            )
        ids = [f"{name}:{row}" for name, rows in zip(names, self.lengths(), strict=True) for row in range(rows)]
        return pa.chunked_array([ids], pa.string())


def _held(readers: Sequence[Reader], places: Sequence[Place], schema: pa.Schema) -> pa.Table | None:
    """The rows of a table that takes long to read; None where it may be read again, or cannot be kept by its names."""
    names = schema.names
    if len(places) != 1 or not getattr(readers[0], "SLOW", False) or len(set(names)) < len(names):
        return None
    return pa.Table.from_batches(readers[0].read_batches(places[0], names, _BATCH), schema)


def _read_all(reader: Reader) -> Callable[[Place, Sequence[str], int, int], tuple[int, Iterator[pa.RecordBatch]]]:
    """How a table is read whose rows cannot be passed over."""
    return lambda place, columns, size, rows: (0, reader.read_batches(place, columns, size))


def no_rows(found: str) -> NoisecleanerError:
    """Say that there is not a single row.

    Args:
        found: what there is instead.
    """
    hint = "Check that whatever wrote it has finished, and that it wrote to this place."
    return NoisecleanerError(f"A table needs rows, but {found}.", hint)


def _refuse_mixture(first: pa.Schema, other: pa.Schema, here: Place, there: Place) -> None:
    """Refuse vectors of two networks in one dataset.

    Raises:
        NoisecleanerError: the tables say that they are.
    """
    one, two = Maker.of(first), Maker.of(other)
    if one != two:
        raise NoisecleanerError(
            f"All vectors of a dataset need one maker, but those of {here} are of {one.words() if one else 'unknown'} "
            f"and those of {there} of {two.words() if two else 'unknown'}, perhaps with other weights.",
            "Give a glob that names only the files of one `embed(...)`.",
        )


def _refuse_no_table(place: Place) -> None:
    """Refuse an empty file, and what a clone without Git LFS holds in place of a table.

    Raises:
        NoisecleanerError: it is one of both.
    """
    with place.answering(), place.open() as file:
        start = bytes(file.read(SNIFFED))
        if not start:
            raise no_rows(f"{place} is an empty file")
        if is_pointer(start):
            raise NoisecleanerError(
                f"A table is required, but {place} is a pointer of Git LFS: the clone holds no data.",
                "Run `git lfs pull` there.",
            )


def _schema(reader: Reader, place: Place) -> pa.Schema:
    _refuse_no_table(place)
    try:
        with place.answering():
            schema = reader.read_schema(place)
        _ = str(schema.remove_metadata())  # Arrow decodes names only now, also those of fields of structs
    except UnicodeDecodeError as error:
        raise NoisecleanerError(
            f"Column names must be UTF-8 text, but those of {place} are not ({error}).",
            "Save the table again as UTF-8.",
        ) from error
    return schema
