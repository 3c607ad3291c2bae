"""Vectors of the classes: read by name or in order, or refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns, Manifest, Source, ingest
from noisecleaner.ingest.vectors.class_vectors import read_class_vectors

CLASSES = ('a,"b"', "\u202ered", "z::z")
VECTORS = np.arange(12, dtype=np.float64).reshape(3, 4) + 1


@pytest.fixture
def dataset(tmp_path: Path) -> Manifest:
    """Six rows of three classes, whose order somebody has told."""
    labels, vectors = list(CLASSES) * 2, [[1.0, 2.0, 3.0, 4.0]] * 6
    path = tmp_path / "data.parquet"
    pq.write_table(pa.table({"sample_id": list("123456"), "label": labels, "embedding": vectors}), path)
    columns = Columns(embedding="embedding", label_names=(CLASSES[2], CLASSES[0], CLASSES[1]))
    return ingest(Source(str(path), columns=columns))[0]


def saved(path: Path, array: object) -> str:
    np.save(path, np.asarray(array))
    return str(path)


def test_a_plain_file_stands_in_the_order_that_was_told(dataset: Manifest, tmp_path: Path) -> None:
    assert dataset.classes == (CLASSES[2], CLASSES[0], CLASSES[1])
    np.testing.assert_array_equal(read_class_vectors(saved(tmp_path / "v.npy", VECTORS), dataset), VECTORS)


@pytest.mark.parametrize("ending", ["npz", "parquet"])
def test_named_vectors_may_stand_in_any_order_with_others(dataset: Manifest, tmp_path: Path, ending: str) -> None:
    names, path = [*CLASSES, "more"], tmp_path / f"v.{ending}"
    vectors = np.vstack([VECTORS, np.full(4, np.nan)])  # nobody asks for the last one
    if ending == "npz":
        np.savez(path, ids=np.array(names), embeddings=vectors)
    else:
        pq.write_table(pa.table({"class": names, "embedding": list(vectors)}), path)
    untold = replace(dataset, ordered=False)
    np.testing.assert_array_equal(read_class_vectors(str(path), untold), VECTORS[[2, 0, 1]])


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (VECTORS[:2], "one vector for each of the 3 classes, but .* holds 2"),
        (VECTORS[:, :3], "which have 4 numbers, but those .* have 3"),
        (np.where(VECTORS == 6, np.nan, VECTORS), "must be finite and not all zero"),
        (np.where(VECTORS < 5, 0, VECTORS), "must be finite and not all zero, but those of z::z in"),
        (VECTORS.astype(np.int64), "float16, float32 or float64"),
        (VECTORS.reshape(-1), r"shape \[rows, numbers\]"),
        (np.array([None]), "plain numbers"),
    ],
)
def test_arrays_that_cannot_be_used_are_refused(dataset: Manifest, tmp_path: Path, array: object, says: str) -> None:
    with pytest.raises(NoisecleanerError, match=says):
        read_class_vectors(saved(tmp_path / "v.npy", array), dataset)


def test_an_order_that_nobody_told_is_refused(dataset: Manifest, tmp_path: Path) -> None:
    with pytest.raises(NoisecleanerError, match="nobody has told one"):
        read_class_vectors(saved(tmp_path / "v.npy", VECTORS), replace(dataset, ordered=False))


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (['A,"b"', *CLASSES[1:]], "Every class needs an embedding, but .* none of"),
        ([CLASSES[0], CLASSES[0], CLASSES[1]], "Every class needs one embedding, but .* holds more than one of a,"),
    ],
)
def test_names_of_others_are_refused(dataset: Manifest, tmp_path: Path, names: list[str], says: str) -> None:
    np.savez(tmp_path / "v.npz", ids=np.array(names), embeddings=VECTORS)
    with pytest.raises(NoisecleanerError, match=says):
        read_class_vectors(str(tmp_path / "v.npz"), dataset)


def test_names_are_missed_as_those_of_classes(dataset: Manifest, tmp_path: Path) -> None:
    pq.write_table(pa.table({"class": [*CLASSES[:2], None], "embedding": list(VECTORS)}), tmp_path / "v.parquet")
    with pytest.raises(NoisecleanerError, match="needs the name of its class, but 1 of the 3") as refused:
        read_class_vectors(str(tmp_path / "v.parquet"), dataset)
    assert "id" not in refused.value.hint.split()


def test_a_table_without_the_names_and_a_file_of_another_kind_are_refused(dataset: Manifest, tmp_path: Path) -> None:
    pq.write_table(pa.table({"name": list(CLASSES), "embedding": list(VECTORS)}), tmp_path / "v.parquet")
    for name in ("v.parquet", "v.csv", "nowhere.npy"):
        with pytest.raises(NoisecleanerError, match=name) as refused:
            read_class_vectors(str(tmp_path / name), dataset)
        assert "columns class and embedding" in refused.value.hint
