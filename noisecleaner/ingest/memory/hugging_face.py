"""`Dataset` and `DatasetDict` of Hugging Face: the encoded bytes of images as they are, and the names of ClassLabel."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.memory import Rows

#: Rows that are in memory at a time.
_BATCH = 1000


def takes(data: object) -> bool:
    """Whether it is one; `IterableDataset`, too, which `tables` refuses."""
    module = sys.modules.get("datasets")
    return module is not None and isinstance(data, (module.Dataset, module.DatasetDict, *_streams(module)))


def tables(data: Any) -> Mapping[str, Rows]:
    """Read it in the order of its rows, as it was shuffled, selected or sorted.

    Raises:
        NoisecleanerError: it is a stream, whose rows may be others the next time; or an image cannot be read.
    """
    module = sys.modules["datasets"]
    if isinstance(data, _streams(module)):
        raise NoisecleanerError(
            f"Rows must be the same each time they are read, but a {type(data).__name__} is a stream.",
            "Load it without streaming, or make a Dataset of it (datasets.Dataset.from_generator).",
        )
    if isinstance(data, module.DatasetDict):
        return {str(split): _rows(dataset) for split, dataset in data.items()}
    return {"": _rows(data)}


def _streams(module: Any) -> tuple[type, ...]:
    return (module.IterableDataset, module.IterableDatasetDict)


def _rows(dataset: Any) -> Rows:
    return Rows(schema=dataset.features.arrow_schema, batches=_batches(dataset))


def _batches(dataset: Any) -> Iterator[pa.RecordBatch]:
    for table in dataset.with_format("arrow").iter(_BATCH):
        columns = [_embedded(dataset.features[name], table[name].combine_chunks(), name) for name in table.column_names]
        yield from pa.table(columns, names=table.column_names).cast(dataset.features.arrow_schema).to_batches()


def _embedded(feature: Any, column: pa.Array, name: str) -> pa.Array:
    """Bring in the bytes of files that a column names: they may lie in a cache that is cleared some day."""
    embed = getattr(feature, "embed_storage", None)
    if embed is None:
        return column
    try:
        return embed(column)
    except (OSError, ValueError) as error:
        raise NoisecleanerError(
            f"Files that a dataset names must be there, but one of column {name!r} is not ({error}).",
            "Load the dataset again where its files are, or drop the column.",
        ) from error
