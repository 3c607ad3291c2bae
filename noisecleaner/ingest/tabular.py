"""Tables of rows: one file or several, read in order as if they were one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.labels import class_names
from noisecleaner.ingest.places import Place
from noisecleaner.ingest.readers import Reader, reader_of
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
        schema: of all of them.
        notices: what was found in opening them that a reader of the results must know.
    """

    places: tuple[Place, ...]
    schema: pa.Schema
    notices: tuple[Notice, ...] = ()

    @classmethod
    def open(cls, places: Sequence[Place]) -> Files:
        """Read the schemas and check that they agree.

        Raises:
            NoisecleanerError: a file is no table, or two of them differ in their columns.
        """
        readers = [reader_of(place) for place in places]  # refuses what is no table before anything is read
        schemas = [_schema(reader, place) for reader, place in zip(readers, places, strict=True)]
        for place, schema in zip(places, schemas, strict=True):
            if not schema.equals(schemas[0]):
                raise NoisecleanerError(
                    f"All files of a dataset need the same columns, but {places[0]} has "
                    f"{listed(schemas[0].names)} and {place} has {listed(schema.names)} (or other types).",
                    "Give a glob that names only the files of one dataset.",
                )
            for name in schema.names:
                if class_names(schema, name) != class_names(schemas[0], name):
                    raise NoisecleanerError(
                        f"All files of a dataset need the same class names, but those of column {name!r} are "
                        f"{listed(list(class_names(schemas[0], name)))} in {places[0]} and "
                        f"{listed(list(class_names(schema, name)))} in {place}.",
                        "Write the files again with one order of the classes, or with labels as text.",
                    )
        return cls(tuple(places), schemas[0])

    def noting(self, *notices: Notice) -> Files:
        """Return the same tables with more notices."""
        return replace(self, notices=(*self.notices, *notices))

    @property
    def root(self) -> Place:
        """The folder that relative image paths start from."""
        return self.places[0].parent

    def __str__(self) -> str:
        return str(self.places[0]) if len(self.places) == 1 else f"{self.root} ({len(self.places)} files)"

    def __contains__(self, column: str | None) -> bool:
        """Whether there is such a column."""
        return column in self.schema.names

    def names(self, column: str) -> tuple[str, ...]:
        """The class names of a ClassLabel column, else `()`."""
        return class_names(self.schema, column)

    def where(self, column: str) -> str:
        """Name the files and a column of theirs, for a message."""
        return f"{self}, column {column!r}"

    def column(self, name: str) -> pa.ChunkedArray:
        """Read one column of all files, shape [rows]; `image.path` reads a field of a struct."""
        outer, _, inner = (name, "", "") if name in self else name.partition(".")
        chunks = [batch.column(0) for batch in self.batches([name], _BATCH)]
        column = pa.chunked_array(chunks, self.schema.field(outer).type if not inner else None)
        return pc.struct_field(column, [0]) if inner else column

    def batches(self, columns: Sequence[str], size: int) -> Iterator[pa.RecordBatch]:
        """Yield record batches of at most `size` rows that hold just these columns."""
        for place in self.places:
            yield from reader_of(place).read_batches(place, columns, size)

    def row_ids(self) -> pa.ChunkedArray:
        """Make ids `file.parquet:0`, `file.parquet:1`, … from file name and row number, shape [rows].

        Raises:
            NoisecleanerError: two files have one name.
        """
        if len({place.name for place in self.places}) < len(self.places):
            raise NoisecleanerError(
                f"`Columns(row_ids=True)` needs files of different names, but {self} holds some twice.",
                "Add a column with ids, and name it with `Columns(sample_id=NAME)`.",
            )
        first = self.schema.names[0]
        ids = []
        for place in self.places:
            rows = sum(batch.num_rows for batch in Files((place,), self.schema).batches([first], _BATCH))
            ids += [f"{place.name}:{row}" for row in range(rows)]
        return pa.chunked_array([ids], pa.string())


def _schema(reader: Reader, place: Place) -> pa.Schema:
    try:
        schema = reader.read_schema(place)
        _ = schema.names  # Arrow decodes them only now
    except UnicodeDecodeError as error:
        raise NoisecleanerError(
            f"Column names must be UTF-8 text, but those of {place} are not ({error}).",
            "Save the table again as UTF-8.",
        ) from error
    return schema
