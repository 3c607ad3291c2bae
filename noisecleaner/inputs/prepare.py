"""Manifest -> the array that training indexes: pixels, features of a frozen backbone, or the user's vectors.

Made once, memory-mapped, and resumable: after a kill the rows that are done are not decoded again.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from noisecleaner.arrays import Array, IntArray, RealArray
from noisecleaner.errors import Interrupted, NoisecleanerError
from noisecleaner.files import damaged, read_record, write_record
from noisecleaner.ingest import Manifest, Skip
from noisecleaner.ingest.vectors import AnyVectors, VectorFile
from noisecleaner.inputs.decoding import Pixels, decode_all
from noisecleaner.inputs.encoders import Batch, Encoder, encode_all
from noisecleaner.inputs.probabilities import check, check_width
from noisecleaner.progress import Progress
from noisecleaner.settings import Decoding

_SAVE_SECONDS = 10.0
#: Vectors that are looked at together: as few as stay in a core's cache.
_CACHED = 256


@dataclass(frozen=True)
class Inputs:
    """The array, shape [rows, …], and the rows that could not be read: row -> reason.

    The rows of the dataset come first, the clean-only trusted rows behind them.
    """

    array: Array
    skipped: dict[int, Skip]


def prepare(
    parts: Sequence[Manifest], encoder: Encoder | None, folder: Path, decoding: Decoding, progress: Progress
) -> Inputs:
    """Make the array for rows that bring images (with an encoder) or vectors (without)."""
    if encoder is None:
        return prepare_vectors(parts, folder, progress)
    return prepare_images(parts, encoder, folder, decoding, progress)


def prepare_images(
    parts: Sequence[Manifest], encoder: Encoder, folder: Path, decoding: Decoding, progress: Progress
) -> Inputs:
    """Decode and encode every readable row of the parts, in parallel threads, or go on where a killed run stopped.

    Args:
        parts: the dataset, and the clean-only rows if there are any.
        encoder: what to keep of an image.
        folder: where the array is written.
        decoding: threads and limits.
        progress: is told about every block.

    Raises:
        OSError: the disk is full; found out before the first image is decoded.
    """
    total = sum(map(len, parts))
    path = folder / f"{encoder.name}.npy"
    array, done, skipped = _open(path, (total, *encoder.shape), encoder.dtype)
    readable = np.concatenate([part.readable for part in parts])
    stream = chain.from_iterable(_encoded(parts, done))
    title = "Decoding" if encoder.name == "pixels" else f"Decoding, {encoder.name}"
    saved = time.monotonic()
    try:
        with (
            progress.stage(title, total, "images", done) as stage,
            closing(decode_all(stream, encoder.size, decoding.max_pixels, decoding.threads)) as decoded,
            closing(encode_all(_batches(decoded, readable, done, encoder.batch), encoder, decoding.threads)) as batches,
        ):
            for batch in batches:
                if batch.rows:
                    array[batch.rows] = batch.images
                skipped |= batch.skipped
                before, done = done, batch.last
                stage.advance(done - before)
                if done == total or time.monotonic() - saved > _SAVE_SECONDS:
                    _save(path, array, done, skipped)
                    saved = time.monotonic()
    except (Interrupted, KeyboardInterrupt):
        _save(path, array, done, skipped)
        raise
    return Inputs(array, skipped)


def prepare_vectors(parts: Sequence[Manifest], folder: Path, progress: Progress) -> Inputs:
    """Check the user's vectors; those of columns are copied into one memory-mapped array, a file serves as it is.

    Raises:
        NoisecleanerError: vectors of unequal length, with NaN, or that are no probabilities.
    """
    payloads = [part.payload for part in parts]
    first = payloads[0]
    assert isinstance(first, AnyVectors)  # noqa: S101  # the caller dispatches on the payload
    for payload in payloads:
        if not isinstance(payload, AnyVectors) or (payload.kind, payload.width) != (first.kind, first.width):
            raise NoisecleanerError(
                f"Trusted rows that are not in the dataset need {first.kind} of {first.width} numbers as well, "
                "but theirs are of another kind or length.",
                "Compute them with the same model.",
            )
    if first.kind == "probabilities":
        check_width(first.width, len(parts[0].classes))
    skipped: dict[int, Skip] = {}
    total = sum(map(len, parts))
    # rows beside the dataset bring columns of their own, never a file
    array: Array | None = first.array if isinstance(first, VectorFile) and len(parts) == 1 else None
    given = array is not None
    row = 0
    with progress.stage(f"Reading {first.kind}", total, "rows") as stage:
        for block in chain.from_iterable(p.blocks() for p in payloads if isinstance(p, AnyVectors)):
            if first.kind == "probabilities":
                check(block)
            if array is None:
                array, _, _ = _open(folder / f"{first.kind}.npy", (total, first.width), block.dtype, fresh=True)
            missing = row + np.flatnonzero(np.isnan(block[:, 0]))
            if not given:
                array[row : row + len(block)] = block
                array[missing] = 0
            skipped |= dict.fromkeys(missing.tolist(), Skip.NO_VECTOR)
            row += len(block)
            stage.advance(len(block))
    assert array is not None  # noqa: S101  # a manifest has rows
    return Inputs(array, skipped)


def statistics(array: Array, rows: IntArray) -> tuple[RealArray, RealArray]:
    """Compute mean and standard deviation of each coordinate over some rows, in blocks, each of shape [width]."""
    total = np.zeros(array.shape[1])
    squares = np.zeros(array.shape[1])
    for first in range(0, len(rows), _CACHED):
        block = array[rows[first : first + _CACHED]].astype(np.float64)
        total += block.sum(axis=0)
        squares += np.einsum("rc,rc->c", block, block)
    mean = total / len(rows)
    return mean, np.sqrt(np.maximum(squares / len(rows) - mean**2, 0))


def _encoded(parts: Sequence[Manifest], done: int) -> Iterator[Iterator[tuple[int, bytes | Skip]]]:
    """Yield, part by part, the encoded images of readable rows that are not done, rows counted over all parts."""
    offset = 0
    for part in parts:
        rows = np.flatnonzero(part.readable)
        stream = part.payload.read(rows[rows + offset >= done])  # type: ignore[union-attr]  # vectors never get here
        yield ((offset + row, content) for row, content in stream)
        offset += len(part)


def _batches(
    decoded: Iterator[tuple[int, Pixels | Skip]], readable: npt.NDArray[np.bool_], done: int, size: int
) -> Iterator[Batch]:
    """Cut the rows that are not done into batches of `size` rows, unreadable ones counted."""
    for first in range(done, len(readable), size):
        last = min(first + size, len(readable))
        found = dict(islice(decoded, int(readable[first:last].sum())))
        good = {row: image for row, image in found.items() if not isinstance(image, Skip)}
        skipped = {row: image for row, image in found.items() if isinstance(image, Skip)}
        yield Batch(last, list(good), list(good.values()), skipped)


def _open(
    path: Path, shape: tuple[int, ...], dtype: npt.DTypeLike, fresh: bool = False
) -> tuple[Array, int, dict[int, Skip]]:
    """Make the array, its disk space reserved, or open the one that an interrupted run left."""
    notes = path.with_suffix(".json")
    if notes.exists() and not fresh:
        noted = read_record(notes)
        # a file that was cut short would be filled up with zeros
        if not path.exists() or path.stat().st_size != noted["bytes"]:
            raise damaged(path, "its size is wrong")
        array = np.load(path, mmap_mode="r+")
        if array.shape != shape or array.dtype != np.dtype(dtype):
            raise damaged(path, f"its shape is {array.shape}, not {shape}")
        return array, int(noted["done"]), {int(row): Skip(why) for row, why in noted["skipped"].items()}
    array = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
    with path.open("r+b") as file:  # a full disk must be an error now, not a bus error in the middle
        size = path.stat().st_size
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        elif shutil.disk_usage(path.parent).free < size:  # macOS
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    return array, 0, {}


def _save(path: Path, array: Array, done: int, skipped: dict[int, Skip]) -> None:
    array.flush()  # type: ignore[attr-defined]  # a memory map
    noted = {"done": done, "bytes": path.stat().st_size, "skipped": {str(k): str(v) for k, v in skipped.items()}}
    write_record(path.with_suffix(".json"), noted)
