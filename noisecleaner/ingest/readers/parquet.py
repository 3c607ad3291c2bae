"""Parquet: read part by part, so that a table may be larger than the memory."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.readers._dinotool import VECTOR, in_one_column, numbers_of, with_one_column
from noisecleaner.tables import ARROW_ERRORS

ENDINGS = (".parquet",)
IN_FOLDERS = True

#: What Arrow says of damaged pages.
_DAMAGED = re.compile("page integrity|thrift|decompress|corrupt", re.IGNORECASE)


def read_schema(place: Place) -> pa.Schema:
    """Read names and types from the file's footer, with the metadata in which Hugging Face keeps class names."""
    with place.open() as file:
        return with_one_column(_parquet(file, place).schema_arrow, place)


def read_batches(place: Place, columns: Sequence[str], size: int) -> Iterator[pa.RecordBatch]:
    """Yield batches of at most `size` rows that hold just these columns; `image.path` is a field of a struct."""
    yield from _read(place, columns, size, 0)


def read_behind(place: Place, columns: Sequence[str], size: int, rows: int) -> tuple[int, Iterator[pa.RecordBatch]]:
    """Pass over rows at the beginning, as many as can be passed over unread: whole row groups.

    Args:
        place: the table.
        columns: those of the batches.
        size: rows of a batch at most.
        rows: that nobody needs.

    Returns:
        How many rows are passed over, and the batches behind them.
    """
    with place.open() as file:
        groups = _parquet(file, place).metadata
        ends = np.cumsum([groups.row_group(group).num_rows for group in range(groups.num_row_groups)])
    passed = int(np.searchsorted(ends, rows, side="right"))
    return int(ends[passed - 1]) if passed else 0, _read(place, columns, size, passed)


def _read(place: Place, columns: Sequence[str], size: int, group: int) -> Iterator[pa.RecordBatch]:
    """Yield batches from a row group on; `iter_batches` is the one reader that survives those of more than 2 GiB."""
    with place.open() as file:
        parquet = _parquet(file, place)
        numbers = numbers_of(parquet.schema_arrow) if VECTOR in columns else ()
        own = [name for name in columns if not (numbers and name == VECTOR)]
        groups = range(group, parquet.metadata.num_row_groups) if group else None
        try:
            for batch in parquet.iter_batches(size, row_groups=groups, columns=[*own, *numbers]):
                yield in_one_column(batch, numbers, columns) if numbers else batch
        except OSError as error:
            if not _of_content(error, place):
                raise  # the disk, or what a store says, which is said elsewhere
            raise NoisecleanerError(
                f"Every page of a Parquet file must be what was written, but {place} is damaged ({error}).",
                f"Copy it again from where it came, or write it again; where noisecleaner wrote it, "
                f"`verify({str(place.parent)!r})` tells what else has changed.",
            ) from error
        except ARROW_ERRORS as error:
            raise NoisecleanerError(
                f"The columns {listed(list(columns))} of {place} cannot be read by Arrow {pa.__version__} ({error}).",
                "Install a newer pyarrow: 26 is the first that reads lists of a fixed length with nulls among them.",
            ) from error


def _of_content(error: OSError, place: Place) -> bool:
    """Whether an error is about the bytes of a file: Arrow raises the same where they cannot be had."""
    return error.errno is None and (place.local or _DAMAGED.search(str(error)) is not None)


def _parquet(file: object, place: Place) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(file, page_checksum_verification=True)
    except (*ARROW_ERRORS, OSError) as error:
        if isinstance(error, OSError) and not place.local:
            raise  # what the store says is said elsewhere
        raise NoisecleanerError(
            f"A Parquet file is required, but {place} cannot be read as one ({error}).",
            "Check that it was copied completely.",
        ) from error
