"""Images come out as they went in, byte by byte, or with the reason why they do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from support.datasets import image_folder
from support.sources import (
    IMAGE,
    contents,
    green,
    make,
    read,
    red,
    table,
    texts,
)

from noisecleaner.errors import NoisecleanerError
from noisecleaner.images.framing import Framing
from noisecleaner.ingest import Skip, refuse_skips
from noisecleaner.ingest.payloads import MAX_FILE_BYTES, ImageColumn, ImageFiles
from noisecleaner.inputs.encoders import pixel_encoder
from noisecleaner.inputs.prepare import prepare_images
from noisecleaner.progress import Progress
from noisecleaner.settings import Decoding


def test_a_row_is_read_alone_like_among_all(tmp_path: Path) -> None:
    image_folder(tmp_path, rows=12)
    manifest = read(tmp_path)
    assert isinstance(manifest.payload, ImageFiles)
    assert list(manifest.payload.read(np.array([7]))) == [(7, contents(manifest)[7])]


def test_paths_in_a_table_start_at_its_folder(tmp_path: Path) -> None:
    made = make(tmp_path, "images/1.png", "images/2.png")
    path = table(tmp_path / "data.parquet", image=list(made), label=["a", "b"])
    manifest = read(path)
    assert texts(manifest, "path") == list(made)
    assert texts(manifest, "sample_id") == list(made)
    assert contents(manifest) == list(made.values())


def image_columns() -> dict[str, pa.Array]:
    return {
        "binary": pa.array([red(), green()], pa.binary()),
        "large_binary": pa.array([red(), green()], pa.large_binary()),
        "struct": pa.array([{"bytes": red(), "path": "1.png"}, {"bytes": green(), "path": "2.png"}], IMAGE),
        "struct of bytes": pa.array([{"bytes": red()}, {"bytes": green()}], pa.struct([("bytes", pa.binary())])),
        "list": pa.array([list(red()), list(green())], pa.list_(pa.uint8())),
    }


@pytest.mark.parametrize("kind", image_columns())
def test_encoded_images_in_a_table_come_out_as_they_went_in(tmp_path: Path, kind: str) -> None:
    column = image_columns()[kind]
    manifest = read(table(tmp_path / "d.parquet", sample_id=["x", "y"], label=["a", "b"], image=column))
    assert contents(manifest) == [red(), green()]
    assert isinstance(manifest.payload, ImageColumn)
    assert list(manifest.payload.read(np.array([1]))) == [(1, green())]


def test_bytes_win_over_the_path_and_the_path_serves_without_bytes(tmp_path: Path) -> None:
    made = make(tmp_path, "there.png")
    rows = [{"bytes": red(), "path": "gone.png"}, {"bytes": None, "path": "there.png"}]
    manifest = read(table(tmp_path / "d.parquet", label=["a", "b"], image=pa.array(rows, IMAGE)))
    assert texts(manifest, "sample_id") == ["gone.png", "there.png"]
    assert contents(manifest) == [red(), made["there.png"]]


def test_rows_beyond_one_batch_keep_their_order(tmp_path: Path) -> None:
    rows = 150
    images = [red() + str(row).encode() for row in range(rows)]
    path = table(tmp_path / "d.parquet", sample_id=list(range(rows)), label=["a", "b"] * 75, image=images)
    manifest = read(path)
    assert contents(manifest) == images
    assert isinstance(manifest.payload, ImageColumn)
    some = np.array([3, 63, 64, 149])
    assert list(manifest.payload.read(some)) == [(row, images[row]) for row in some]


def test_each_row_that_cannot_be_used_has_the_right_reason(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    make(folder, "good.png", "other.png", "cut.png")
    (folder / "cut.png").write_bytes((folder / "good.png").read_bytes()[:-40])
    (folder / "text.png").write_text("this is no image")
    (folder / "empty.png").write_bytes(b"")
    (folder / "folder.png").mkdir()
    with (folder / "huge.png").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    names = ["good.png", "other.png", "cut.png", "text.png", "folder.png", "huge.png", "gone.png", "empty.png", None]
    path = table(folder / "d.parquet", sample_id=list(range(9)), label=["a", "b", *"abababa"], image=names)
    manifest = read(path)
    inputs = prepare_images(
        [manifest],
        encoder=pixel_encoder(Framing(8)),
        folder=tmp_path,
        decoding=Decoding(threads=1),
        progress=Progress(),
    )
    assert inputs.skipped == {
        2: Skip.TRUNCATED,
        3: Skip.UNSUPPORTED_FORMAT,
        4: Skip.MISSING_FILE,
        5: Skip.TOO_LARGE,
        6: Skip.MISSING_FILE,
        7: Skip.EMPTY_FILE,
        8: Skip.NO_IMAGE,
    }
    skipped = manifest.skipping(inputs.skipped)
    assert skipped.given.tolist() == [0, 1, *[-1] * 7]
    assert skipped.skips()["missing_file"] == 2
    with pytest.raises(NoisecleanerError, match=r"7 rows are none \(2 missing_file, .*\): 2 \(truncated\)"):
        refuse_skips(skipped)
    assert np.array_equal(inputs.array[1].mean(axis=(0, 1)).argmax(), 1)


@pytest.mark.parametrize(
    "column",
    [
        pa.array([None, b"", red()], pa.binary()),
        pa.array([None, [], list(red())], pa.list_(pa.uint8())),
        pa.array([None, {"bytes": None, "path": None}, {"bytes": red(), "path": None}], IMAGE),
    ],
    ids=["bytes", "list", "struct"],
)
def test_null_and_empty_images_are_no_image(tmp_path: Path, column: pa.Array) -> None:
    manifest = read(table(tmp_path / "d.parquet", sample_id=list("xyz"), label=list("aba"), image=column))
    assert contents(manifest) == [Skip.NO_IMAGE, Skip.NO_IMAGE, red()]


def test_a_file_that_the_system_does_not_give_is_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "a/1.png", "b/2.png")

    def refuse(*_: object) -> bytes:
        raise PermissionError("denied")

    manifest = read(tmp_path)
    monkeypatch.setattr("noisecleaner.ingest.files.places.Place.open", refuse)
    assert contents(manifest) == [Skip.UNREADABLE, Skip.UNREADABLE]


def test_pointers_of_git_lfs_are_told_from_images(tmp_path: Path) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 2345\n"
    make(tmp_path, "a/1.png", "b/2.png")
    (tmp_path / "a" / "1.png").write_bytes(pointer)
    assert contents(read(tmp_path))[0] is Skip.LFS_POINTER
    data = table(tmp_path / "d" / "d.parquet", sample_id=["1", "2"], label=["a", "b"], image=[pointer, red()])
    assert contents(read(data)) == [Skip.LFS_POINTER, red()]


def test_numbers_that_are_no_bytes_are_no_image(tmp_path: Path) -> None:
    images = [list(red()), [0, 300]]
    data = table(tmp_path / "d.parquet", sample_id=["1", "2"], label=["a", "b"], image=images)
    assert contents(read(data)) == [red(), Skip.UNREADABLE]
