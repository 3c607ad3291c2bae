"""Data that somebody holds in memory, written where later commands can read it: one file = one kind of data.

A file has `takes` and `tables`, see `Kind`. Results remember where their rows came from, so that an export, a report or
a gate can read them again; what lives in a notebook alone could not be.
"""

from __future__ import annotations

import filecmp
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import pyarrow as pa
import pyarrow.parquet as pq

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import AnyPath, alone, located, replacing
from noisecleaner.registry import module_in, names_in
from noisecleaner.tables import ARROW_ERRORS

#: What pandas tells itself of its columns; none of it is the table's.
_OF_PANDAS = b"pandas"


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The rows of one table.

    Args:
        schema: of all batches; its metadata may say what Hugging Face's columns are.
        batches: read once, one after the other.
    """

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]


class Kind(Protocol):
    """What a file of this folder offers; asking does not import pandas or datasets."""

    def takes(self, data: object) -> bool:
        """Whether it is of this kind."""
        ...

    def tables(self, data: object) -> Mapping[str, Rows]:
        """Read it: name of a split -> its rows; the one name of what has no splits is empty.

        Raises:
            NoisecleanerError: it cannot be written as a table.
        """
        ...


def keep(data: object, path: AnyPath, *, overwrite: bool = False) -> str:
    """Write data that is held in memory as Parquet, so that `Source`, `trusted` or `corrections` can name it.

    Equal data make equal bytes, and what stands there already with the same bytes is left as it is. Images become
    bytes: those that `datasets` holds, or a PNG of a PIL image, with the same pixels. Class names, categories and types
    are kept. Paths of images are relative to the folder of `path`, as in every table.

    Args:
        data: a pandas DataFrame, whose index is left out unless it has a name; an Arrow table, or what hands one out
            (`__arrow_c_stream__`, as Polars does); a `datasets.Dataset`, or a `DatasetDict`.
        path: a name that ends in .parquet; of a `DatasetDict` a directory, with a file for each split.
        overwrite: replace what stands there.

    Returns:
        The path.

    Raises:
        NoisecleanerError: it is something else, or cannot be written; or other data stand there.
    """
    out = located(path)
    try:
        return _keep(data, out, overwrite=overwrite)
    except (*ARROW_ERRORS, TypeError, ValueError, OverflowError) as error:  # pandas raises the others
        raise NoisecleanerError(
            f"Data in memory are kept as Parquet, but a column of this {type(data).__name__} cannot be written so "
            f"({str(error).strip() or type(error).__name__}).",
            "Give that column another type (such as `column.dictionary_decode()`, or text), or drop it.",
        ) from error


def _keep(data: object, out: Path, *, overwrite: bool) -> str:
    tables = _kind(data).tables(data)
    whole = list(tables) == [""]
    if whole != (out.suffix.lower() == ".parquet"):
        wanted = "a name that ends in .parquet" if whole else "a directory for the files of the splits"
        raise NoisecleanerError(
            f"{type(data).__name__} is kept as {wanted}, but here it is {out}.",
            f"Write keep={str(out.with_suffix('.parquet') if whole else out.with_suffix(''))!r}.",
        )
    with alone(out, work="keep"), suppress(_KeptError), replacing(out) as temporary:
        _write(tables, temporary, whole=whole)
        if out.exists() and _same(out, temporary):
            raise _KeptError
        _clear(out, overwrite=overwrite)
    return str(out)


class _KeptError(Exception):
    """The same data stand there already: what was written is removed again."""


def _kind(data: object) -> Kind:
    for name in names_in("ingest.memory"):
        kind = cast(Kind, module_in("ingest.memory", name, parameter="data"))
        if kind.takes(data):
            return kind
    raise NoisecleanerError(
        "Data in memory must be a pandas DataFrame, an Arrow table, or a Dataset or DatasetDict of Hugging Face, but "
        f"it is a {type(data).__name__}.",
        "Make one of those of it, such as `pandas.DataFrame(data)`; what lies in files is named by its path.",
    )


def _write(tables: Mapping[str, Rows], out: Path, *, whole: bool) -> None:
    if whole:
        _write_table(tables[""], out)
        return
    out.mkdir()
    for split, rows in tables.items():
        _write_table(rows, out / f"{split}-00000-of-00001.parquet")


def _write_table(rows: Rows, out: Path) -> None:
    metadata = {key: value for key, value in (rows.schema.metadata or {}).items() if key != _OF_PANDAS}
    schema = rows.schema.with_metadata(metadata or None)
    with pq.ParquetWriter(out, schema, compression="zstd", write_page_checksum=True) as writer:
        for batch in rows.batches:
            writer.write_batch(batch.cast(schema))


def _same(one: Path, other: Path) -> bool:
    """Whether two files, or the files of two directories, hold the same bytes."""
    if one.is_dir() != other.is_dir():
        return False
    if not one.is_dir():
        return filecmp.cmp(one, other, shallow=False)
    names = sorted(os.listdir(other))
    return sorted(os.listdir(one)) == names and not any(filecmp.cmpfiles(one, other, names, shallow=False)[1:])


def _clear(out: Path, *, overwrite: bool) -> None:
    """Make room for a directory; a file is replaced."""
    if not out.exists():
        return
    if not overwrite:
        raise NoisecleanerError(
            f"A run may read what stands at {out} again, but it holds other data.",
            "Name another place to keep these, or replace it: `keep(data, path, overwrite=True)`.",
        )
    if out.is_dir():
        shutil.rmtree(out)
