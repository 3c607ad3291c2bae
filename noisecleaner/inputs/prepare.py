"""Manifest -> the array that training indexes: pixels, features of frozen backbones, or the user's vectors.

Made once, memory-mapped, and resumable: after a kill the rows that are done are not decoded again.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from noisecleaner.arrays import Array, IntArray, RealArray
from noisecleaner.errors import Interrupted, NoisecleanerError
from noisecleaner.ingest import Manifest, Payload, Skip
from noisecleaner.ingest.fingerprints import Fingerprint, PassingVectors
from noisecleaner.ingest.vectors.columns import VectorFile, skipped
from noisecleaner.ingest.vectors.orders import AnyVectors
from noisecleaner.inputs.encoders import Encoder
from noisecleaner.inputs.encoding import encoded_blocks
from noisecleaner.inputs.filling import Filling, create
from noisecleaner.inputs.outliers import far_outside, refuse_odd_scale, two_kinds
from noisecleaner.inputs.probabilities import check, check_order, check_width, likeliest
from noisecleaner.inputs.rooting import root
from noisecleaner.notices import Notice
from noisecleaner.progress import Progress
from noisecleaner.ranks.group import ALONE, Ranks
from noisecleaner.settings import Decoding

#: Vectors that are looked at together: as few as stay in a core's cache.
_CACHED = 256


@dataclass(frozen=True)
class Inputs:
    """The array, shape [rows, …], and the rows that could not be read: row -> reason.

    The rows of the dataset come first, the clean-only trusted rows behind them.

    Args:
        array: one input a row.
        skipped: the rows that could not be read.
        notices: what was found in reading them that a reader of the results must know.
        vectors: of each part, what vectors its rows brought; empty where they brought images.
    """

    array: Array
    skipped: dict[int, Skip]
    notices: tuple[Notice, ...] = ()
    vectors: tuple[Fingerprint, ...] = ()


def prepare(
    parts: Sequence[Manifest],
    *,
    encoder: Encoder | None,
    folder: Path,
    decoding: Decoding,
    progress: Progress,
    ranks: Ranks = ALONE,
) -> Inputs:
    """Make the array for rows that bring images (with an encoder) or vectors (without)."""
    if encoder is None:
        return prepare_vectors(parts, folder=folder, progress=progress)
    return prepare_images(parts, encoder=encoder, folder=folder, decoding=decoding, progress=progress, ranks=ranks)


def prepare_images(
    parts: Sequence[Manifest],
    *,
    encoder: Encoder,
    folder: Path,
    decoding: Decoding,
    progress: Progress,
    ranks: Ranks = ALONE,
) -> Inputs:
    """Decode and encode every readable row of the parts, in parallel threads, or go on where a killed run stopped.

    Args:
        parts: the dataset, and the clean-only rows if there are any.
        encoder: what to keep of an image.
        folder: where the array is written.
        decoding: threads and limits.
        progress: is told about every block.
        ranks: the processes that share the work, of which this one leads.

    Raises:
        OSError: the disk is full; found out before the first image is decoded.
    """
    total = sum(map(len, parts))
    filling = Filling.open(folder / f"{encoder.name}.npy", (total, *encoder.shape), encoder.dtype, maker=encoder.maker)
    title = "Decoding" if encoder.name == "pixels" else f"Decoding, {encoder.name}"
    try:
        with (
            progress.stage(title, total, "images", filling.done) as stage,
            closing(encoded_blocks(parts, filling.done, encoder, decoding, ranks)) as blocks,
        ):
            for block in blocks:
                before = filling.done
                filling.take(block)
                stage.advance(filling.done - before)
                filling.save_now_and_then()
    except (Interrupted, KeyboardInterrupt):
        filling.save()
        raise
    return Inputs(filling.array, filling.skipped)


def prepare_vectors(parts: Sequence[Manifest], *, folder: Path, progress: Progress) -> Inputs:
    """Check the user's vectors; those of columns are copied into one memory-mapped array, a file serves as it is.

    Args:
        parts: the dataset, and the clean-only rows if there are any.
        folder: where an array is written.
        progress: is told about every block.

    Raises:
        NoisecleanerError: vectors of unequal length, or that are no probabilities, or in another order than the
            classes, or that spread beyond single precision.
    """
    vectors = _alike([part.payload for part in parts])
    kind, width, total = vectors[0].kind, vectors[0].width, sum(map(len, parts))
    if kind == "probabilities":
        check_width(width, len(parts[0].classes))
    # rows beside the dataset bring columns of their own, never a file
    array = vectors[0].array if isinstance(vectors[0], VectorFile) and len(parts) == 1 else None
    copied, row, columns = array is None, 0, []
    unusable: dict[int, Skip] = {}
    passing = [PassingVectors(payload, len(rows)) for payload, rows in zip(vectors, parts, strict=True)]
    with progress.stage(f"Reading {kind}", total, "rows") as stage:
        streams = zip(passing, vectors, strict=True)
        for part, block in ((part, block) for part, payload in streams for block in payload.blocks()):
            part.take(block)
            if kind == "probabilities":
                check(block)
                columns.append(likeliest(block))
            array = create(folder / f"{kind}.npy", (total, width), block.dtype) if array is None else array
            missing = skipped(block, row)
            if copied:
                array[row : row + len(block)] = block
                array[list(missing)] = 0
            unusable |= missing
            row += len(block)
            stage.advance(len(block))
    assert array is not None  # noqa: S101  # a manifest has rows
    fingerprints = tuple(part.fingerprint() for part in passing)
    if kind == "embeddings":
        usable = np.setdiff1d(np.arange(total), list(unusable))
        refuse_odd_scale(array, usable)
        far = far_outside(array, usable)
        if (notice := two_kinds(far, usable)) is not None:
            return Inputs(array, unusable, (notice,), fingerprints)
        unusable |= dict.fromkeys(far.tolist(), Skip.FAR_OUTSIDE)
    notices = check_order(np.concatenate(columns)[: len(parts[0])], parts[0]) if columns else ()
    return Inputs(array, unusable, notices, fingerprints)


def statistics(array: Array, rows: IntArray, *, rooted: bool = False) -> tuple[RealArray, RealArray]:
    """Compute mean and standard deviation of each coordinate over some rows, in blocks, each of shape [width].

    Args:
        array: shape [rows of the array, width].
        rows: those that count, shape [n].
        rooted: whether that of their square roots is asked for.
    """
    total = np.zeros(array.shape[1])
    squares = np.zeros(array.shape[1])
    for first in range(0, len(rows), _CACHED):
        block = array[rows[first : first + _CACHED]]
        block = (root(block) if rooted else block).astype(np.float64)
        total += block.sum(axis=0)
        squares += np.einsum("rc,rc->c", block, block)
    mean = total / len(rows)
    return mean, np.sqrt(np.maximum(squares / len(rows) - mean**2, 0))


def _alike(payloads: Sequence[Payload]) -> list[AnyVectors]:
    """Refuse parts whose vectors are not like those of the dataset."""
    first = payloads[0]
    assert isinstance(first, AnyVectors)  # noqa: S101  # the caller dispatches on the payload
    alike = [p for p in payloads if isinstance(p, AnyVectors) and (p.kind, p.width) == (first.kind, first.width)]
    if len(alike) < len(payloads):
        raise NoisecleanerError(
            f"Trusted rows that are not in the dataset need {first.kind} of {first.width} numbers as well, "
            "but theirs are of another kind or length.",
            "Compute them with the same model.",
        )
    makers = [other.maker for other in alike if other.maker is not None]
    if first.maker is not None and any(other := list(first.maker.differences(maker)) for maker in makers):
        raise NoisecleanerError(
            "Trusted rows that are not in the dataset need vectors that are made as its own are, with "
            f"{', '.join(other)}, but theirs are made otherwise.",
            "Embed them with the same network, weights and size.",
        )
    return alike
