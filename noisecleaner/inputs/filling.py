"""An array on disk that is filled row by row, and goes on where a killed run stopped."""

from __future__ import annotations

import errno
import os
import shutil
import time
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from noisecleaner.arrays import Array
from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import damaged, read_record, write_record
from noisecleaner.ingest import Skip
from noisecleaner.inputs.encoders import EncodingBlock

_SAVE_SECONDS = 10.0


def create(path: Path, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
    """Make a memory-mapped array of a shape, its disk space reserved.

    Raises:
        OSError: the disk is full: an error now, and not a bus error in the middle.
    """
    array = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
    with path.open("r+b") as file:
        size = path.stat().st_size
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        elif shutil.disk_usage(path.parent).free < size:  # macOS
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    return array


@dataclass
class Filling:
    """An array that is being filled, in the order of its rows.

    Args:
        path: of its file; what is done stands in a record beside it.
        array: shape [rows, …].
        done: rows from the first on that are done.
        skipped: those of them that could not be read: row -> reason.
        maker: what tells what fills it, see `Encoder`.
        crc: checksum of the rows that are done and saved.
    """

    path: Path
    array: Array
    done: int = 0
    skipped: dict[int, Skip] = field(default_factory=dict)
    maker: str = ""
    crc: int = 0
    _summed: int = 0
    _saved: float = field(default_factory=time.monotonic)

    @classmethod
    def open(cls, path: Path, shape: tuple[int, ...], dtype: npt.DTypeLike, *, maker: str = "") -> Filling:
        """Make the array, or open the one that an interrupted run left.

        Raises:
            NoisecleanerError: that one is damaged, of another shape, or was filled by another maker.
            OSError: the disk is full.
        """
        notes = path.with_suffix(".json")
        if not notes.exists():
            return cls(path, create(path, shape, dtype), maker=maker)
        noted = read_record(notes)
        # a file that was cut short would be filled up with zeros
        if not path.is_file() or path.stat().st_size != noted["bytes"]:
            raise damaged(path, "its size is wrong")
        array = np.load(path, mmap_mode="r+")
        if array.shape != shape or array.dtype != np.dtype(dtype):
            raise damaged(path, f"its shape is {array.shape}, not {shape}")
        if noted.get("maker", maker) != maker:  # earlier versions did not say
            raise NoisecleanerError(
                "A fit goes on with the network that it was begun with, but weights or framing of the one now named "
                f"are not those that filled {path}.",
                "Bring the weights of then back, or begin anew with `fit(..., overwrite=True)`.",
            )
        skipped = {int(row): Skip(why) for row, why in noted["skipped"].items()}
        done, crc = int(noted["done"]), noted.get("crc32_of_rows")
        if crc not in (None, _crc(array[:done])):  # earlier versions kept none
            raise damaged(path, "its checksum is wrong")
        if crc is None:
            crc = _crc(array[:done])
        return cls(path, array, done, skipped, maker, crc, done)

    def take(self, block: EncodingBlock) -> None:
        """Take in the rows that come next."""
        if block.rows:
            self.array[block.rows] = block.images
        self.skipped |= block.skipped
        self.done = block.end

    def save_now_and_then(self) -> None:
        """Save if nothing was saved for a while, or when all is done."""
        if self.done == len(self.array) or time.monotonic() - self._saved > _SAVE_SECONDS:
            self.save()

    def save(self) -> None:
        """Write down what is done."""
        self.array.flush()  # type: ignore[attr-defined]  # a memory map
        skipped = {str(row): str(why) for row, why in self.skipped.items()}
        self.crc, self._summed = _crc(self.array[self._summed : self.done], self.crc), self.done
        noted = {"done": self.done, "bytes": self.path.stat().st_size, "skipped": skipped, "maker": self.maker}
        noted |= {"crc32_of_rows": self.crc}
        write_record(self.path.with_suffix(".json"), noted)
        self._saved = time.monotonic()


def _crc(rows: Array, before: int = 0) -> int:
    """Go on with a checksum over the bytes of rows, shape [n, …], read as they lie in the file."""
    return zlib.crc32(np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data, before)
