"""Rows of a dataset that is embedded: their images, and the labels that go with their vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from noisecleaner.arrays import IntArray
from noisecleaner.embedding.config import ALIGNED
from noisecleaner.embedding.embedder import IMAGE
from noisecleaner.engines import ROW
from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Images, Skip, Source
from noisecleaner.ingest.checks import check_ids
from noisecleaner.ingest.columns import CERTIFIED, written_probability
from noisecleaner.ingest.labels.naming import Reading
from noisecleaner.ingest.payloads import no_content
from noisecleaner.ingest.raw import RawRows, read_dataset
from noisecleaner.ingest.source import Columns
from noisecleaner.ingest.tables.maker import SKIP_REASON
from noisecleaner.ingest.vectors.orders import AnyVectors
from noisecleaner.notices import Notice


@dataclass(frozen=True, kw_only=True)
class ImageRows:
    """Rows with images.

    Args:
        table: what a shard holds of them beside vectors: ids, and labels where there are any; shape [rows].
        images: in the same order.
        names: of the classes, in the order that somebody has told; `()` where nobody has.
        notices: what was found in reading them.
    """

    table: pa.Table
    images: Images
    names: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()

    @classmethod
    def read(cls, source: Source) -> ImageRows:
        """Read everything but the images.

        Raises:
            NoisecleanerError: the dataset cannot be read, or brings vectors in place of images.
        """
        rows = read_dataset(source, labelled=False)
        if rows.payload is None:
            raise no_content(source, rows.files)
        if isinstance(rows.payload, AnyVectors):
            raise NoisecleanerError(
                f"Vectors are made of images, but the rows of {source.data} bring {rows.payload.kind} already.",
                "Pass them to `fit(...)` as they are, or leave `Columns.embedding` out if there are images, too.",
            )
        check_ids(rows.ids, source.data)
        given = None if rows.labels is None else rows.labels.defining(source.columns.told)
        known = given is not None and given.labels.null_count < len(given.labels)
        notices = (*rows.notices, *(given.notices if given is not None and known else ()))
        names = given.classes if given is not None and known and given.ordered else ()
        return cls(
            table=_table(rows, given if known else None, source.columns),
            images=rows.payload,  # type: ignore[arg-type]  # vectors never get here
            names=names,
            notices=notices,
        )

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def fingerprint(self) -> str:
        """Hash ids and labels."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self.table.schema) as writer:
            writer.write_table(self.table.combine_chunks())
        return hashlib.sha256(sink.getvalue()).hexdigest()

    @property
    def reader(self) -> ImageReader:
        """What reads their images, in whichever process."""
        return ImageReader(self.images)


@dataclass(frozen=True)
class ImageReader:
    """Row numbers -> batches of their encoded images; what is read in another process is only this."""

    images: Images

    def __call__(self, rows: IntArray) -> Iterator[pa.RecordBatch]:
        """Read the images of rows, shape [n], ascending, in batches that begin at multiples of `ALIGNED`."""
        numbers: list[int] = []
        cells: list[bytes | Skip] = []
        for row, content in self.images.read(rows):
            if numbers and (row % ALIGNED == 0 or row != numbers[-1] + 1):
                yield _batch(numbers, cells)
                numbers, cells = [], []
            numbers.append(row)
            cells.append(content)
        if numbers:
            yield _batch(numbers, cells)


def _batch(numbers: list[int], cells: list[bytes | Skip]) -> pa.RecordBatch:
    images = [None if isinstance(cell, Skip) else cell for cell in cells]
    reasons = [cell.value if isinstance(cell, Skip) else None for cell in cells]
    columns = {
        ROW: pa.array(numbers, pa.int64()),
        IMAGE: pa.array(images, pa.large_binary()),
        SKIP_REASON: pa.array(reasons, pa.string()),
    }
    return pa.RecordBatch.from_pydict(columns)


def _table(rows: RawRows, given: Reading | None, columns: Columns) -> pa.Table:
    """Put ids and labels into columns that are called as `fit` looks for them."""
    usual = Columns()
    found = {usual.sample_id: rows.ids}
    if given is not None:
        found[usual.label] = given.labels
    if rows.trusted is not None and columns.trusted != columns.label:
        found[usual.trusted] = rows.trusted.text
        drawn = None if rows.files is None else written_probability(rows.files)
        found |= {} if drawn is None else {"sample_probability": drawn}
    if rows.certified is not None:
        found[CERTIFIED] = rows.certified
    return pa.table({name: column.combine_chunks() for name, column in found.items()})


def numbers_of(shard: int, size: int, rows: int) -> IntArray:
    """The numbers of a shard's rows, shape [rows of the shard]."""
    return np.arange(shard * size, min((shard + 1) * size, rows))
