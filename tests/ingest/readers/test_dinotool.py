"""Tables of dinotool, as version 0.4.0 writes them through pandas: a column for each number, names in the index."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.datasets import Command, image_folder

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns, Source, read_manifest
from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.readers.parquet import read_batches, read_schema
from noisecleaner.ingest.vectors.orders import AnyVectors


def write(path: Path, names: list[str], width: int = 12) -> np.ndarray:
    """Global features: `--save-features frame`."""
    vectors = np.random.default_rng(0).normal(size=(len(names), width)).astype(np.float32)
    frame = pd.DataFrame(vectors, index=names, columns=[f"feature_{place}" for place in range(width)])
    frame.index.set_names(["filename"], inplace=True)
    frame.to_parquet(path)
    return vectors


def test_the_numbers_are_one_column_in_their_order(tmp_path: Path) -> None:
    names = [f"{row}.png" for row in range(5)]
    vectors = write(tmp_path / "out.parquet", names)
    place = Place.parse(tmp_path / "out.parquet")
    assert read_schema(place).names == ["filename", "embedding"]
    (batch,) = read_batches(place, ["embedding", "filename"], 100)
    assert batch.schema.names == ["embedding", "filename"]
    assert batch["filename"].to_pylist() == names
    np.testing.assert_array_equal(np.stack(batch["embedding"].to_numpy(zero_copy_only=False)), vectors)


@pytest.mark.parametrize("parts", [1, 3])
def test_vectors_join_images_by_their_names(tmp_path: Path, parts: int) -> None:
    """One file, or the folder of parts that dinotool makes of batches."""
    truth = image_folder(tmp_path / "images", rows=30)
    names = list(truth)[::-1]
    path = tmp_path / "out.parquet"
    if parts > 1:
        path.mkdir()
        vectors = np.concatenate(
            [write(path / f"part.{part}.parquet", names[10 * part : 10 * part + 10]) for part in range(parts)]
        )
    else:
        vectors = write(path, names)
    source = Source(str(tmp_path / "images"), columns=Columns(embedding=str(path)))
    manifest = read_manifest(source)
    assert isinstance(manifest.payload, AnyVectors)
    found = np.concatenate(list(manifest.payload.blocks()))
    order = [names.index(name) for name in manifest.table["sample_id"].to_pylist()]
    np.testing.assert_array_equal(found, vectors[order])


def test_features_of_patches_are_refused_with_what_to_run(tmp_path: Path) -> None:
    index = pd.MultiIndex.from_tuples([("a.png", 0), ("a.png", 1)], names=["filename", "patch_idx"])
    frame = pd.DataFrame(np.ones((2, 3), np.float32), index=index, columns=[f"feature_{n}" for n in range(3)])
    frame.to_parquet(tmp_path / "out.parquet")
    with pytest.raises(NoisecleanerError, match="those of patches") as told:
        read_schema(Place.parse(tmp_path / "out.parquet"))
    assert "features of the frame" in told.value.hint


def test_a_table_of_somebody_else_with_such_names_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pd.DataFrame({"feature_0": [1.0], "feature_1": [2.0], "price": [3.0]}).to_parquet(path, index=False)
    assert read_schema(Place.parse(path)).names == ["feature_0", "feature_1", "price"]
    pd.DataFrame({"filename": ["a"], "feature_0": [1.0], "feature_x": [2.0]}).to_parquet(path, index=False)
    assert read_schema(Place.parse(path)).names == ["filename", "feature_0", "feature_x"]


def test_a_fit_takes_them(command: Command, tmp_path: Path) -> None:
    truth = image_folder(tmp_path / "images", rows=90)
    write(tmp_path / "out.parquet", list(truth))
    pd.DataFrame({"sample_id": list(truth), "trusted_label": list(truth.values())}).to_parquet(tmp_path / "t.parquet")
    words = ["--trusted", tmp_path / "t.parquet", "--embedding-column", tmp_path / "out.parquet", "--folds", 3]
    outcome = command("fit", tmp_path / "images", "--out", tmp_path / "run", *words)
    assert outcome.code == 0, outcome.err
