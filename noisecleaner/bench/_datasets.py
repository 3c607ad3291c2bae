"""The datasets of a benchmark: Parquet files below `--data` -> pixels, decoded once and kept beside the results."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from noisecleaner.arrays import IntArray
from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.images.framing import Framing
from noisecleaner.images.greys import Pixels
from noisecleaner.ingest import Columns, Source, ingest
from noisecleaner.inputs.batches import Data
from noisecleaner.inputs.encoders import pixel_encoder
from noisecleaner.inputs.prepare import prepare_images
from noisecleaner.progress import Progress
from noisecleaner.settings import Decoding


@dataclass(frozen=True)
class LabelledData:
    """A dataset in memory (or mapped to it).

    Args:
        pixels: uint8, shape [rows, size, size, 3]; grey images have three equal channels.
        labels: class indices, shape [rows].
        classes: the class names.
    """

    pixels: Pixels
    labels: IntArray
    classes: tuple[str, ...]


class Datasets:
    """Reads datasets, each of them once.

    Args:
        data: the data directory; None where an experiment makes its own data.
        cache: where decoded pixels are kept.
        progress: is told about decoding.
    """

    def __init__(self, data: Path | None, cache: Path, progress: Progress) -> None:
        self._data, self._cache, self._progress = data, cache, progress
        self._read: dict[tuple[str, int], LabelledData] = {}

    def read(self, pattern: str, size: int) -> LabelledData:
        """Read Parquet files with the columns `image` and `label`, in the order of their names.

        Args:
            pattern: a glob below the data directory, one of the experiment's `files`.
            size: edge length to decode to.

        Raises:
            NoisecleanerError: a row has no label, or an image that cannot be read.
        """
        if (pattern, size) not in self._read:
            self._read[pattern, size] = self._decode(pattern, size)
        return self._read[pattern, size]

    def path(self, pattern: str) -> Path:
        """Find the one file that an entry of the experiment's `files` names."""
        assert self._data is not None  # noqa: S101  # `find` has refused an experiment with files but no directory
        return min(self._data.glob(pattern))

    def _decode(self, pattern: str, size: int) -> LabelledData:
        assert self._data is not None  # noqa: S101  # `find` has refused an experiment with files but no directory
        manifest, _ = ingest(Source(str(self._data / pattern), columns=Columns(row_ids=True)))
        fingerprint = zlib.crc32(json.dumps(find("", self._data, [pattern]), sort_keys=True).encode())
        folder = self._cache / f"{re.sub(r'[^a-z0-9]+', '-', pattern.lower())}-{size}-{fingerprint:08x}"
        folder.mkdir(parents=True, exist_ok=True)
        inputs = prepare_images(
            [manifest],
            encoder=pixel_encoder(Framing(size)),
            folder=folder,
            decoding=Decoding(),
            progress=self._progress,
        )
        unusable = int((manifest.skipping(inputs.skipped).given < 0).sum())
        if unusable:
            raise NoisecleanerError(
                f"A benchmark needs every row, but {unusable:,} of {len(manifest):,} in {self._data / pattern} have "
                "no label or an image that cannot be read.",
                "Check that the files were copied completely.",
            )
        return LabelledData(inputs.array, manifest.given.astype(np.int64), manifest.classes)  # torch wants them wide


def find(paper: str, data: Path | None, patterns: Sequence[str]) -> Mapping[str, int]:
    """Find an experiment's files: name below the data directory -> bytes.

    Raises:
        NoisecleanerError: there is no directory, or nothing in it matches one of the patterns.
    """
    if patterns and data is None:
        raise NoisecleanerError(
            f"The benchmark {paper} needs {listed(list(patterns))} in a data directory, but none was named.",
            f"Give it: `bench(BenchConfig({paper!r}, data=DIR))`",
        )
    matches = {pattern: sorted(data.glob(pattern)) if data else [] for pattern in patterns}
    missing = [pattern for pattern, files in matches.items() if not files]
    if missing:
        raise NoisecleanerError(
            f"The benchmark {paper} needs {listed(list(patterns))} below `data`, but {data} "
            + (f"has no {listed(missing)}." if data and data.is_dir() else "is no directory."),
            f"Name the directory that holds {missing[0].partition('/')[0]}/ with `data=DIR`.",
        )
    files = [file for paths in matches.values() for file in paths]
    return {str(file.relative_to(data or "")): file.stat().st_size for file in files}


def scaled(count: int, scale: float, least: int = 1) -> int:
    """Take a share of a number of rows or epochs, `least` of them at least."""
    return max(least, round(count * scale))


def drawn(rows: IntArray, count: int, rng: np.random.Generator) -> IntArray:
    """Draw `count` of the rows (all where there are fewer), in random order."""
    return rng.permutation(rows)[:count]


def unverified(pixels: Pixels, labels: IntArray, device: torch.device) -> Data:
    """Rows that have given labels alone.

    Args:
        pixels: shape [rows, size, size, 3].
        labels: shape [rows].
        device: where the network is.
    """
    return Data(array=pixels, given=labels, trusted=np.full(len(labels), -1), device=device)
