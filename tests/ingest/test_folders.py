"""Image folders: folders or metadata name the classes, hidden and foreign files are left out."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from support.sources import (
    METADATA,
    both,
    contents,
    labels,
    make,
    read,
    red,
    refusal,
    table,
    texts,
    write_metadata,
)

from noisecleaner.ingest import Skip, Source, read_beside
from noisecleaner.ingest.ids import ids


def test_the_folders_of_an_image_folder_name_the_classes(tmp_path: Path) -> None:
    made = make(tmp_path, "dog/b.png", "cat/a.jpg", "dog/a.PNG", "dog/deep/er/c.png")
    manifest = read(tmp_path)
    assert labels(manifest) == {"cat/a.jpg": "cat", "dog/a.PNG": "dog", "dog/b.png": "dog", "dog/deep/er/c.png": "dog"}
    assert texts(manifest, "path") == texts(manifest, "sample_id")
    assert manifest.classes == ("cat", "dog")
    assert manifest.given.tolist() == [0, 1, 1, 1]
    assert manifest.trusted.tolist() == [-1] * 4
    assert contents(manifest) == [made[str(i)] for i in texts(manifest, "sample_id")]


@pytest.mark.parametrize("split", ["train", "Test", "validation"])
def test_split_folders_are_no_classes(tmp_path: Path, split: str) -> None:
    make(tmp_path, f"{split}/cat/a.png", f"{split}/dog/b.png", "test/dog/c.png", f"{split}/stray.png")
    manifest = read(tmp_path)
    assert manifest.classes == ("cat", "dog")
    assert labels(manifest) == {
        f"{split}/cat/a.png": "cat",
        f"{split}/dog/b.png": "dog",
        "test/dog/c.png": "dog",
        f"{split}/stray.png": None,
    }


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    make(tmp_path, "bus/a.png", "car/b.png", "train/c.png")
    assert labels(read(tmp_path)) == {"bus/a.png": "bus", "car/b.png": "car", "train/c.png": "train"}


def test_an_image_outside_the_class_folders_has_no_label(tmp_path: Path) -> None:
    make(tmp_path, "a/x.png", "b/y.png", "stray.png")
    manifest = read(tmp_path)
    assert texts(manifest, "skip_reason") == [None, None, "no_label"]
    assert manifest.given.tolist() == [0, 1, -1]


def test_hidden_files_and_what_is_no_image_are_left_out(tmp_path: Path) -> None:
    make(tmp_path, "a/x.png", "b/y.png", "a/.x.png", ".cache/z.png", "b/.thumbs/y.png")
    (tmp_path / "a" / "notes.txt").write_text("no image")
    assert texts(read(tmp_path), "sample_id") == ["a/x.png", "b/y.png"]


def test_classes_that_are_numbers_stand_in_numeric_order(tmp_path: Path) -> None:
    make(tmp_path, "10/a.png", "9/b.png", "1/c.png")
    assert read(tmp_path).classes == ("1", "9", "10")
    make(tmp_path, "x/a.png")
    assert read(tmp_path).classes == ("1", "10", "9", "x")


def test_a_link_back_to_its_own_folder_is_not_followed_for_ever(tmp_path: Path) -> None:
    make(tmp_path, "a/x.png", "b/y.png")
    (tmp_path / "a" / "loop").symlink_to("..", target_is_directory=True)
    (tmp_path / "b" / "self").symlink_to(".", target_is_directory=True)
    assert texts(read(tmp_path), "sample_id") == ["a/x.png", "b/y.png"]


def test_a_link_to_a_folder_inside_is_followed(tmp_path: Path) -> None:
    made = make(tmp_path, "a/x.png", ".store/y.png")
    (tmp_path / "b").symlink_to(".store", target_is_directory=True)
    manifest = read(tmp_path)
    assert labels(manifest) == {"a/x.png": "a", "b/y.png": "b"}
    assert contents(manifest) == [made["a/x.png"], made[".store/y.png"]]


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems refuse such names")
def test_a_file_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    make(tmp_path, "a/x.png", "b/y.png")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/a/\xff.png")).write_bytes(red())
    assert "must be UTF-8" in refusal(tmp_path)


@METADATA
def test_metadata_names_files_and_labels(tmp_path: Path, ending: str) -> None:
    made = make(tmp_path, "images/1.png", "images/2.png", "unlisted.png")
    rows = [{"file_name": "images/2.png", "label": "dog"}, {"file_name": "images/1.png", "label": "cat"}]
    write_metadata(tmp_path / f"metadata.{ending}", rows)
    manifest = read(tmp_path)
    assert labels(manifest) == {"images/2.png": "dog", "images/1.png": "cat"}
    assert texts(manifest, "sample_id") == ["images/2.png", "images/1.png"]
    assert manifest.classes == ("cat", "dog")
    assert contents(manifest) == [made["images/2.png"], made["images/1.png"]]


@METADATA
def test_metadata_of_splits_names_files_below_the_split(tmp_path: Path, ending: str) -> None:
    made = make(tmp_path, "train/1.png", "test/1.png")
    write_metadata(tmp_path / "train" / f"metadata.{ending}", [{"file_name": "1.png", "label": "cat"}])
    write_metadata(tmp_path / "test" / f"metadata.{ending}", [{"file_name": "1.png", "label": "dog"}])
    manifest = read(tmp_path)
    assert labels(manifest) == {"test/1.png": "dog", "train/1.png": "cat"}
    assert contents(manifest) == [made["test/1.png"], made["train/1.png"]]


@METADATA
def test_metadata_may_bring_ids_verified_labels_and_other_names(tmp_path: Path, ending: str) -> None:
    make(tmp_path, "1.png", "2.png")
    rows = [
        {"file_name": "1.png", "key": "one", "kind": "cat", "checked": "dog"},
        {"file_name": "2.png", "key": "two", "kind": "dog", "checked": ""},
    ]
    write_metadata(tmp_path / f"metadata.{ending}", rows)
    manifest = read(tmp_path, sample_id="key", label="kind", verified="checked")
    assert labels(manifest) == {"one": "cat", "two": "dog"}
    assert texts(manifest, "trusted_label") == ["dog", None]
    assert manifest.trusted.tolist() == [1, -1]


def test_without_a_label_column_folders_name_the_classes(tmp_path: Path) -> None:
    make(tmp_path, "train/cat/1.png", "train/dog/2.png")
    rows = [{"file_name": "cat/1.png", "text": "a cat"}, {"file_name": "dog/2.png", "text": "a dog"}]
    write_metadata(tmp_path / "train" / "metadata.csv", rows)
    assert labels(read(tmp_path)) == {"train/cat/1.png": "cat", "train/dog/2.png": "dog"}


def test_metadata_without_file_names_is_refused(tmp_path: Path) -> None:
    make(tmp_path, "1.png")
    write_metadata(tmp_path / "metadata.csv", [{"image": "1.png", "label": "a"}])
    assert "needs a column file_name" in refusal(tmp_path)


def test_class_label_of_metadata_parquet_keeps_its_names_and_order(tmp_path: Path) -> None:
    make(tmp_path, "1.png", "2.png", "3.png")
    table(
        tmp_path / "metadata.parquet",
        class_names={"label": ["zebra", "ant"]},
        file_name=["1.png", "2.png", "3.png"],
        label=[1, 0, -1],
    )
    manifest = read(tmp_path)
    assert manifest.classes == ("zebra", "ant")
    assert labels(manifest) == {"1.png": "ant", "2.png": "zebra", "3.png": None}
    assert texts(manifest, "skip_reason") == [None, None, "no_label"]


def test_a_file_that_metadata_names_but_is_not_there_is_missing(tmp_path: Path) -> None:
    make(tmp_path, "1.png")
    write_metadata(
        tmp_path / "metadata.csv", [{"file_name": "1.png", "label": "a"}, {"file_name": "2.png", "label": "b"}]
    )
    assert contents(read(tmp_path))[1] is Skip.MISSING_FILE


def test_images_without_labels_beside_a_dataset_may_lie_in_a_split(tmp_path: Path) -> None:
    make(tmp_path, "data/a/1.png", "data/b/2.png", "more/test/3.png", "more/test/4.png")
    dataset, beside = read_beside(str(tmp_path / "more"), Source(str(tmp_path / "data")), read(tmp_path / "data"))
    assert len(dataset) == 2
    assert beside is not None
    assert texts(beside, "sample_id") == ["test/3.png", "test/4.png"]
    assert list(ids(Source(str(tmp_path / "more")))) == ["test/3.png", "test/4.png"]


def test_what_is_no_row_of_a_folder_of_verified_images_is_said(tmp_path: Path) -> None:
    make(tmp_path, "data/a/1.png", "data/b/2.png")
    shutil.copytree(tmp_path / "data", tmp_path / "verified")
    make(tmp_path, "verified/b/.3.png")
    manifest, _ = both(tmp_path / "data", tmp_path / "verified")
    assert any(f"1 file below {tmp_path / 'verified'} is no row" in notice.message for notice in manifest.notices)


def test_two_metadata_files_in_one_folder_are_refused(tmp_path: Path) -> None:
    make(tmp_path, "1.png")
    for ending in ("csv", "jsonl"):
        write_metadata(tmp_path / f"metadata.{ending}", [{"file_name": "1.png", "label": "a"}])
    assert f"{tmp_path} holds metadata.csv and metadata.jsonl" in refusal(tmp_path)


def test_a_class_that_is_hidden_is_told_where_too_few_are_left(tmp_path: Path) -> None:
    make(tmp_path, "a/1.png", ".b/2.png", ".b/3.png")
    assert "has 1 (a). 2 hidden images are left out." in refusal(tmp_path)
