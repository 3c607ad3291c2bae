"""Names of image files: from where an image was, below its split and class, all different."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa
import pytest
from support.bombs import png
from support.exports import Row, by_hand, picture

from noisecleaner.export.copying import Copy
from noisecleaner.export.image_names import Folders, ending, original_name
from noisecleaner.ingest import Source, read_manifest


def copy_of(data: Path) -> Copy:
    source = Source(str(data))
    manifest = read_manifest(source)
    keep = np.ones(len(manifest), bool)
    return Copy(manifest=manifest, source=source, labels=manifest.given, keep=keep, notes=pa.table({}))


def test_a_file_is_called_like_its_image_or_its_id_and_two_never_the_same(tmp_path: Path) -> None:
    rows = [Row("1", "a", path="x/cat.png"), Row("2", "a", path="y/cat.PNG"), Row("three", "b")]
    copy = copy_of(by_hand(tmp_path, rows).data)
    assert [str(original_name(copy, row)) for row in range(3)] == ["x/cat.png", "y/cat.PNG", "three"]
    folders = Folders(copy)
    placed = [str(folders.place(row, picture(row))) for row in range(3)]
    assert placed == ["a/cat.png", "a/cat-2.PNG", "b/three.png"]


def test_a_column_of_splits_becomes_folders(tmp_path: Path) -> None:
    rows = [Row("1", "a"), Row("2", "b")]
    copy = copy_of(by_hand(tmp_path, rows, split=["train", "test"]).data)
    folders = Folders(copy)
    assert [str(folders.place(row, picture(row))) for row in range(2)] == ["train/a/1.png", "test/b/2.png"]
    assert [folders.home(row) for row in range(2)] == ["train", "test"]


def test_an_ending_is_kept_or_that_of_the_content() -> None:
    assert ending(PurePosixPath("a.JPEG"), picture(0)) == ".JPEG"
    assert ending(PurePosixPath("v1.5"), picture(0)) == ".png"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (png(30_000, 30_000, body=b"x"), ".png"),
        (b"\xff\xd8\xff\xe0", ".jpg"),
        (b"II*\0", ".tif"),
        (b"no image", ".bin"),
        (b"", ".bin"),
    ],
)
def test_an_image_without_a_name_ends_as_its_first_bytes_tell(content: bytes, expected: str) -> None:
    """However large it says it is, and whether it opens or not."""
    assert ending(PurePosixPath("cat"), content) == expected
