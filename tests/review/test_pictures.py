"""Images are packed or linked; what has none says why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from support.datasets import image_folder

from noisecleaner.ingest import Skip, Source, read_manifest
from noisecleaner.ingest.payloads import ImageFiles
from noisecleaner.review.pictures import LinkedPictures, PackedPictures, Picture, pictures_of


def test_both_ways_tell_the_same_rows_and_reasons(tmp_path: Path) -> None:
    truth = image_folder(tmp_path / "data", 9)
    source = Source(str(tmp_path / "data"))
    manifest = read_manifest(source)
    names = manifest.table["sample_id"].to_pylist()
    (tmp_path / "data" / names[2]).write_bytes(b"")
    packed = pictures_of(manifest, source, linked_from=None)
    linked = pictures_of(manifest, source, linked_from=tmp_path)
    assert isinstance(packed, PackedPictures)
    assert isinstance(linked, LinkedPictures)
    rows = np.array([1, 2, 5])
    assert [(row, isinstance(one, Skip)) for row, one in packed.of(rows)] == [(1, False), (2, True), (5, False)]
    found = {row: one.address if isinstance(one, Picture) else one for row, one in linked.of(rows)}
    assert found == {1: f"data/{names[1]}", 2: Skip.EMPTY_FILE, 5: f"data/{names[5]}"}
    for row, one in packed.of(np.array([0, 1])):
        assert isinstance(one, Picture), row
        assert one.address.startswith("data:image/webp;base64,")
    assert len(truth) == len(names)


def test_a_row_without_a_path_has_no_picture(tmp_path: Path) -> None:
    image_folder(tmp_path / "data", 6)
    images = read_manifest(Source(str(tmp_path / "data"))).payload
    assert isinstance(images, ImageFiles)
    bare = replace(images, paths=pa.array([None, *images.paths.to_pylist()[1:]], pa.string()))
    found = dict(LinkedPictures(images=bare, folder=tmp_path / "elsewhere").of(np.array([0, 1])))
    assert found[0] is Skip.NO_IMAGE
    assert isinstance(found[1], Picture)
    assert found[1].address.startswith("../data/")


def test_a_print_is_of_the_content_and_not_of_its_name(tmp_path: Path) -> None:
    """Packed or linked: what is shown has the same print, and what has changed another one."""
    image_folder(tmp_path / "data", 6)
    source = Source(str(tmp_path / "data"))
    manifest = read_manifest(source)
    rows = np.arange(len(manifest))

    def prints() -> list[str]:
        both = [pictures_of(manifest, source, linked_from=folder) for folder in (None, tmp_path)]
        packed, linked = ([one.print for _, one in made.of(rows) if isinstance(one, Picture)] for made in both)
        assert packed == linked
        return packed

    before = prints()
    assert len(set(before)) == len(rows)
    first, second = (tmp_path / "data" / name for name in manifest.table["sample_id"].to_pylist()[:2])
    first.write_bytes(second.read_bytes())
    after = prints()
    assert [one == other for one, other in zip(before, after, strict=True)] == [False] + [True] * (len(rows) - 1)
    assert after[0] == after[1]
