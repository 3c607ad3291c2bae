"""The columns of a dataset as its owner wrote them, in the order of its rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.files.walk import Walk
from noisecleaner.ingest.folders import metadata_files
from noisecleaner.ingest.opening import open_data
from noisecleaner.ingest.readers import reader_of
from noisecleaner.ingest.tables.tabular import Files
from noisecleaner.tables import ARROW_ERRORS

#: What Parquet notes of a column of one file.
_OF_ONE_FILE = b"PARQUET:field_id"
#: Rows of which texts are read together.
_TOGETHER = 2**17
#: Text and bytes that are written otherwise in memory alone.
_WITHOUT_VIEWS = {"string_view": pa.string(), "binary_view": pa.binary()}


@dataclass(frozen=True, kw_only=True)
class Owner:
    """The owner's columns: of tables, or of the metadata files of an image folder.

    Args:
        schema: names and types of all columns, with the metadata; empty for an image folder without metadata files.
        files: the tables.
        table: the metadata files of an image folder, one behind the other.
        typed: whether cells have a type; those of CSV are text, whatever they say.
        metadata: one of the metadata files, where they are all of one kind.
    """

    schema: pa.Schema
    files: Files | None = None
    table: pa.Table | None = None
    typed: bool = True
    metadata: Place | None = None

    @classmethod
    def of(cls, data: str) -> Owner:
        """Open the columns of a dataset.

        Raises:
            NoisecleanerError: the dataset cannot be opened.
        """
        found = open_data(data)
        if isinstance(found, Files):
            return cls(schema=_plain(found.schema), files=found, typed=_typed(found))
        return cls._of_metadata(found)

    @classmethod
    def _of_metadata(cls, walk: Walk) -> Owner:
        places = [Place.parse(file) for file in metadata_files(walk.folder)]
        opened = [Files.open([place], may_be_empty=True) for place in places]
        if not opened:
            return cls(schema=pa.schema([]))
        read = [pa.table([file.column(name) for name in file.schema.names], schema=file.schema) for file in opened]
        table = _concatenated([part.drop_columns(["file_name"]) for part in read])
        schema = _plain(table.schema.with_metadata(opened[0].schema.metadata))
        of_one_kind = len({place.suffix for place in places}) == 1
        metadata = places[0] if of_one_kind else None
        return cls(schema=schema, table=table, typed=all(map(_typed, opened)), metadata=metadata)

    def __contains__(self, name: str) -> bool:
        """Whether there is such a column."""
        return name in self.schema.names

    def column(self, name: str) -> pa.ChunkedArray:
        """Read one column, shape [rows]."""
        column = self.files.column(name) if self.files is not None else self._table[name]
        return column.cast(self.schema.field(name).type)

    def texts(self, name: str) -> pa.ChunkedArray:
        """Read a column likewise, of texts as numbers that stand for them: of ten million few may differ."""
        kind = self.schema.field(name).type
        if self.files is None or not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            return self.column(name)
        parts = [batch.column(0).dictionary_encode() for batch in self.batches([name], _TOGETHER)]
        return pa.chunked_array(parts, pa.dictionary(pa.int32(), kind)).unify_dictionaries()

    def batches(self, names: Sequence[str], size: int) -> Iterator[pa.RecordBatch]:
        """Yield record batches of at most `size` rows that hold just these columns."""
        schema = pa.schema([self.schema.field(name) for name in names])
        found = self._table.select(list(names)).to_batches(size) if self.files is None else None
        for batch in found or (self.files.batches(names, size) if self.files else ()):
            columns = [batch.column(field.name) for field in schema]
            columns = [c if c.type == f.type else c.cast(f.type) for c, f in zip(columns, schema, strict=True)]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)

    @property
    def _table(self) -> pa.Table:
        assert self.table is not None  # noqa: S101  # whoever asks for a column has seen it in the schema
        return self.table


def _concatenated(tables: Sequence[pa.Table]) -> pa.Table:
    """Put tables one behind the other; a column of two types that have none in common becomes text.

    Raises:
        NoisecleanerError: a column cannot be text either.
    """
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except ARROW_ERRORS:
        return pa.concat_tables([_as_text(table) for table in tables], promote_options="default")


def _as_text(table: pa.Table) -> pa.Table:
    try:
        return pa.table({name: table[name].cast(pa.string()) for name in table.column_names})
    except ARROW_ERRORS as error:
        raise NoisecleanerError(
            "The metadata files of an image folder must agree in the types of their columns, or a copy cannot hold all "
            f"of them ({error}).",
            "Write the files again with one type for each column.",
        ) from error


def _typed(files: Files) -> bool:
    return not any(getattr(reader_of(place), "UNTYPED", False) for place in files.places)


def _plain(schema: pa.Schema) -> pa.Schema:
    """Leave out what belongs to one file rather than to its columns, and types that nothing can take rows of."""
    for place, field in enumerate(schema):
        kept = {key: value for key, value in (field.metadata or {}).items() if key != _OF_ONE_FILE}
        kind = _WITHOUT_VIEWS.get(str(field.type), field.type)
        schema = schema.set(place, field.with_type(kind).with_metadata(kept or None))
    return schema
