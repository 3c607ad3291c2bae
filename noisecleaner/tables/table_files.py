"""How tables are written, read and checked."""

from __future__ import annotations

import json
import tokenize
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.files import SealedFile, damaged, replacing, require_regular
from noisecleaner.tables.schemas import CLEANLAB, LATER
from noisecleaner.texts import parsed_json

#: What Arrow raises, but for want of memory: then no file is damaged, and the error goes on as it is.
ARROW_ERRORS = (
    pa.ArrowInvalid,
    pa.ArrowKeyError,
    pa.ArrowTypeError,
    pa.ArrowIndexError,
    pa.ArrowNotImplementedError,
    pa.ArrowCapacityError,
    pa.ArrowSerializationError,
)
#: What NumPy says of a `.npy` file whose header is damaged, or anybody's text.
NUMPY_ERRORS = (OSError, ValueError, EOFError, TypeError, OverflowError, tokenize.TokenError)
#: Under which the metadata of a table stand in its schema.
METADATA_KEY = b"noisecleaner"


def write_table(
    path: Path, batches: Iterable[pa.Table | pa.RecordBatch], schema: pa.Schema, metadata: Mapping[str, Any]
) -> None:
    """Write batches of one schema as one Parquet file, whole or not at all.

    Pages carry checksums, and floats are byte-stream split, which zstd compresses better.

    Args:
        path: the final name.
        batches: tables or record batches of `schema`, written one after the other.
        schema: the schema to write, without metadata.
        metadata: a JSON object, kept in that of the schema under the key `noisecleaner`.
    """
    floats = [field.name for field in schema if pa.types.is_floating(field.type)]
    described = schema.with_metadata({METADATA_KEY: json.dumps(metadata).encode()})
    with (
        replacing(path) as temporary,
        pq.ParquetWriter(
            temporary,
            described,
            compression="zstd",
            write_page_checksum=True,
            use_dictionary=[field.name for field in schema if pa.types.is_string(field.type)],
            use_byte_stream_split=floats,
        ) as writer,
    ):
        for batch in batches:
            writer.write(batch.cast(described))


def read_table(
    path: Path, schema: pa.Schema, columns: Sequence[str] | None = None, sealed: SealedFile | None = None
) -> tuple[pa.Table, dict[str, Any]]:
    """Read a table that `write_table` wrote, and the metadata kept with it.

    Args:
        path: the file.
        schema: of the file.
        columns: those to read; None reads all.
        sealed: what the file was when it was written, where that is known: its footer carries no checksum.

    Raises:
        NoisecleanerError: the file is missing, damaged, or has other columns.
    """
    try:
        require_regular(path)
        with pa.OSFile(str(path)) as file:
            if sealed is not None:
                sealed.require_opened(file)
            return _read(file, path, schema, columns)
    except (OSError, *ARROW_ERRORS, KeyError, ValueError) as error:
        raise damaged(path, error) from error


def _read(
    file: pa.NativeFile, path: Path, schema: pa.Schema, columns: Sequence[str] | None
) -> tuple[pa.Table, dict[str, Any]]:
    with pq.ParquetFile(file, page_checksum_verification=True) as opened:
        own = opened.schema_arrow
        metadata = parsed_json((own.metadata or {})[METADATA_KEY])
        if not written_as(own, schema):
            raise damaged(path, f"its columns are {listed(own.names)}")
        names = schema.names if columns is None else list(columns)
        there = [name for name in names if name in own.names]
        table = opened.read(columns=there)
    added = {name: pa.nulls(len(table), schema.field(name).type) for name in names if name not in there}
    arrays = [added[name] if name in added else table[name] for name in names]
    return pa.Table.from_arrays(arrays, schema=pa.schema([schema.field(name) for name in names])), metadata


def written_as(own: pa.Schema, schema: pa.Schema) -> bool:
    """Whether a file has the columns of a schema, but for those of earlier versions, and of cleanlab."""
    missing = LATER.difference(own.names)
    written = [field for field in schema if field.name not in missing]
    return any(own.equals(pa.schema([*written, *more])) for more in ((), CLEANLAB))


def require_columns(schema: pa.Schema, wanted: Mapping[str, str], where: object) -> None:
    """Check that a user's table has the columns that `ingest.Columns` names.

    Args:
        schema: of the user's table.
        wanted: field of `Columns` -> name of the column, for example `{"sample_id": "key"}`.
        where: the file, for the message.

    Raises:
        NoisecleanerError: a column is missing; the message lists those that are there.
    """
    for field, name in wanted.items():
        if name not in schema.names:
            raise NoisecleanerError(
                f"{where} needs a column called {name!r}, but its columns are {listed(schema.names)}.",
                f"Name the right one with `Columns({field}=NAME)`.",
            )
        if schema.names.count(name) > 1:
            raise NoisecleanerError(
                f"Column names must be unique, but {where} has {schema.names.count(name)} columns called {name!r}.",
                f"Rename them, and name the right one with `Columns({field}=NAME)`.",
            )
