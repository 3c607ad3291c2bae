"""A copy of a dataset with other labels, as Parquet that Hugging Face `datasets` reads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from noisecleaner.arrays import BoolArray, IntArray
from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Manifest, Skip, Source, open_tables
from noisecleaner.ingest.payloads import ImageColumn, ImageFiles
from noisecleaner.progress import Stage

#: Exactly the type that Hugging Face's Image feature asks for.
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
#: Rows in a row group with images: small groups give random access and stay far below Arrow's 2 GiB limit.
ROW_GROUP = 100
#: And without.
VECTOR_GROUP = 10_000


@dataclass(frozen=True)
class Copy:
    """What to copy.

    Args:
        manifest: the rows.
        source: where the manifest was read from; its other columns are copied, too.
        labels: the class index to write for each row, -1 for null.
        keep: the rows to copy.
        added: further columns, one value for each row of the manifest.
        complete: make an image that cannot be read an error, instead of null.
    """

    manifest: Manifest
    source: Source
    labels: IntArray
    keep: BoolArray
    added: pa.Table
    complete: bool = True


def write_copy(path: Path, copy: Copy, stage: Stage) -> None:
    """Write the kept rows as one Parquet file with the Image and ClassLabel features in its metadata.

    Args:
        path: the file to write; the caller makes its appearance atomic.
        copy: the rows, their labels and the columns to add.
        stage: advanced by one for each row written.
    """
    columns = copy.source.columns
    images = encoded_images(copy)
    added = copy.added.combine_chunks()  # `take` would do so again for every part
    writer: pq.ParquetWriter | None = None
    try:
        for first, batch in _other_columns(copy, images is not None):
            rows = first + np.flatnonzero(copy.keep[first : first + batch.num_rows])
            if not len(rows) and writer is not None:
                continue
            part = pa.Table.from_batches([batch.take(pa.array(rows - first))])
            if images is not None:
                part = part.append_column(columns.image, _take_images(images, copy, rows))
            labels = pa.array(copy.labels[rows], pa.int64(), mask=copy.labels[rows] < 0)
            part = part.append_column(columns.label, labels)
            for name in copy.added.column_names:
                part = part.append_column(name, added[name].take(pa.array(rows)))
            typed = columns.image in part.column_names and part.schema.field(columns.image).type == IMAGE
            part = part.replace_schema_metadata(
                hugging_face(columns.label, copy.manifest.classes, columns.image if typed else None)
            )
            # snappy, because encoded images and embeddings do not get smaller and it wastes no time on them
            writer = writer or pq.ParquetWriter(path, part.schema, compression="snappy", write_page_checksum=True)
            writer.write_table(part)
            stage.advance(len(rows))
    finally:
        if writer is not None:
            writer.close()


def encoded_images(copy: Copy) -> Iterator[tuple[int, bytes | Skip]] | None:
    """Yield (row, encoded bytes) for the kept rows; None where the rows bring vectors.

    Raises:
        NoisecleanerError: the copy has to be complete, and an image cannot be read any more.
    """
    payload = copy.manifest.payload
    if not isinstance(payload, (ImageFiles, ImageColumn)):
        return None
    images = payload.read(np.flatnonzero(copy.keep))
    return _complete(images, copy.manifest) if copy.complete else images


def _complete(images: Iterator[tuple[int, bytes | Skip]], manifest: Manifest) -> Iterator[tuple[int, bytes | Skip]]:
    for row, content in images:
        if isinstance(content, Skip):
            raise NoisecleanerError(
                f"Every row to copy must still be readable, but {manifest.table['sample_id'][row]} is not ({content}).",
                "Put the image back, or run `fit(...)` and `score(...)` again.",
            )
        yield row, content


def _take_images(images: Iterator[tuple[int, bytes | Skip]], copy: Copy, rows: IntArray) -> pa.Array:
    paths = [copy.manifest.table["path"][row].as_py() for row in rows.tolist()]
    contents = [next(images)[1] for _ in rows]
    structs = [
        None if isinstance(content, Skip) else {"bytes": content, "path": Path(name).name if name else None}
        for content, name in zip(contents, paths, strict=True)
    ]
    return pa.array(structs, IMAGE)


def _other_columns(copy: Copy, with_images: bool) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield (first row, batch) of the user's columns that the copy does not make anew."""
    made = {copy.source.columns.label, copy.source.columns.sample_id, *copy.added.column_names}
    made |= {copy.source.columns.image} if with_images else set()
    files = open_tables(copy.source.data)
    names = [] if files is None else [name for name in files.schema.names if name not in made]
    ids = copy.manifest.table["sample_id"].combine_chunks()
    group = ROW_GROUP if with_images else VECTOR_GROUP
    others = iter(files.batches(names, group)) if files is not None and names else None
    first = 0
    while first < len(ids):
        batch = next(others) if others is not None else None
        size = min(group, len(ids) - first) if batch is None else batch.num_rows
        columns = {copy.source.columns.sample_id: ids.slice(first, size)}
        columns |= {} if batch is None else dict(zip(names, batch.columns, strict=True))
        yield first, pa.RecordBatch.from_pydict(columns)
        first += size


def hugging_face(label: str, classes: Sequence[str], image: str | None = None) -> dict[str, str]:
    """Describe columns as Hugging Face does; those left out are understood by their Arrow type.

    Args:
        label: the int64 column that indexes `classes`.
        classes: the class names.
        image: the column of type `IMAGE`, if there is one.
    """
    features: dict[str, Any] = {label: {"names": list(classes), "_type": "ClassLabel"}}
    if image is not None:
        features[image] = {"_type": "Image"}
    return {"huggingface": json.dumps({"info": {"features": features}})}
