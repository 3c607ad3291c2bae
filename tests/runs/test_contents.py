"""What rows brought is kept in the run, part by part, and read whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.datasets import embeddings, image_folder

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns, Manifest, Source, ingest, read_manifest
from noisecleaner.ingest.fingerprints import Fingerprint
from noisecleaner.runs.contents import Contents, dataset_contents, fingerprint
from noisecleaner.runs.run import Run


def test_images_beside_vectors_are_kept_with_them(tmp_path: Path) -> None:
    image_folder(tmp_path / "images", rows=30)
    np.save(tmp_path / "v.npy", np.eye(30, 4, dtype=np.float32))
    images = Source(str(tmp_path / "images"))
    both = Source(images.data, columns=Columns(embedding=str(tmp_path / "v.npy")))
    dataset = read_manifest(both)
    vectors = Fingerprint.of(dataset.payload, 30)
    contents = Contents.of_images([dataset], both).adding([vectors])
    assert contents.parts == ((*Contents.of_images([read_manifest(images)], images).parts[0], vectors),)
    assert contents.adding([vectors]) == contents
    assert [one.kind for one in contents.parts[0]] == ["images", "embeddings"]
    run = Run(tmp_path)
    assert dataset_contents(run) == ()
    contents.write(run)
    assert Contents.read(run) == contents
    assert dataset_contents(run) == contents.parts[0]


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    Run(tmp_path).contents.write_text("{}")
    with pytest.raises(NoisecleanerError, match=r"contents\.json"):
        Contents.read(Run(tmp_path))


def manifest(data: Path, columns: Columns | None = None) -> Manifest:
    return ingest(Source(str(data), columns=columns or Columns()), None)[0]


def test_a_fingerprint_tells_rows_and_labels_apart_but_not_what_stands_in_images(tmp_path: Path) -> None:
    image_folder(tmp_path / "images", rows=6)
    before = fingerprint([manifest(tmp_path / "images")])
    assert fingerprint([manifest(tmp_path / "images")]) == before
    image = next((tmp_path / "images").rglob("*.png"))
    image.write_bytes(image.read_bytes()[:-1])
    assert fingerprint([manifest(tmp_path / "images")]) == before
    image.rename(image.with_name("renamed.png"))
    assert fingerprint([manifest(tmp_path / "images")]) != before


def test_a_fingerprint_is_that_of_all_parts_in_their_order(tmp_path: Path) -> None:
    parts = []
    for seed in (0, 1):
        embeddings(tmp_path / f"{seed}.parquet", rows=30, seed=seed)
        parts.append(manifest(tmp_path / f"{seed}.parquet", Columns(embedding="embedding")))
    prints = {fingerprint(chosen) for chosen in ([parts[0]], [parts[1]], parts, parts[::-1])}
    assert len(prints) == 4
