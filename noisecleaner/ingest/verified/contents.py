"""What rows hold, summed up: how content finds its row where ids do not, and shows where they are wrong."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from noisecleaner.arrays import BoolArray, FloatArray, IntArray, SingleArray
from noisecleaner.images.decoder import Decoder
from noisecleaner.images.limits import Limits
from noisecleaner.ingest.manifest import Images, Skip, Vectors
from noisecleaner.ingest.payloads import ImageFiles
from noisecleaner.ingest.verified.thumbnails import thumbnail


class Digest(NamedTuple):
    """What an image file holds: its length in bytes, and 16 bytes that only the same file has."""

    length: int
    content: bytes

    @classmethod
    def of(cls, encoded: bytes) -> Digest:
        """Sum up an image file."""
        return cls(len(encoded), hashlib.blake2b(encoded, digest_size=16).digest())


def digests(images: Images, rows: IntArray) -> dict[int, Digest]:
    """Sum up the images of some rows, shape [n]; those that cannot be read are left out."""
    return {row: Digest.of(encoded) for row, encoded in _readable(images, rows)}


def thumbnails(images: Images, rows: IntArray) -> dict[int, FloatArray]:
    """Shrink the images of some rows, shape [n], see `thumbnail`; those that cannot be opened are left out."""
    with Decoder(threads=1, limits=Limits()) as decoder:
        small = ((row, thumbnail(encoded, decoder)) for row, encoded in _readable(images, rows))
        return {row: grey for row, grey in small if grey is not None}


def rows_with(images: Images, *, rows: int, wanted: Collection[Digest]) -> dict[Digest, list[int]]:
    """Find the rows that hold some images.

    Args:
        images: those to look through.
        rows: how many there are.
        wanted: the images.
    """
    found, lengths = defaultdict(list), {digest.length for digest in wanted}
    for row, encoded in _readable(images, _of_lengths(images, rows, lengths) if wanted else np.arange(0)):
        if len(encoded) in lengths and (digest := Digest.of(encoded)) in wanted:
            found[digest].append(row)
    return dict(found)


@dataclass(frozen=True, kw_only=True)
class VectorDigests:
    """Vectors, summed up; both arrays have the shape [rows].

    Args:
        digests: 64 bits that vectors share only by chance.
        telling: vectors that are there, and not one number again and again, as where a network failed.
    """

    digests: npt.NDArray[np.uint64]
    telling: BoolArray

    @classmethod
    def of(cls, vectors: Vectors) -> VectorDigests:
        """Sum up all vectors, in single precision.

        A digest is a random linear combination of the numbers' bits modulo 2**64 (Carter and Wegman, 1979).
        """
        odd = 2 * np.random.default_rng(0).integers(1, 2**62, vectors.width, dtype=np.uint64) + 1
        found, telling = [np.empty(0, np.uint64)], [np.empty(0, np.bool_)]
        for block in vectors.blocks():
            single: SingleArray = np.ascontiguousarray(block, dtype=np.float32)
            found.append((single.view(np.uint32) * odd).sum(axis=1, dtype=np.uint64))
            varies = (single != single[:, :1]).any(axis=1) | (vectors.width == 1)
            telling.append(np.isfinite(single).all(axis=1) & varies)
        return cls(digests=np.concatenate(found), telling=np.concatenate(telling))

    def rows_with(self, wanted: npt.NDArray[np.uint64]) -> dict[int, list[int]]:
        """Find the rows that hold some vectors, shape [vectors]: digest -> rows."""
        found = defaultdict(list)
        for row in np.flatnonzero(self.telling & np.isin(self.digests, wanted)):
            found[int(self.digests[row])].append(int(row))
        return dict(found)


def _readable(images: Images, rows: IntArray) -> Iterator[tuple[int, bytes]]:
    """Yield the images of some rows that can be read."""
    if len(rows):
        yield from ((row, encoded) for row, encoded in images.read(np.unique(rows)) if not isinstance(encoded, Skip))


def _of_lengths(images: Images, rows: int, lengths: Collection[int]) -> IntArray:
    """The rows that may hold an image of some lengths: a look at the sizes of files spares reading most of them."""
    if not isinstance(images, ImageFiles):
        return np.arange(rows)
    paths = images.paths.to_pylist()
    return np.array(
        [row for row, path in enumerate(paths) if path and (images.root / path).size() in lengths], np.int64
    )
