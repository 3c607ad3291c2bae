"""Probabilities whose columns have names come in the order of the classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from support.sources import both, read, refusal, table, vectors

from noisecleaner.ingest import Manifest, Skip
from noisecleaner.ingest.vectors.columns import VectorColumn, VectorFile, skipped
from noisecleaner.ingest.vectors.orders import AnyVectors, NamedProbabilities


def blocks(manifest: Manifest) -> np.ndarray:
    assert isinstance(manifest.payload, AnyVectors)
    return np.concatenate(list(manifest.payload.blocks()))


def structs(*rows: dict[str, float] | None, kind: pa.DataType | None = None) -> pa.Array:
    names = next(row for row in rows if row is not None)
    return pa.array(rows, pa.struct([(name, kind or pa.float64()) for name in names]))


@pytest.mark.parametrize("kind", [pa.float16(), pa.float32(), pa.float64()], ids=str)
def test_a_struct_of_probabilities_is_put_in_the_order_of_the_classes(tmp_path: Path, kind: pa.DataType) -> None:
    number = np.float16 if pa.types.is_float16(kind) else float
    rows = [
        {"b": number(0.25), "a": number(0.75)},
        None,
        {"b": number(1), "a": number(0)},
        {"b": number(0.5), "a": number(0.5)},
    ]
    path = vectors(tmp_path / "d.parquet", list("abab"), p=structs(*rows, kind=kind))
    manifest = read(path, probabilities="p")
    assert isinstance(manifest.payload, NamedProbabilities)
    assert (manifest.payload.kind, manifest.payload.width) == ("probabilities", 2)
    assert (manifest.payload.names, manifest.payload.told_by_itself) == (("b", "a"), True)
    np.testing.assert_array_equal(blocks(manifest), [[0.75, 0.25], [np.nan, np.nan], [0, 1], [0.5, 0.5]])


def test_rows_of_a_run_and_clean_only_rows_have_the_order_of_its_classes(tmp_path: Path) -> None:
    rows = structs({"b": 0.25, "c": 0.5, "a": 0.25}, {"b": 0.0, "c": 1.0, "a": 0.0})
    data = vectors(tmp_path / "d.parquet", ["a", "c"], p=rows)
    np.testing.assert_array_equal(blocks(read(data, probabilities="p", classes=("c", "b", "a")))[0], [0.5, 0.25, 0.25])
    trusted = table(tmp_path / "t.parquet", sample_id=["x", "y"], trusted_label=["a", "b"], p=rows)
    _, clean_only = both(data, trusted, probabilities="p", label_names=("a", "b", "c"))
    assert clean_only is not None
    np.testing.assert_array_equal(blocks(clean_only)[0], [0.25, 0.25, 0.5])


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["a", "b", "c"], "name c and lack none"),
        (["a", "B"], "name B and lack b: 'B' is spelled 'b' in the dataset (they differ in case)"),
        (["a"], "name fewer and lack b"),
    ],
)
def test_names_of_other_classes_are_refused(tmp_path: Path, names: list[str], says: str) -> None:
    rows = structs(*[dict.fromkeys(names, 1 / len(names))] * 2)
    path = vectors(tmp_path / "d.parquet", ["a", "b"], p=rows)
    said = refusal(path, probabilities="p")
    assert says in said
    assert "`Columns(label_names=FILE)`" in said


def test_a_struct_is_no_embedding_and_a_struct_of_text_no_probabilities(tmp_path: Path) -> None:
    path = vectors(tmp_path / "d.parquet", ["a", "b"], p=structs({"a": 0.5, "b": 0.5}, {"a": 0.5, "b": 0.5}))
    assert "must be lists of numbers" in refusal(path, embedding="p")
    path = vectors(tmp_path / "e.parquet", ["a", "b"], p=pa.array([{"a": "x"}, {"a": "y"}]))
    assert "must be lists of numbers" in refusal(path, probabilities="p")


def test_a_struct_with_a_missing_number_is_a_vector_that_cannot_be_used(tmp_path: Path) -> None:
    rows = pa.array([{"a": 0.5, "b": 0.5}, {"a": None, "b": 1.0}, None])
    found = blocks(read(vectors(tmp_path / "d.parquet", ["a", "b", "a"], p=rows), probabilities="p"))
    assert skipped(found, 0) == {1: Skip.NOT_FINITE, 2: Skip.NO_VECTOR}


# Names that the user tells


def test_columns_of_new_rows_that_are_told_follow_the_classes_of_the_run(tmp_path: Path) -> None:
    lists = [[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]]
    path = vectors(tmp_path / "d.parquet", ["a", "c"], p=lists)
    run = ("a", "b", "c")
    manifest = read(path, probabilities="p", classes=run, label_names=("c", "a", "b"))
    assert isinstance(manifest.payload, NamedProbabilities)
    assert not manifest.payload.told_by_itself
    np.testing.assert_allclose(blocks(manifest), [[0.3, 0.2, 0.5], [0.2, 0.7, 0.1]])
    np.save(tmp_path / "p.npy", np.array(lists))
    file = read(path, probabilities=str(tmp_path / "p.npy"), classes=run, label_names=("c", "a", "b"))
    np.testing.assert_allclose(blocks(file), blocks(manifest))


def test_columns_in_the_order_of_the_classes_stay_as_they_are(tmp_path: Path) -> None:
    path = vectors(tmp_path / "d.parquet", ["a", "b"], p=[[0.5, 0.5]] * 2)
    assert isinstance(read(path, probabilities="p").payload, VectorColumn)
    assert isinstance(read(path, probabilities="p", label_names=("b", "a")).payload, VectorColumn)
    assert isinstance(read(path, probabilities="p", classes=("a", "b"), label_names=("a", "b")).payload, VectorColumn)
    np.save(tmp_path / "e.npy", np.ones((2, 2)))
    embedded = read(path, embedding=str(tmp_path / "e.npy"), classes=("a", "b"), label_names=("b", "a"))
    assert isinstance(embedded.payload, VectorFile)


def test_columns_of_other_classes_than_the_run_are_refused(tmp_path: Path) -> None:
    path = vectors(tmp_path / "d.parquet", ["a", "b"], p=[[0.5, 0.25, 0.25]] * 2)
    said = refusal(path, probabilities="p", classes=("a", "b"), label_names=("a", "b", "hat"))
    assert "name hat and lack none" in said
