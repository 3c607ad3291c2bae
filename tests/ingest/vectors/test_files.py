"""Vectors with ids find their rows, whatever order they stand in, and nothing is joined by position."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sources import make, read, refusal, table, told, vectors

from noisecleaner.ingest import Manifest, Skip
from noisecleaner.ingest.vectors.columns import VectorColumn, VectorFile, skipped
from noisecleaner.ingest.vectors.files import JoinedVectors
from noisecleaner.ingest.vectors.orders import AnyVectors, NamedProbabilities
from noisecleaner.notices import Severity

IDS = ["r0", "r1", "r2", "r3"]


def blocks(manifest: Manifest) -> np.ndarray:
    assert isinstance(manifest.payload, AnyVectors)
    return np.concatenate(list(manifest.payload.blocks()))


def numbers(ids: list[str]) -> np.ndarray:
    """A vector for each id that tells its number."""
    return np.array([[int(name[1:]), 0.5] for name in ids], np.float32)


def write(path: Path, ids: list[str], ending: str, **more: Any) -> str:
    if ending == ".npz":
        np.savez(path.with_suffix(ending), ids=ids, embeddings=numbers(ids), **more)
    else:
        table(path.with_suffix(ending), sample_id=ids, embedding=list(numbers(ids)), **more)
    return str(path.with_suffix(ending))


ENDINGS = pytest.mark.parametrize("ending", [".npz", ".parquet"])


@ENDINGS
def test_vectors_come_in_the_order_of_the_rows(tmp_path: Path, ending: str) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b", "a", "b"])
    manifest = read(data, embedding=write(tmp_path / "v", IDS[::-1], ending))
    assert isinstance(manifest.payload, JoinedVectors)
    np.testing.assert_array_equal(blocks(manifest), numbers(IDS))
    assert told(manifest) == []


@ENDINGS
def test_in_the_order_of_the_rows_nothing_is_copied(tmp_path: Path, ending: str) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b", "a", "b"])
    manifest = read(data, embedding=write(tmp_path / "v", IDS, ending))
    assert isinstance(manifest.payload, VectorFile if ending == ".npz" else VectorColumn)
    np.testing.assert_array_equal(blocks(manifest), numbers(IDS))


@ENDINGS
def test_rows_without_a_vector_are_nan_and_vectors_without_a_row_are_counted(tmp_path: Path, ending: str) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b", "a", "b"])
    manifest = read(data, embedding=write(tmp_path / "v", ["r7", "r3", "r0", "r9"], ending))
    nothing = [np.nan, np.nan]
    np.testing.assert_array_equal(blocks(manifest), [[0, 0.5], nothing, nothing, [3, 0.5]])
    (notice,) = told(manifest)
    assert (notice.code, notice.severity) == ("vectors-of-no-row", Severity.NOTE)
    assert notice.message.startswith("2 of 4 vectors of")
    assert "belong to no row of the dataset (such as r7, r9) and are left out." in notice.message


def test_ids_that_only_look_alike_are_named(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b"], sample_id=["ka\u0308se", "dog"])
    np.savez(tmp_path / "v.npz", ids=["k\u00e4se", "dog"], embeddings=np.eye(2))
    (notice,) = told(read(data, embedding=str(tmp_path / "v.npz")))
    assert notice.severity is Severity.WARNING
    said = "'k\\xe4se' is spelled 'ka\\u0308se' in the dataset (same letters, other Unicode form)."
    assert notice.message.endswith(f"Some ids only look alike: {said}")
    np.savez(tmp_path / "w.npz", ids=["k\u00e4se", "Dog"], embeddings=np.eye(2))
    refused = refusal(data, embedding=str(tmp_path / "w.npz"))
    assert "'Dog' is spelled 'dog' in the dataset (they differ in case)" in refused


def test_rows_without_an_id_look_like_none(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b", "a"], sample_id=["dog", None, "cow"])
    np.savez(tmp_path / "v.npz", ids=["Dog", "cat"], embeddings=np.eye(2))
    assert "'Dog' is spelled 'dog'" in refusal(data, embedding=str(tmp_path / "v.npz"))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=20, unique=True), st.randoms(use_true_random=False))
def test_every_vector_finds_its_row(tmp_path_factory: pytest.TempPathFactory, kept: list[int], random: Any) -> None:
    folder = tmp_path_factory.mktemp("v")
    rows = [f"r{row}" for row in range(20)]
    data = vectors(folder / "d.parquet", ["a", "b"] * 10)
    ids = [f"r{number}" for number in kept]
    random.shuffle(ids)
    if not set(ids) & set(rows):
        assert "none of" in refusal(data, embedding=write(folder / "v", ids, ".npz"))
        return
    found = blocks(read(data, embedding=write(folder / "v", ids, ".npz")))
    wanted = [[int(name[1:]), 0.5] if name in ids else [np.nan, np.nan] for name in rows]
    np.testing.assert_array_equal(found, wanted)


def test_images_of_a_folder_are_found_by_their_paths(tmp_path: Path) -> None:
    make(tmp_path / "images", "b/2.png", "a/1.png", "a/3.png")
    np.savez(tmp_path / "v.npz", ids=["b/2.png", "a/1.png", "a/3.png"], embeddings=np.eye(3))
    manifest = read(tmp_path / "images", embedding=str(tmp_path / "v.npz"))
    np.testing.assert_array_equal(blocks(manifest), np.eye(3)[[1, 2, 0]])


@pytest.mark.parametrize("ids", [np.array([3, 1, 2, 0]), np.array([b"3", b"1", b"2", b"0"])], ids=["integers", "bytes"])
def test_ids_may_be_integers_or_bytes(tmp_path: Path, ids: np.ndarray) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b", "a", "b"], sample_id=[0, 1, 2, 3])
    np.savez(tmp_path / "v.npz", ids=ids, embeddings=np.arange(4.0)[:, None])
    assert blocks(read(data, embedding=str(tmp_path / "v.npz"))).ravel().tolist() == [3, 1, 2, 0]


def test_probabilities_of_a_file_may_name_their_classes(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b", "a", "b"])
    chances = np.array([[0.75, 0.25], [0.5, 0.5], [0.25, 0.75], [1, 0]])
    np.savez(tmp_path / "p.npz", ids=IDS[::-1], probabilities=chances, classes=["b", "a"])
    manifest = read(data, probabilities=str(tmp_path / "p.npz"))
    assert isinstance(manifest.payload, NamedProbabilities)
    assert manifest.payload.told_by_itself
    np.testing.assert_array_equal(blocks(manifest), chances[::-1, ::-1])
    structs = pa.array([{"b": b, "a": a} for b, a in chances.tolist()])
    table(tmp_path / "p.parquet", sample_id=IDS[::-1], probabilities=structs)
    parquet = read(data, probabilities=str(tmp_path / "p.parquet"))
    np.testing.assert_array_equal(blocks(parquet), chances[::-1, ::-1])


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no ids": ({"embeddings": np.eye(4)}, "lacks ids"),
    "other name": ({"ids": IDS, "vectors": np.eye(4)}, "it holds ids, vectors, and lacks embeddings"),
    "fewer ids": ({"ids": IDS[:3], "embeddings": np.eye(4)}, "3 ids, 4 vectors"),
    "twice": ({"ids": ["r0", "r0", "r1", "r2"], "embeddings": np.eye(4)}, "must be unique"),
    "flat": ({"ids": IDS, "embeddings": np.ones(4)}, "shape [rows, numbers]"),
    "integers": ({"ids": IDS, "embeddings": np.eye(4, dtype=int)}, "float16, float32 or float64"),
    "strangers": ({"ids": ["x", "y", "z", "w"], "embeddings": np.eye(4)}, "(such as x, y, z) is one of"),
}


@pytest.mark.parametrize("kind", BAD)
def test_archives_that_cannot_be_joined_are_refused(tmp_path: Path, kind: str) -> None:
    arrays, says = BAD[kind]
    np.savez(tmp_path / "v.npz", **arrays)
    said = refusal(vectors(tmp_path / "d.parquet", ["a", "b", "a", "b"]), embedding=str(tmp_path / "v.npz"))
    assert says in said


def test_a_pickle_is_never_loaded_and_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b", "a", "b"])
    np.savez(tmp_path / "objects.npz", ids=np.array(IDS, dtype=object), embeddings=np.eye(4))
    (tmp_path / "text.npz").write_text("no archive")
    (tmp_path / "cut.npz").write_bytes((tmp_path / "objects.npz").read_bytes()[:-60])
    np.save(tmp_path / "single", np.eye(4))
    (tmp_path / "single.npy").rename(tmp_path / "single.npz")
    for name in ("objects", "text", "cut", "single"):
        said = refusal(data, embedding=str(tmp_path / f"{name}.npz"))
        assert "need a NumPy archive of plain arrays" in said
        assert "ids=ids, embeddings=vectors" in said


@pytest.mark.parametrize("name", ["missing.npy", "missing.npz", "missing.parquet", "missing/"])
def test_vectors_that_are_not_there_are_said_to_be_missing(tmp_path: Path, name: str) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b", "a", "b"])
    assert f"{name.rstrip('/')} does not exist" in refusal(data, embedding=f"{tmp_path}/{name}")
    assert "lost/ does not exist" in refusal(data, embedding="lost/")


def test_a_table_of_vectors_needs_ids_and_one_column_of_them(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b", "a", "b"])
    one = table(tmp_path / "1.parquet", key=IDS, embedding=list(np.eye(4)))
    assert "no column 'sample_id'" in refusal(data, embedding=str(one))
    none = table(tmp_path / "2.parquet", sample_id=IDS, v=[1.0] * 4)
    assert "has none" in refusal(data, embedding=str(none))
    two = table(tmp_path / "3.parquet", sample_id=IDS, v=list(np.eye(4)), w=list(np.eye(4)))
    said = refusal(data, embedding=str(two))
    assert "has v, w" in said
    assert "Call it embeddings." in said
    unnamed = table(tmp_path / "4.parquet", sample_id=IDS, v=list(np.eye(4)))
    assert isinstance(read(data, embedding=str(unnamed)).payload, VectorColumn)
    named = table(tmp_path / "5.parquet", sample_id=IDS, embeddings=list(np.eye(4)), w=list(np.eye(3)[[0, 1, 2, 0]]))
    payload = read(data, embedding=str(named)).payload
    assert isinstance(payload, VectorColumn)
    assert payload.width == 4


def test_a_broken_vector_of_a_file_with_ids_is_that_of_its_row(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b", "a", "b"])
    broken = np.ones((4, 2))
    broken[2, 1] = np.nan
    np.savez(tmp_path / "v.npz", ids=IDS[::-1], embeddings=broken)
    payload = read(data, embedding=str(tmp_path / "v.npz")).payload
    assert isinstance(payload, JoinedVectors)
    (block,) = payload.blocks()
    assert skipped(block, 0) == {1: Skip.NOT_FINITE}


def test_a_file_in_row_order_that_has_another_length_says_how_the_order_is_told(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b", "a", "b"])
    np.save(tmp_path / "v.npy", np.eye(3))
    said = refusal(data, embedding=str(tmp_path / "v.npy"))
    assert f"`ids(Source({str(data)!r}))` lists them in their order" in said
    assert ".npz or .parquet" in said
