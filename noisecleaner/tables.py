"""The tables that noisecleaner writes: their schemas, and how they are written, read and checked."""

from __future__ import annotations

import json
import tokenize
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from noisecleaner.arrays import FloatArray, IntArray, SingleArray
from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.files import damaged, replacing
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


def schema_of(*columns: tuple[str, pa.DataType], required: int = 1) -> pa.Schema:
    """Make a schema of which the first columns are never null."""
    return pa.schema(pa.field(name, kind, nullable=i >= required) for i, (name, kind) in enumerate(columns))


#: What identifies a row, and its labels as text.
SAMPLE = (
    ("sample_id", pa.string()),
    ("path", pa.string()),
    ("given_label", pa.string()),
    ("trusted_label", pa.string()),
)

#: Columns that earlier versions did not write; null in their files.
LATER = frozenset(
    {
        "second_label",
        "corrected_label",
        "judging",
        "sample_probability",
        "certified",
        "alignment",
        "positive_share",
        "zero_shot_margin",
        "zero_shot_log_probability",
        "first_predicted_margin",
        "first_predicted_log_probability",
        "first_candidates",
        "first_candidate_log_probabilities",
        "voted_predicted_margin",
        "voted_predicted_log_probability",
        "voted_candidates",
        "voted_candidate_log_probabilities",
    }
)

#: One row for each row of the dataset, in its order: the result.
SCORES = schema_of(
    *SAMPLE,
    ("second_label", pa.string()),
    ("corrected_label", pa.string()),
    ("alpha", pa.float32()),
    ("beta", pa.float32()),
    ("alignment", pa.float32()),  # of its gradient with that of the trusted rows, in units of its batch
    ("positive_share", pa.float32()),  # of its visits, in which the method weighed the given label above zero
    ("margin", pa.float32()),
    ("label_quality", pa.float32()),
    ("suggested_label", pa.string()),
    ("suggested_confidence", pa.float32()),
    ("flagged", pa.bool_()),
    ("judging", pa.bool_()),  # a verified row of a sample, whose numbers come from models that did not see it
    ("sample_probability", pa.float64()),  # with which it was drawn to be verified; null: like every other row
    ("skip_reason", pa.string()),
    ("certified", pa.bool_()),  # a row of a clean copy that carries a verified label
)

#: What scores have on top where somebody asks for the names of cleanlab; nothing here reads them.
CLEANLAB = schema_of(
    ("is_label_issue", pa.bool_()),
    ("label_score", pa.float64()),
    ("predicted_label", pa.string()),
)

#: Effective noise against threshold.
REPORT = schema_of(
    ("by", pa.string()),
    ("threshold", pa.float64()),
    ("kept", pa.int64()),
    ("kept_fraction", pa.float64()),
    *(
        (name + end, pa.float64())
        for name in ("effective_noise", "precision", "recall")
        for end in ("", "_low", "_high")
    ),
    required=4,
)


#: Rows that hold the same as others, or nearly: a line for each of them, those of a group one behind the other.
DUPLICATES = schema_of(
    ("sample_id", pa.string()),
    ("kind", pa.string()),  # identical or near
    ("group", pa.int64()),  # the same number for rows that are alike
    ("given_label", pa.string()),
    ("split", pa.string()),
    required=3,
)


#: Rows to verify, and those that are verified already: what `plan` writes and `--trusted` takes back.
PLAN = schema_of(
    *SAMPLE,
    ("suggested_label", pa.string()),
    ("label_quality", pa.float32()),
    ("sample_probability", pa.float64()),  # with which the row would be in this table
)

#: Rows to verify before anything is known of them, without a word of the given label: what `plan_data` writes.
BLIND = schema_of(
    ("sample_id", pa.string()),
    ("path", pa.string()),
    ("trusted_label", pa.string()),
    ("sample_probability", pa.float64()),
)

#: Verified rows to look at again, without a word of what was said of them: what `recheck` writes.
RECHECK = schema_of(
    ("sample_id", pa.string()),
    ("path", pa.string()),
    ("second_label", pa.string()),
)

#: The last plan of a run, for the next one: every row with its probability.
DESIGN = schema_of(
    ("sample_id", pa.string()),
    ("before", pa.float64()),  # this plan
    ("sample_probability", pa.float64()),  # with it
    ("drawn", pa.bool_()),
    required=4,
)


#: Rows of a part of a column.
_PART = 2**16


def with_column(table: pa.Table, name: str, column: pa.Array | pa.ChunkedArray) -> pa.Table:
    """Return a table with other values in one of its columns: of the same type, or texts for compacted ones."""
    return table.set_column(table.column_names.index(name), table.schema.field(name).with_type(column.type), column)


def nulls(rows: int, kind: pa.DataType) -> pa.ChunkedArray:
    """Make a column of nulls, whose parts all share the memory of one: there may be millions of rows, shape [rows]."""
    one = pa.nulls(min(rows, _PART), kind)
    parts = [one.slice(0, min(_PART, rows - first)) for first in range(0, rows, _PART)]
    return pa.chunked_array(parts, kind)


