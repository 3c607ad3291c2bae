"""Vectors in a NumPy file beside the dataset, row by row: read through a memory map, never copied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.manifest import FloatArray
from noisecleaner.ingest.payloads import VECTOR_OPTIONS, VectorColumn, rows_at_once
from noisecleaner.ingest.tabular import Columns


@dataclass(frozen=True)
class VectorFile:
    """A `.npy` file of shape [rows, width] whose rows are those of the dataset, in order.

    Args:
        path: the file, on this machine.
        kind: what the vectors are.
        array: the map of the file; float16, float32 or float64.
    """

    path: str
    kind: Literal["embeddings", "probabilities"]
    array: npt.NDArray[np.floating[Any]]

    @classmethod
    def open(cls, path: str, kind: Literal["embeddings", "probabilities"]) -> VectorFile:
        """Map a file.

        Raises:
            NoisecleanerError: there is no such file, or it holds something else; a pickle is never loaded.
        """
        hint = f"Save one with numpy.save, and name it with {VECTOR_OPTIONS[kind]} PATH."
        try:
            # unlike numpy.load this reads nothing but .npy files, and none with pickled objects
            array = np.lib.format.open_memmap(path, mode="r")
        except (OSError, ValueError, EOFError) as error:
            raise NoisecleanerError(
                f"{kind.capitalize()} need a NumPy file of plain numbers, but {path} cannot be read as one ({error}).",
                hint,
            ) from error
        floating = array.dtype in (np.float16, np.float32, np.float64) and array.dtype.isnative
        if array.ndim != 2 or not floating or not array.shape[1]:
            raise NoisecleanerError(
                f"{kind.capitalize()} need an array of shape [rows, numbers] of float16, float32 or float64, but "
                f"{path} holds one of shape {list(array.shape)} of {array.dtype}.",
                hint,
            )
        return cls(path, kind, array)

    def __len__(self) -> int:
        return len(self.array)

    @property
    def width(self) -> int:
        """Numbers in a vector."""
        return int(self.array.shape[1])

    def refuse_other_length(self, rows: int, where: object) -> None:
        """Refuse a file that belongs to other rows.

        Raises:
            NoisecleanerError: it does not have as many rows as the dataset.
        """
        if len(self) != rows:
            raise NoisecleanerError(
                f"The rows of {self.path} must be those of the dataset, in the same order, but it has {len(self):,} "
                f"and {where} has {rows:,}.",
                "Write one row for each row of the dataset.",
            )

    def blocks(self) -> Iterator[FloatArray]:
        """Yield parts of the map in row order.

        Raises:
            NoisecleanerError: a vector holds NaN or infinity.
        """
        step = rows_at_once(self.width)
        for first in range(0, len(self), step):
            block = self.array[first : first + step]
            if not np.isfinite(block).all():
                row = first + int(np.argmin(np.isfinite(block).all(axis=1)))
                raise NoisecleanerError(
                    f"Every vector needs finite numbers, but row {row} of {self.path} holds NaN or infinity.",
                    "Correct that row, or remove it from the file and from the dataset.",
                )
            yield block


#: Every payload of vectors, to tell it from images.
AnyVectors = VectorColumn | VectorFile


def vector_file(columns: Columns) -> VectorFile | None:
    """Open the file of vectors beside the dataset, if the columns name one."""
    if columns.vector_file is None:
        return None
    refuse_both(columns)
    return VectorFile.open(columns.vector_file, "probabilities" if columns.probabilities else "embeddings")


def refuse_both(columns: Columns) -> None:
    """Refuse two kinds of vectors for one row.

    Raises:
        NoisecleanerError: embeddings and probabilities are named.
    """
    if columns.embedding is not None and columns.probabilities is not None:
        raise NoisecleanerError(
            "Rows bring embeddings or class probabilities, but both columns are named.",
            "Leave --embedding-column or --probabilities-column out.",
        )
