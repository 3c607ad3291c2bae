"""Tables of rows: Parquet files, CSV and JSON lines -> ids, labels, paths, and a payload."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv
from pyarrow import json as pa_json

from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.labels import class_names
from noisecleaner.ingest.places import Place
from noisecleaner.ingest.source import Columns

#: Rows read at a time where a column holds images: keeps a batch far below Arrow's 2 GiB limit.
IMAGE_BATCH = 64
ENDINGS = (".parquet", ".csv", ".jsonl")


@dataclass(frozen=True)
class Files:
    """Tables of one schema, read in order as if they were one."""

    places: tuple[Place, ...]
    schema: pa.Schema

    @classmethod
    def open(cls, places: Sequence[Place]) -> Files:
        """Read the schemas and check that they agree.

        Raises:
            NoisecleanerError: a file is no table, or two of them differ in their columns.
        """
        schemas = [_schema(place) for place in places]
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

    @property
    def root(self) -> Place:
        """The folder that relative image paths start from."""
        return self.places[0].parent

    def __str__(self) -> str:
        return str(self.places[0]) if len(self.places) == 1 else f"{self.root} ({len(self.places)} files)"

    def names(self, column: str) -> tuple[str, ...]:
        """The class names of a ClassLabel column, else `()`."""
        return class_names(self.schema, column)

    def column(self, name: str) -> pa.ChunkedArray:
        """Read one column of all files; `image.path` reads a field of a struct."""
        outer, _, inner = (name, "", "") if name in self.schema.names else name.partition(".")
        chunks = [batch.column(0) for batch in self.batches([name], 65_536)]
        column = pa.chunked_array(chunks, self.schema.field(outer).type if not inner else None)
        return pc.struct_field(column, [0]) if inner else column

    def batches(self, columns: Sequence[str], size: int) -> Iterator[pa.RecordBatch]:
        """Yield record batches of at most `size` rows that hold just these columns.

        `ParquetFile.iter_batches` is the one reader that survives row groups of more than 2 GiB.
        """
        for place in self.places:
            if place.suffix == ".parquet":
                with place.open() as file:
                    yield from _parquet(file, place).iter_batches(size, columns=list(columns))
            else:
                yield from _rows(place).select(list(columns)).to_batches(size)

    def row_ids(self) -> pa.ChunkedArray:
        """Make ids `file.parquet:0`, `file.parquet:1`, … from file name and row number."""
        first = self.schema.names[0]
        if len({place.name for place in self.places}) < len(self.places):
            raise NoisecleanerError(
                f"--row-ids needs files of different names, but {self} holds some twice.",
                "Add a column with ids, and name it with --id-column NAME.",
            )
        ids = []
        for place in self.places:
            rows = sum(batch.num_rows for batch in Files((place,), self.schema).batches([first], 65_536))
            ids += [f"{place.name}:{row}" for row in range(rows)]
        return pa.chunked_array([ids], pa.string())


def read_ids(files: Files, columns: Columns, paths: pa.ChunkedArray | None) -> pa.ChunkedArray:
    """Find the sample ids: the id column, else unique image paths, else row numbers if asked for.

    Raises:
        NoisecleanerError: there is nothing that identifies a row.
    """
    if columns.sample_id in files.schema.names:
        return _ids(files, columns.sample_id)
    if columns.sample_id == Columns.sample_id and paths is not None and _identifies(paths):
        return paths
    if columns.row_ids:
        return files.row_ids()
    raise NoisecleanerError(
        f"Every row needs an id that joins the tables, but {files} has no column {columns.sample_id!r} "
        f"(its columns are {listed(files.schema.names)}).",
        "Name the id column with --id-column NAME, or pass --row-ids to number the rows of each file.",
    )


def read_paths(files: Files, image: str) -> pa.ChunkedArray | None:
    """Read the image paths of a text column or of a Hugging Face image column; None where it has none."""
    kind = files.schema.field(image).type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return files.column(image).cast(pa.string())
    if pa.types.is_struct(kind) and kind.get_field_index("path") >= 0:
        return files.column(f"{image}.path").cast(pa.string())
    return None


def _ids(files: Files, name: str) -> pa.ChunkedArray:
    column = files.column(name)
    try:
        return column.cast(pa.string())
    except pa.ArrowException as error:
        raise NoisecleanerError(
            f"Sample ids must be text or integers, but column {name!r} of {files} holds {column.type}.",
            "Name another column with --id-column NAME.",
        ) from error


def _identifies(paths: pa.ChunkedArray) -> bool:
    return bool(paths.null_count == 0 and pc.count_distinct(paths).as_py() == len(paths))


def _schema(place: Place) -> pa.Schema:
    if place.suffix == ".parquet":
        with place.open() as file:
            schema = _parquet(file, place).schema_arrow
    else:
        schema = _rows(place).schema
    try:
        _ = schema.names  # Arrow decodes them only now
    except UnicodeDecodeError as error:
        raise _no_text(place, error) from error
    return schema


def _parquet(file: object, place: Place) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(file, page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        raise NoisecleanerError(
            f"A Parquet file is required, but {place} cannot be read as one ({error}).",
            "Check that it was copied completely.",
        ) from error


def _json_lines(file: Any) -> pa.Table:
    """Read JSON lines; text that looks like a time stays text."""
    table = pa_json.read_json(file)
    times = [field.name for field in table.schema if pa.types.is_temporal(field.type)]
    if not times:
        return table
    file.seek(0)
    options = pa_json.ParseOptions(explicit_schema=pa.schema([(name, pa.string()) for name in times]))
    return pa_json.read_json(file, parse_options=options).select(table.column_names)


def _no_text(place: Place, error: UnicodeDecodeError) -> NoisecleanerError:
    return NoisecleanerError(
        f"Column names must be UTF-8 text, but those of {place} are not ({error}).",
        "Save the table again as UTF-8.",
    )


def _rows(place: Place) -> pa.Table:
    """Read a CSV file (all columns as text, so that `0001` stays `0001`) or JSON lines."""
    try:
        with place.open() as file:
            if place.suffix == ".jsonl":
                return _json_lines(file)
            header = csv.open_csv(file).schema.names
        as_text = csv.ConvertOptions(
            column_types={name: pa.string() for name in header}, strings_can_be_null=True, null_values=[""]
        )
        with place.open() as file:
            return csv.read_csv(file, convert_options=as_text)
    except UnicodeDecodeError as error:
        raise _no_text(place, error) from error
    except pa.ArrowException as error:
        raise NoisecleanerError(
            f"{place} must hold a header line and rows, but it cannot be read ({error}).",
            f"Give a table that ends in {' or '.join(ENDINGS)}; {PurePosixPath(place.path).suffix} must hold text.",
        ) from error
