"""Arrow batches with images -> the same rows with vectors: what every engine maps, and Spark's `mapInArrow`."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, islice

import numpy as np
import pyarrow as pa

from noisecleaner.arrays import Array
from noisecleaner.ingest import Skip
from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.payloads import read_file
from noisecleaner.ingest.tables.maker import EMBEDDING, SKIP_REASON
from noisecleaner.inputs.decoding import Resized, decode_all
from noisecleaner.inputs.encoders import Encoder, EncodingBlock, encode_all
from noisecleaner.settings import Decoding, Model

#: The column of the images: bytes, structs with bytes, or paths.
IMAGE = "image"


@dataclass(frozen=True)
class Embedder:
    """A map over Arrow batches: their column `image` becomes `embedding` and `skip_reason`, all others stay.

    A row without an image that decodes has NaN in all numbers, and the reason beside them: Arrow before version 26
    cannot read null among lists of a fixed size.

    Args:
        encoder: what is kept of an image, such as `feature_encoder` makes.
        decoding: threads and limits.
    """

    encoder: Encoder
    decoding: Decoding = field(default_factory=Decoding)

    @classmethod
    def open(cls, model: Model, device: str = "auto", decoding: Decoding | None = None) -> Embedder:
        """Load frozen networks.

        Args:
            model: which ones; `Model.backbone` is given.
            device: where to compute, see `choose_device`.
            decoding: threads and limits.

        Raises:
            NoisecleanerError: the networks have no weights, or cannot be had.
        """
        from noisecleaner.embedding.backbones import frozen_backbones
        from noisecleaner.inputs.encoders import feature_encoder
        from noisecleaner.networks.devices import choose_device

        return cls(feature_encoder(frozen_backbones(model).parts, choose_device(device)), decoding or Decoding())

    @property
    def width(self) -> int:
        """Numbers in a vector."""
        return self.encoder.shape[0]

    def schema(self, given: pa.Schema) -> pa.Schema:
        """Say which columns come of those of a batch."""
        own = (IMAGE, EMBEDDING, SKIP_REASON)
        kept = [given.field(name) for name in given.names if name not in own]
        return pa.schema([*kept, *fields_of(self.width)])

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Map batches; while the last images of one are encoded, the first of the next are decoded already.

        Args:
            batches: with a column `image`; where there is a column `skip_reason`, rows with one keep it.
        """
        waiting, sizes = deque[pa.RecordBatch](), deque[int]()
        images = self._images(batches, waiting, sizes)
        with (
            closing(decode_all(images, framings=self.encoder.framings, decoding=self.decoding)) as decoded,
            closing(
                encode_all(_blocks(decoded, sizes, self.encoder.block), self.encoder, self.decoding.threads)
            ) as blocks,
        ):
            yield from self._rows(blocks, waiting)

    def _images(
        self, batches: Iterator[pa.RecordBatch], waiting: deque[pa.RecordBatch], sizes: deque[int]
    ) -> Iterator[tuple[int, bytes | Skip]]:
        """Yield the images of all batches in a row, and put the batches down for those who come after."""
        for batch in batches:
            if not batch.num_rows:
                continue
            waiting.append(batch)
            sizes.append(batch.num_rows)
            reasons = batch[SKIP_REASON] if SKIP_REASON in batch.schema.names else None
            for row, cell in enumerate(batch[IMAGE]):
                reason = None if reasons is None else reasons[row].as_py()
                yield row, _encoded(cell.as_py()) if reason is None else Skip(reason)

    def _rows(self, blocks: Iterator[EncodingBlock], waiting: deque[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Put the vectors of blocks beside the other columns of their batch."""
        vectors, reasons = self._empty(0), list[str | None]()
        for block in blocks:
            batch = waiting[0]
            if not len(vectors):
                vectors, reasons = self._empty(batch.num_rows), [None] * batch.num_rows
            if block.rows:
                vectors[block.rows] = block.images
            for row, reason in block.skipped.items():
                reasons[row] = reason.value
            if block.end == batch.num_rows:
                yield self._with_vectors(waiting.popleft(), vectors, reasons)
                vectors = self._empty(0)

    def _empty(self, rows: int) -> Array:
        return np.full((rows, self.width), np.nan, dtype=np.float16)

    def _with_vectors(self, batch: pa.RecordBatch, vectors: Array, reasons: list[str | None]) -> pa.RecordBatch:
        schema = self.schema(batch.schema)
        kept = [batch[name] for name in schema.names[:-2]]
        column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), type=schema.field(EMBEDDING).type)
        return pa.RecordBatch.from_arrays([*kept, column, pa.array(reasons, pa.string())], schema=schema)


def fields_of(width: int) -> list[pa.Field]:
    """The columns of vectors with `width` numbers, and of the reasons why there are none."""
    return [pa.field(EMBEDDING, pa.list_(pa.float16(), width)), pa.field(SKIP_REASON, pa.string())]


def _encoded(value: object) -> bytes | Skip:
    """The bytes of an image, out of a cell."""
    if isinstance(value, dict):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, str):
        path = Place.parse(value)
        return read_file(path.parent, path.name)
    return value if isinstance(value, bytes) and value else Skip.NO_IMAGE


def _blocks(decoded: Iterator[tuple[int, Resized | Skip]], sizes: deque[int], most: int) -> Iterator[EncodingBlock]:
    """Cut the rows of each batch into blocks of `most` rows, unreadable ones counted."""
    for first in decoded:  # who decodes it has read its batch, so that its size is known
        size = sizes.popleft()
        rows = chain([first], islice(decoded, size - 1))
        for start in range(0, size, most):
            yield EncodingBlock.of(islice(rows, most), end=min(start + most, size))
