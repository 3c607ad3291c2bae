"""What rows hold finds its row: images byte by byte, vectors number by number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from support.sources import blue, green, red, table

from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.payloads import ImageColumn, ImageFiles
from noisecleaner.ingest.tables.tabular import Files
from noisecleaner.ingest.vectors.columns import VectorColumn, VectorFile
from noisecleaner.ingest.verified.contents import Digest, VectorDigests, digests, rows_with, thumbnails


def files(folder: Path, *contents: bytes | None) -> ImageFiles:
    paths = [f"{row}.png" for row in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        if content is not None:
            (folder / path).write_bytes(content)
    return ImageFiles(Place.parse(folder), pa.array([*paths, None], pa.string()))


def test_images_are_found_by_their_bytes_wherever_they_are(tmp_path: Path) -> None:
    contents = [red(), green(), red(), None]
    path = table(tmp_path / "d.parquet", image=pa.array([*contents, None], pa.binary()))
    wanted = {Digest.of(red()), Digest.of(blue())}
    for images in (files(tmp_path, *contents), ImageColumn(Files.open([Place.parse(path)]), "image")):
        assert rows_with(images, rows=5, wanted=wanted) == {Digest.of(red()): [0, 2]}
        assert digests(images, np.array([1, 3])) == {1: Digest.of(green())}
        assert thumbnails(images, np.array([1, 3])).keys() == {1}
        assert rows_with(images, rows=5, wanted=()) == {}


def vectors(folder: Path, rows: list[list[float] | None]) -> VectorColumn:
    path = table(folder / "v.parquet", e=pa.array(rows, pa.list_(pa.float32())))
    return VectorColumn.open(Files.open([Place.parse(path)]), "e", "embeddings")


def test_vectors_are_found_by_their_numbers(tmp_path: Path) -> None:
    rows = [[1.0, 2.0], [2.0, 1.0], None, [1.0, 2.0], [0.0, 0.0]]
    summed = VectorDigests.of(vectors(tmp_path, rows))
    assert summed.telling.tolist() == [True, True, False, True, False]
    first = summed.digests[:1]
    assert summed.rows_with(first) == {int(first[0]): [0, 3]}
    assert len(np.unique(summed.digests[summed.telling])) == 2


def test_the_same_numbers_in_a_file_have_the_same_digests(tmp_path: Path) -> None:
    array = np.random.default_rng(0).normal(size=(3000, 700)).astype(np.float32)
    np.save(tmp_path / "v.npy", array.astype(np.float64))
    of_file = VectorDigests.of(VectorFile.open(str(tmp_path / "v.npy"), "embeddings"))
    of_column = VectorDigests.of(vectors(tmp_path, array.tolist()))
    np.testing.assert_array_equal(of_file.digests, of_column.digests)
    assert len(np.unique(of_file.digests)) == 3000
    assert VectorDigests.of(vectors(tmp_path, [[1.0]])).telling.tolist() == [True]
