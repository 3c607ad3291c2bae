"""Columns that stand in the names of folders: `label=cat/part-0.parquet`, as Hive, Spark and Dask write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

import pyarrow as pa

from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.files.places import Place

_FOLDER = re.compile(r"([^=/]+)=([^/]*)")
#: What stands for a missing value.
_NULL = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class Partition:
    """The columns that the folders of one file name, from the top down; a value is None where it is missing."""

    columns: tuple[tuple[str, str | None], ...] = ()

    @classmethod
    def of(cls, place: Place, root: Place) -> Partition:
        """Read the folders between a root and a file."""
        folders = place.path[len(root.path) :].strip("/").split("/")[:-1]
        found = [match.groups() for match in map(_FOLDER.fullmatch, folders) if match]
        return cls(tuple((unquote(name), None if value == _NULL else unquote(value)) for name, value in found))

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [name for name, _ in self.columns]

    def widen(self, batch: pa.RecordBatch, columns: Sequence[str]) -> pa.RecordBatch:
        """Give a batch of the file those of the columns that its folders name, behind its own."""
        own = [name for name in batch.schema.names if name in columns or any(c.startswith(f"{name}.") for c in columns)]
        arrays = [batch.column(name) for name in own]
        for name, value in self.columns:
            if name in columns:
                own.append(name)
                arrays.append(pa.repeat(pa.scalar(value, pa.string()), batch.num_rows))
        return pa.RecordBatch.from_arrays(arrays, own)


def check_partitions(partitions: Sequence[Partition], schema: pa.Schema, where: object) -> None:
    """Refuse folders that do not name the same columns for all files, or columns that the files have already.

    Raises:
        NoisecleanerError: says which.
    """
    first = partitions[0].names
    other = next((partition.names for partition in partitions if partition.names != first), None)
    if other is not None:
        raise NoisecleanerError(
            f"The folders of all files must name the same columns, as in label=cat/part-0.parquet, but in {where} some "
            f"name {listed(first)} and some {listed(other)}.",
            "Move the files, or give a glob that names only some of them.",
        )
    twice = [name for name in first if name in schema.names]
    if twice or len(set(first)) < len(first):
        raise NoisecleanerError(
            f"A column must stand in the folders' names or in the files, but {listed(twice or first)} of {where} does "
            "in both or twice.",
            "Rename the folders (label=cat becomes cat), or take the column out of the files.",
        )
