"""Vectors of every list type, and what is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from support.sources import (
    VECTORS,
    read,
    refusal,
    table,
    vectors,
)

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Manifest, Skip
from noisecleaner.ingest.vectors.columns import VectorColumn, VectorFile, rows_at_once, skipped


def blocks(manifest: Manifest) -> np.ndarray:
    assert isinstance(manifest.payload, VectorColumn)
    return np.concatenate(list(manifest.payload.blocks()))


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        (pa.list_(pa.float32()), np.float32),
        (pa.large_list(pa.float32()), np.float32),
        (pa.list_(pa.float32(), 2), np.float32),
        (pa.list_(pa.float16()), np.float16),
        (pa.list_(pa.float16(), 2), np.float16),
        (pa.list_(pa.float64()), np.float32),
        (pa.list_(pa.int64()), np.float32),
    ],
    ids=str,
)
def test_embeddings_of_every_list_type_come_out_as_they_went_in(
    tmp_path: Path, kind: pa.DataType, dtype: np.dtype[Any]
) -> None:
    values = [np.asarray(v, dtype=np.float16) for v in VECTORS] if pa.types.is_float16(kind.value_type) else VECTORS
    column = pa.array([values[0], values[1], None, values[3]], kind)
    path = table(tmp_path / "d.parquet", sample_id=list("wxyz"), label=list("abab"), embedding=column)
    manifest = read(path, embedding="embedding")
    assert isinstance(manifest.payload, VectorColumn)
    assert (manifest.payload.kind, manifest.payload.width) == ("embeddings", 2)
    found = blocks(manifest)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, np.array([VECTORS[0], VECTORS[1], [np.nan, np.nan], VECTORS[3]]))


def test_a_vector_of_another_length_is_refused_with_its_row(tmp_path: Path) -> None:
    path = vectors(tmp_path / "d.parquet", list("abab"), embedding=[*VECTORS[:3], [1.0]])
    with pytest.raises(NoisecleanerError, match=r"row 3 of .* has 1 numbers"):
        blocks(read(path, embedding="embedding"))


@pytest.mark.parametrize("broken", [[1.0, np.nan], [np.inf, 1.0], [np.nan, np.nan], [1.0, 1e39]])
def test_a_vector_that_is_not_finite_is_told_from_one_that_is_not_there(tmp_path: Path, broken: list[float]) -> None:
    column = pa.array([VECTORS[0], broken, [], None], pa.list_(pa.float64()))
    found = blocks(read(vectors(tmp_path / "d.parquet", list("abab"), embedding=column), embedding="embedding"))
    assert skipped(found, 100) == {101: Skip.NOT_FINITE, 102: Skip.NO_VECTOR, 103: Skip.NO_VECTOR}
    np.testing.assert_array_equal(found[0], VECTORS[0])


def test_what_holds_no_vectors_is_refused(tmp_path: Path) -> None:
    for column in (["x", "y"], [1.0, 2.0], [["x"], ["y"]]):
        path = vectors(tmp_path / "d.parquet", ["a", "b"], embedding=column)
        assert "must be lists of numbers" in refusal(path, embedding="embedding")


# Files of vectors


def saved(folder: Path, values: np.ndarray) -> str:
    np.save(folder / "v.npy", values)
    return str(folder / "v.npy")


@pytest.mark.parametrize("precision", [np.float16, np.float32, np.float64])
def test_a_file_is_mapped_and_read_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: type[np.floating[Any]]
) -> None:
    monkeypatch.setattr("noisecleaner.ingest.vectors.columns._BLOCK_NUMBERS", 8)
    values = np.arange(20).reshape(10, 2).astype(precision)
    file = VectorFile.open(saved(tmp_path, values), "embeddings")
    assert (len(file), file.width, file.array.dtype) == (10, 2, precision)
    parts = list(file.blocks())
    assert [len(part) for part in parts] == [4, 4, 2]
    assert np.array_equal(np.concatenate(parts), values)


@pytest.mark.parametrize(
    "values",
    [
        np.zeros(3),
        np.zeros((2, 3, 1)),
        np.zeros((2, 0)),
        np.zeros((2, 3), int),
        np.zeros((2, 3), ">f4"),
        np.array([{}]),
    ],
    ids=["one axis", "three axes", "no numbers", "integers", "other byte order", "objects"],
)
def test_a_file_of_anything_else_is_refused(tmp_path: Path, values: np.ndarray) -> None:
    with pytest.raises(NoisecleanerError, match=r"need a(n array| NumPy file)") as error:
        VectorFile.open(saved(tmp_path, values), "probabilities")
    assert "`Columns(probabilities=PATH)`" in error.value.hint


def test_what_is_no_file_of_numpy_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(b"not numpy")
    for name in ("x.npy", "missing.npy"):
        with pytest.raises(NoisecleanerError, match="cannot be read as one"):
            VectorFile.open(str(tmp_path / name), "embeddings")


def test_a_broken_vector_of_a_file_is_marked_and_the_file_stays_as_it_is(tmp_path: Path) -> None:
    values = np.ones((10, 2), np.float32)
    values[7, 1] = np.nan
    file = VectorFile.open(saved(tmp_path, values), "embeddings")
    (block,) = file.blocks()
    assert skipped(block, 0) == {7: Skip.NOT_FINITE}
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), values)


def test_blocks_hold_as_many_vectors_as_fit_and_at_least_one() -> None:
    assert rows_at_once(1) == 8192
    assert rows_at_once(2**20) == 1
    assert rows_at_once(2**22) == 1
    assert rows_at_once(1280) * 1280 <= 2**20 < (rows_at_once(1280) + 1) * 1280


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f8', 'shape': (",
        "'''abc",
        "(" * 9000,
        "-" * 9000,
        "{'descr': '<f8', 'fortran_order': False, 'shape': (10**20,)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (100000000000000000000,)}",
        "{[]: 1}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (True,)}",
    ],
)
def test_a_header_may_be_anybodys_text(tmp_path: Path, header: str) -> None:
    text = header.encode("latin-1")
    (tmp_path / "v.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(64))
    with pytest.raises(NoisecleanerError, match="NumPy file of plain numbers"):
        VectorFile.open(str(tmp_path / "v.npy"), "embeddings")
