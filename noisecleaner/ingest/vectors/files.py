"""Vectors in a file of their own, beside the dataset: in the order of its rows, or with their ids."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import IntArray, RealArray
from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.files import require_regular
from noisecleaner.ingest.checks import check_ids
from noisecleaner.ingest.labels.lookalikes import explained
from noisecleaner.ingest.manifest import VectorKind
from noisecleaner.ingest.opening import open_tables
from noisecleaner.ingest.source import Columns, refuse_missing
from noisecleaner.ingest.tables.maker import Maker
from noisecleaner.ingest.vectors.columns import FIELDS, VectorColumn, VectorFile, rows_at_once
from noisecleaner.notices import Notice, Severity
from noisecleaner.tables import NUMPY_ERRORS
from noisecleaner.texts import agreeing, counted

_SHOWN = 3
#: Ids that are compared letter by letter, to say why they do not match.
_COMPARED = 20_000


@dataclass(frozen=True, kw_only=True)
class JoinedVectors:
    """Vectors that were joined to the rows of a dataset by their ids.

    Args:
        array: the vectors, in the order of their file, shape [vectors, width].
        rows: for each row of the dataset the number of its vector, -1 without, shape [rows].
        kind: what they are.
        names: of the classes that the numbers belong to, where the file tells; `()` without.
        where: the file, for messages.
        maker: what made them, where the file tells.
    """

    array: RealArray
    rows: IntArray
    kind: VectorKind
    names: tuple[str, ...]
    where: str
    maker: Maker | None = None

    @property
    def width(self) -> int:
        """Numbers in a vector."""
        return int(self.array.shape[1])

    def blocks(self) -> Iterator[RealArray]:
        """Yield arrays of shape [rows, width] in the order of the dataset; a row without a vector is NaN."""
        step = rows_at_once(self.width)
        for first in range(0, len(self.rows), step):
            part = self.rows[first : first + step]
            block = self.array[part]  # a copy
            block[part < 0] = np.nan
            yield block


#: What the rows of a dataset bring from a file.
Payload = VectorFile | VectorColumn | JoinedVectors


@dataclass(frozen=True, kw_only=True)
class IdentifiedVectors:
    """Vectors with ids.

    Args:
        ids: of the vectors, as text.
        vectors: in the same order, shape [ids, width].
    """

    ids: pa.ChunkedArray
    vectors: VectorFile | VectorColumn

    def of(self, ids: pa.ChunkedArray, where: str) -> tuple[Payload, tuple[Notice, ...]]:
        """Give rows their vectors.

        Args:
            ids: of the rows, shape [rows].
            where: the dataset, for messages.

        Returns:
            A vector for each row, NaN where there is none, and what is left over.

        Raises:
            NoisecleanerError: no row has a vector, or two vectors have one id.
        """
        check_ids(self.ids, self.vectors.where)
        if self.ids.equals(ids):
            return self.vectors, ()  # nothing has to be held in memory
        rows = np.asarray(pc.fill_null(pc.index_in(ids, value_set=self.ids.combine_chunks()), -1)).astype(np.int64)
        left = self.ids.filter(pc.invert(pc.is_in(self.ids, value_set=ids.combine_chunks())))
        alike = _alike(left, ids.filter(pa.array(rows < 0)))
        if (rows < 0).all():
            raise NoisecleanerError(
                f"Vectors need the ids of the dataset, but none of {self.vectors.where} (such as "
                f"{listed(self.ids.slice(0, _SHOWN).to_pylist())}) is one of {where} (such as "
                f"{listed(ids.slice(0, _SHOWN).to_pylist())}).{alike}",
                f"Write the ids that `ids(Source({where!r}))` lists.",
            )
        array = np.concatenate(list(self.vectors.blocks()))
        vectors = self.vectors
        joined = JoinedVectors(
            array=array,
            rows=rows,
            kind=vectors.kind,
            names=vectors.names,
            where=vectors.where,
            maker=vectors.maker,
        )
        return joined, self._left_over(left, alike)

    def _left_over(self, ids: pa.ChunkedArray, alike: str) -> tuple[Notice, ...]:
        if not len(ids):
            return ()
        message = (
            f"{len(ids):,} of {len(self.ids):,} vectors of {self.vectors.where} "
            f"{agreeing(len(ids), 'belongs', 'belong')} to no row of the dataset (such "
            f"as {listed(ids.slice(0, _SHOWN).to_pylist())}) and are left out.{alike}"
        )
        severity = Severity.WARNING if alike else Severity.NOTE
        return (Notice(code="vectors-of-no-row", message=message, severity=severity),)


def _alike(left: pa.ChunkedArray, missing: pa.ChunkedArray) -> str:
    """Say which ids without a row only look like those of rows without a vector: a sentence after a blank, or none."""
    missing = missing.drop_null()  # rows without an id are refused later
    if not len(left) or not 0 < len(missing) <= _COMPARED:
        return ""
    pairs = explained(left.slice(0, _COMPARED).to_pylist(), missing.to_pylist())
    return f" Some ids only look alike: {pairs}." if pairs else ""


def vector_file(columns: Columns) -> VectorFile | IdentifiedVectors | None:
    """Open the file of vectors beside the dataset, if the columns name one.

    Raises:
        NoisecleanerError: it cannot be used.
    """
    path = columns.vector_file
    if path is None:
        return None
    columns.refuse_both()
    kind: VectorKind = "probabilities" if columns.probabilities else "embeddings"
    refuse_missing(path, FIELDS[kind])
    return open_vectors(path, kind, columns)


def open_vectors(path: str, kind: VectorKind, columns: Columns) -> VectorFile | IdentifiedVectors:
    """Open a file of vectors.

    Args:
        path: one of `VECTOR_FILES`, or a folder of tables.
        kind: what the vectors are.
        columns: how ids are called in a table.

    Raises:
        NoisecleanerError: it cannot be used.
    """
    if path.endswith(".npz"):
        return _archive(path, kind)
    return VectorFile.open(path, kind) if path.endswith(".npy") else _table(path, kind, columns)


def _archive(path: str, kind: VectorKind) -> IdentifiedVectors:
    """Read the arrays `ids` and `embeddings` or `probabilities`, and perhaps `classes`, of a `.npz` file.

    Raises:
        NoisecleanerError: it holds others; a pickle is never loaded.
    """
    hint = f"Save one with `numpy.savez(PATH, ids=ids, {kind}=vectors)`; ids are texts or integers."
    try:
        require_regular(path)
        with np.load(path, allow_pickle=False) as file:
            wanted = ["ids", kind, *(["classes"] if "classes" in file and kind == "probabilities" else [])]
            missing = [name for name in wanted if name not in file]
            if missing:
                raise ValueError(f"it holds {listed(file.files)}, and lacks {listed(missing)}")
            arrays = [file[name] for name in wanted]
    except (*NUMPY_ERRORS, KeyError, RecursionError, zipfile.BadZipFile, zlib.error) as error:
        raise NoisecleanerError(
            f"{kind.capitalize()} with ids need a NumPy archive of plain arrays, but {path} cannot be read as one "
            f"({error}).",
            hint,
        ) from error
    ids, array, *classes = arrays
    vectors = VectorFile(path, kind, array, _texts(classes[0]) if classes else ()).checked(hint)
    texts = _texts(ids)
    if len(texts) != len(array) or (vectors.names and len(vectors.names) != vectors.width):
        raise NoisecleanerError(
            f"Each vector needs its id, and each column its class if any has one, but {path} holds {len(texts):,} ids, "
            f"{counted(len(array), 'vector')} of {vectors.width:,} numbers and "
            f"{counted(len(vectors.names), 'class', 'classes')}.",
            hint,
        )
    return IdentifiedVectors(ids=pa.chunked_array([pa.array(texts, pa.string())]), vectors=vectors)


def _table(path: str, kind: VectorKind, columns: Columns) -> IdentifiedVectors:
    """Read ids and vectors of a Parquet file, or of a folder of tables.

    Raises:
        NoisecleanerError: it has no ids, or not one column of vectors.
    """
    files = open_tables(path)
    if files is None:
        raise NoisecleanerError(f"Vectors need tables, but {path} is an image folder.", "Make them with `embed(...)`.")
    # dinotool writes names of files, whatever ids are called elsewhere
    name = next((name for name in (columns.sample_id, Columns.sample_id, "filename") if name in files), None)
    if name is None:
        raise NoisecleanerError(
            f"Vectors in a table need ids, but {path} has no column {columns.sample_id!r} (its columns are "
            f"{listed(files.schema.names)}).",
            "Name the id column, of this table and of the dataset, with `Columns(sample_id=NAME)`.",
        )
    names = [name for name in (kind, kind.removesuffix("s"), FIELDS[kind]) if name in files]
    names = names or [field.name for field in files.schema if _holds_vectors(field.type, kind)]
    if len(set(names)) != 1 and not set(names) & {kind}:
        raise NoisecleanerError(
            f"Vectors in a table need one column of them, but {path} has {listed(names)} (its columns are "
            f"{listed(files.schema.names)}).",
            f"Call it {kind}.",
        )
    ids = files.column(name).cast(pa.string())
    return IdentifiedVectors(ids=ids, vectors=VectorColumn.open(files, names[0], kind))


def _holds_vectors(kind: pa.DataType, what: VectorKind) -> bool:
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    return bool(lists or (what == "probabilities" and pa.types.is_struct(kind)))


def _texts(array: np.ndarray) -> tuple[str, ...]:
    if array.dtype.kind == "S":
        return tuple(text.decode("utf-8", errors="replace") for text in array.ravel().tolist())
    return tuple(str(value) for value in array.ravel().tolist())
