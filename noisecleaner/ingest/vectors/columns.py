"""Vectors instead of images: a list column of a table, or a NumPy file that is mapped and never copied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import BoolArray, IntArray, RealArray
from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import require_regular
from noisecleaner.ingest.files.kinds import is_pointer
from noisecleaner.ingest.files.walk import first_bytes
from noisecleaner.ingest.manifest import Skip, VectorKind
from noisecleaner.ingest.source import refuse_missing
from noisecleaner.ingest.tables.maker import Maker
from noisecleaner.ingest.tables.tabular import Files
from noisecleaner.tables import NUMPY_ERRORS, require_columns

#: The field of `Columns` that names such vectors.
FIELDS: dict[VectorKind, str] = {"embeddings": "embedding", "probabilities": "probabilities"}
#: Numbers of vectors that are looked at together: 4 MiB in single precision, which the processor's cache holds.
_BLOCK_NUMBERS = 2**20


@dataclass(frozen=True)
class VectorColumn:
    """A list column of numbers, one vector of `width` a row; or a struct of probabilities with the classes' names.

    Args:
        files: the tables.
        column: its name.
        kind: what the vectors are.
        width: numbers in a vector.
        names: of the classes that the numbers belong to, where the column tells; `()` without.
    """

    files: Files
    column: str
    kind: VectorKind
    width: int
    names: tuple[str, ...] = ()

    @classmethod
    def open(cls, files: Files, column: str, kind: VectorKind) -> VectorColumn:
        """Find the vectors' width, from the first one that is not null where the type does not tell.

        Raises:
            NoisecleanerError: there is no such column, or it holds no lists of numbers.
        """
        if column not in files:
            refuse_missing(column, FIELDS[kind])
        require_columns(files.schema, {FIELDS[kind]: column}, files)
        of = files.schema.field(column).type
        if kind == "probabilities" and pa.types.is_struct(of) and all(_is_number(field.type) for field in of):
            return cls(files, column, kind, of.num_fields, names=tuple(field.name for field in of))
        lists = pa.types.is_list(of) or pa.types.is_large_list(of) or pa.types.is_fixed_size_list(of)
        if not lists or not _is_number(of.value_type):
            raise NoisecleanerError(
                f"{kind.capitalize()} must be lists of numbers, but column {column!r} of {files} holds {of}.",
                f"Name the right column with `Columns({FIELDS[kind]}=NAME)`.",
            )
        if pa.types.is_fixed_size_list(of):
            width = of.list_size
        else:  # reads the first rows, which may take a while
            width = next(
                (len(v) for b in files.batches([column], 1024) for v in b.column(0) if v.is_valid and len(v)), 0
            )
        if not width:
            raise NoisecleanerError(
                f"{kind.capitalize()} need at least one number, but column {column!r} of {files} holds empty vectors.",
                f"Name the right column with `Columns({FIELDS[kind]}=NAME)`.",
            )
        return cls(files, column, kind, width)

    @property
    def where(self) -> str:
        """Files and column, for messages."""
        return self.files.where(self.column)

    @property
    def maker(self) -> Maker | None:
        """What made the vectors, where the tables tell."""
        return Maker.of(self.files.schema)

    def blocks(self) -> Iterator[RealArray]:
        """Yield arrays of shape [rows, width]; a vector that is null or empty is a row of NaN, see `skipped`.

        Raises:
            NoisecleanerError: a vector has another length.
        """
        first = 0
        for batch in self.files.batches([self.column], rows_at_once(self.width)):
            column = batch.column(0)
            block = self._of_struct(column) if self.names else self._of_lists(column, first)
            there = np.asarray(column.is_valid()) & (True if self.names else self._lengths(column) > 0)
            yield marked(block, there)
            first += batch.num_rows

    def _of_struct(self, structs: pa.Array) -> RealArray:
        numbers = [pc.struct_field(structs, [place]) for place in range(self.width)]  # null where the struct is
        columns = [number.cast(pa.float32()).to_numpy(zero_copy_only=False) for number in numbers]
        return np.stack(columns, axis=1) if len(structs) else np.empty((0, self.width), np.float32)

    def _of_lists(self, lists: pa.Array, first: int) -> RealArray:
        lengths = self._lengths(lists)
        present = lengths > 0
        if (lengths[present] != self.width).any():
            row = int(np.argmax(present & (lengths != self.width)))
            raise self._refusal(first + row, lengths[row])
        values = lists.drop_null().flatten().to_numpy(zero_copy_only=False)
        kind = values.dtype if values.dtype in (np.float16, np.float32) else np.dtype(np.float32)
        block = np.full((len(lists), self.width), np.nan, kind)
        with np.errstate(over="ignore"):  # what networks cannot take is marked
            block[present] = values.reshape(-1, self.width)
        return block

    def _lengths(self, lists: pa.Array) -> IntArray:
        """How many numbers each vector has, 0 where it is null, shape [rows]."""
        return np.asarray(pc.fill_null(pc.list_value_length(lists), 0)).astype(np.int64)

    def _refusal(self, row: int, length: int) -> NoisecleanerError:
        return NoisecleanerError(
            f"Every vector of column {self.column!r} needs {self.width} numbers, "
            f"but the one in row {row} of {self.files} has {length} numbers.",
            "Correct or remove that row; a row without a vector may hold null.",
        )


@dataclass(frozen=True)
class VectorFile:
    """An array of shape [rows, width] whose rows are those of the dataset, in order: a `.npy` file, or out of a `.npz`.

    Args:
        path: the file, on this machine.
        kind: what the vectors are.
        array: the map of the file; float16, float32 or float64.
        names: of the classes that the numbers belong to, where the file tells; `()` without.
    """

    path: str
    kind: VectorKind
    array: npt.NDArray[np.floating[Any]]
    names: tuple[str, ...] = ()

    @classmethod
    def open(cls, path: str, kind: VectorKind) -> VectorFile:
        """Map a file.

        Raises:
            NoisecleanerError: there is no such file, or it holds something else; a pickle is never loaded.
        """
        hint = f"Save one with numpy.save, and name it with `Columns({FIELDS[kind]}=PATH)`."
        try:
            require_regular(path)
            # unlike numpy.load this reads nothing but .npy files, and none with pickled objects
            array = np.lib.format.open_memmap(path, mode="r")
        except (*NUMPY_ERRORS, RecursionError, MemoryError) as error:  # nothing large is asked for here
            start = first_bytes(path)
            found = "is a pointer of Git LFS" if is_pointer(start) else f"cannot be read as one ({error})"
            raise NoisecleanerError(
                f"{kind.capitalize()} need a NumPy file of plain numbers, but {path} {found}.",
                "Run `git lfs pull` there." if is_pointer(start) else hint,
            ) from error
        return cls(path, kind, array).checked(hint)

    def checked(self, hint: str) -> VectorFile:
        """Return the same, if it is an array of vectors.

        Raises:
            NoisecleanerError: it is another one.
        """
        array = self.array
        floating = array.dtype in (np.float16, np.float32, np.float64) and array.dtype.isnative
        if array.ndim != 2 or not floating or not array.shape[1]:
            raise NoisecleanerError(
                f"{self.kind.capitalize()} need an array of shape [rows, numbers] of float16, float32 or float64, but "
                f"{self.path} holds one of shape {list(array.shape)} of {array.dtype}.",
                hint,
            )
        return self

    def __len__(self) -> int:
        return len(self.array)

    @property
    def where(self) -> str:
        """The file, for messages."""
        return self.path

    @property
    def maker(self) -> Maker | None:
        """What made the vectors: such a file does not tell."""
        return None

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
                f"Write one row for each row of the dataset; `ids(Source({str(where)!r}))` lists them in their order. "
                "Files that bring the ids, .npz or .parquet, may hold other rows, too.",
            )

    def blocks(self) -> Iterator[RealArray]:
        """Yield parts of the map in row order, [n, width]; those with an unusable vector are copies, see `skipped`."""
        step = rows_at_once(self.width)
        for first in range(0, len(self), step):
            block = self.array[first : first + step]
            yield marked(block, np.ones(len(block), dtype=bool))


def marked(block: RealArray, there: BoolArray) -> RealArray:
    """Make vectors that networks cannot take rows of infinity: `skipped` tells them from those that are not there.

    Args:
        block: vectors, shape [rows, width].
        there: rows that have one, shape [rows].

    Returns:
        The block itself where nothing had to be changed.
    """
    with np.errstate(over="ignore"):  # networks take single precision
        broken = there & ~np.isfinite(block.astype(np.float32, copy=False)).all(axis=1)
    if not broken.any():
        return block
    block = np.array(block)
    block[broken] = np.inf
    return block


def skipped(block: RealArray, first: int) -> dict[int, Skip]:
    """Find the rows of a block without a vector that can be used, and why: number -> reason.

    Args:
        block: as payloads yield it, shape [n, width]: a row of NaN has no vector, one of infinity holds NaN or
            infinity.
        first: the number of its first row.
    """
    rows = np.flatnonzero(~np.isfinite(block[:, 0]))
    return {first + row: Skip.NO_VECTOR if np.isnan(block[row, 0]) else Skip.NOT_FINITE for row in rows.tolist()}


def rows_at_once(width: int) -> int:
    """Choose how many vectors of `width` numbers make a block."""
    return min(max(1, _BLOCK_NUMBERS // width), 8192)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))