def compacted(values: pa.Array) -> pa.Array:
    """Hold values in little memory: one null for all where there is nothing else, a number for each text."""
    if values.null_count == len(values) and len(values) <= _PART * 2:
        return _nulls_of(values.type).slice(0, len(values))
    return values.dictionary_encode() if pa.types.is_string(values.type) else values


@cache
def _nulls_of(kind: pa.DataType) -> pa.Array:
    return pa.nulls(_PART * 2, kind)


def joined(parts: Sequence[pa.Array], kind: pa.DataType) -> pa.ChunkedArray:
    """Put compacted parts of a column of some type together; texts have one dictionary then, if any part has one."""
    encoded = next((part.type for part in parts if pa.types.is_dictionary(part.type)), kind)
    alike = [part if part.type == encoded else _nulls_of(encoded).slice(0, len(part)) for part in parts]
    column = pa.chunked_array(alike, encoded)
    return column.unify_dictionaries() if pa.types.is_dictionary(encoded) else column


def overwritten(column: pa.ChunkedArray, rows: IntArray, values: pa.Array) -> pa.ChunkedArray:
    """Put values over those of some rows of a column; parts of it without such a row stay the very same.

    Args:
        column: shape [rows of the table].
        rows: numbers of different rows, in any order, shape [n].
        values: of the same type, shape [n].
    """
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    order = np.argsort(rows)
    rows, values = rows[order], values.take(pa.array(order))
    parts, first = [], 0
    for chunk in column.chunks:
        start, end = np.searchsorted(rows, (first, first + len(chunk))).tolist()
        if end > start:
            mask = np.zeros(len(chunk), dtype=bool)
            mask[rows[start:end] - first] = True
            parts.append(pc.replace_with_mask(chunk, pa.array(mask), values.slice(start, end - start)))
        else:
            parts.append(chunk)
        first += len(chunk)
    return pa.chunked_array(parts, column.type)


def places_among(ids: pa.Array | pa.ChunkedArray, known: pa.Array | pa.ChunkedArray) -> IntArray:
    """Find the place of each id among others, -1 where it is not there, or null; shape [ids].

    Args:
        ids: in any order, also repeated ones; these are held a second time, and the others are not.
        known: the others; of equal ones the first counts.
    """
    wanted, first = pc.unique(ids).drop_null(), 0
    found = np.full(len(wanted), -1)
    for part in _parts(known):
        places = pc.index_in(part, value_set=wanted)
        there = np.flatnonzero(np.asarray(places.is_valid()))[::-1]  # so that the first of equal ones is written last
        there = there[found[np.asarray(places.take(pa.array(there)))] < 0]
        found[np.asarray(places.take(pa.array(there)))] = first + there
        first += len(part)
    positions = np.asarray(pc.fill_null(pc.index_in(ids, value_set=wanted), -1))
    return np.where(positions >= 0, found[positions] if len(found) else -1, -1)


def _parts(column: pa.Array | pa.ChunkedArray) -> Iterator[pa.Array]:
    """Yield a column a part at a time."""
    for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
        yield from (chunk.slice(first, _PART) for first in range(0, len(chunk), _PART))


def count_true(mask: pa.Array | pa.ChunkedArray) -> int:
    """Count the rows for which a mask holds; rows where it is null do not count."""
    return pc.sum(mask).as_py() or 0


def doubles(column: pa.ChunkedArray) -> FloatArray:
    """Read numbers, NaN where there is none, shape [rows]; one number for all where there are none, not to write to."""
    if column.null_count == len(column):
        return np.broadcast_to(np.float64(np.nan), len(column))
    return np.asarray(column.to_numpy(), dtype=np.float64)


def singles(column: pa.ChunkedArray) -> SingleArray:
    """Read numbers in single precision, NaN where there is none, shape [rows]."""
    if column.null_count == len(column):
        return np.broadcast_to(np.float32(np.nan), len(column))
    return np.asarray(column.to_numpy(), dtype=np.float32)


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


def read_table(path: Path, schema: pa.Schema, columns: Sequence[str] | None = None) -> tuple[pa.Table, dict[str, Any]]:
    """Read a table that `write_table` wrote, and the metadata kept with it.

    Args:
        path: the file.
        schema: of the file.
        columns: those to read; None reads all.

    Raises:
        NoisecleanerError: the file is missing, damaged, or has other columns.
    """
    try:
        own = pq.read_schema(path)
        metadata = parsed_json((own.metadata or {})[METADATA_KEY])
        if not written_as(own, schema):
            raise damaged(path, f"its columns are {listed(own.names)}")
        names = schema.names if columns is None else list(columns)
        there = [name for name in names if name in own.names]
        table = pq.read_table(path, columns=there, page_checksum_verification=True)
    except (OSError, *ARROW_ERRORS, KeyError, ValueError) as error:
        raise damaged(path, error) from error
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
