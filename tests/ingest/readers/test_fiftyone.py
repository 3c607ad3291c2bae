"""`samples.json` as FiftyOne 1.22 exports a FiftyOneDataset: `bson.json_util` of what its database holds."""

from __future__ import annotations

import base64
import io
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns, Source, read_manifest
from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.readers.json import read_batches, read_schema
from noisecleaner.ingest.vectors.orders import AnyVectors

COLUMNS = Columns(sample_id="filepath", image="filepath", label="ground_truth", embedding="clip")


def packed(array: np.ndarray) -> dict[str, Any]:
    """A VectorField, as `fiftyone.core.utils.serialize_numpy_array` packs it."""
    with io.BytesIO() as file:
        np.save(file, array, allow_pickle=False)
        content = zlib.compress(file.getvalue())
    return {"$binary": {"base64": base64.b64encode(content).decode(), "subType": "00"}}


def sample(row: int, label: str, vector: np.ndarray | None) -> dict[str, Any]:
    return {
        "_id": {"$oid": f"{row:024d}"},
        "filepath": f"data/{row}.jpg",
        "tags": ["train"],
        "metadata": {"_cls": "ImageMetadata", "width": 32},
        "_media_type": "image",
        "ground_truth": {"_id": {"$oid": "0"}, "_cls": "Classification", "tags": [], "label": label},
        "boxes": {"_cls": "Detections", "detections": []},
        "uniqueness": row / 10,
        "clip": None if vector is None else packed(vector),
    }


def write(folder: Path, samples: list[dict[str, Any]]) -> Path:
    path = folder / "samples.json"
    path.write_text(json.dumps({"samples": samples}))
    return path


def test_samples_are_rows_with_labels_and_vectors(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    samples = [sample(row, "cat" if row % 2 else "dog", vectors[row]) for row in range(6)]
    samples[3]["clip"] = None
    manifest = read_manifest(Source(str(write(tmp_path, samples)), columns=COLUMNS))
    assert manifest.table["sample_id"].to_pylist() == [f"data/{row}.jpg" for row in range(6)]
    assert manifest.table["given_label"].to_pylist() == ["dog", "cat"] * 3
    assert isinstance(manifest.payload, AnyVectors)
    found = np.concatenate(list(manifest.payload.blocks()))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(np.delete(found, 3, axis=0), np.delete(vectors, 3, axis=0))
    assert np.isnan(found[3]).all()


def test_lists_of_numbers_are_vectors_and_what_is_no_cell_is_left_out(tmp_path: Path) -> None:
    samples = [sample(row, "cat", None) | {"clip": [0.5, 1, row]} for row in range(3)]
    place = Place.parse(write(tmp_path, samples))
    assert read_schema(place).names == ["filepath", "ground_truth", "uniqueness", "clip"]
    (batch,) = read_batches(place, ["clip"], 10)
    assert batch.column(0).to_pylist() == [[0.5, 1.0, row] for row in range(3)]


@pytest.mark.parametrize(
    "binary",
    [
        {"base64": "???", "subType": "00"},
        {"base64": base64.b64encode(zlib.compress(b"no array")).decode()},
        {"base64": base64.b64encode(zlib.compress(bytes(2**24 + 1))).decode()},
        {},
        3,
    ],
)
def test_a_vector_that_cannot_be_read_is_told(tmp_path: Path, binary: object) -> None:
    path = write(tmp_path, [sample(0, "cat", None) | {"clip": {"$binary": binary}}])
    with pytest.raises(NoisecleanerError, match=r"one in field 'clip' of .* cannot be read"):
        read_schema(Place.parse(path))


def test_a_pickle_is_not_loaded(tmp_path: Path) -> None:
    with io.BytesIO() as file:
        np.save(file, np.array([{}], dtype=object), allow_pickle=True)
        content = base64.b64encode(zlib.compress(file.getvalue())).decode()
    path = write(tmp_path, [sample(0, "cat", None) | {"clip": {"$binary": {"base64": content}}}])
    with pytest.raises(NoisecleanerError, match="cannot be read"):
        read_schema(Place.parse(path))


def test_a_field_of_several_kinds_is_refused_by_its_name(tmp_path: Path) -> None:
    samples = [sample(0, "cat", None) | {"odd": 1}, sample(1, "cat", None) | {"odd": "text"}]
    with pytest.raises(NoisecleanerError, match=r"'odd' of .* holds several"):
        read_schema(Place.parse(write(tmp_path, samples)))
