"""Which images are files of the repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from noisecleaner.gate.repository import Repository


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


@pytest.mark.parametrize(
    ("data", "path", "image"),
    [
        ("images", "cat/1.png", "images/cat/1.png"),
        ("data/table.csv", "png/1.png", "data/png/1.png"),  # paths in a table are relative to its folder
        ("data/table-*.parquet", "png/1.png", "data/png/1.png"),
        (".", "cat/1.png", "cat/1.png"),
    ],
)
def test_an_image_is_found_where_it_was_and_where_the_repository_is_now(
    tmp_path: Path, data: str, path: str, image: str
) -> None:
    top = tmp_path / "checkout"
    touch(top / image)
    for home in (str(top), "/home/somebody/checkout", "/home/somebody/else/entirely"):
        assert Repository(f"{home}/{data}".removesuffix("/."), [path], top=top).file(path) == image


def test_other_files_of_that_name_in_another_folder_are_not_taken(tmp_path: Path) -> None:
    """The longest end of the path that leads to a file: `new/images` and not `images`."""
    touch(tmp_path / "images" / "1.png")
    touch(tmp_path / "new" / "images" / "1.png")
    touch(tmp_path / "images" / "2.png")
    repository = Repository("/away/new/images", ["1.png", "2.png"], top=tmp_path)
    assert repository.file("1.png") == "new/images/1.png"
    assert repository.file("2.png") is None


@pytest.mark.parametrize("path", ["../outside.png", "/etc/hostname", "a\0b", None, "missing.png", "", "."])
def test_what_is_outside_or_no_file_has_no_place(tmp_path: Path, path: str | None) -> None:
    top = tmp_path / "top"
    touch(top / "images" / "1.png")
    touch(tmp_path / "outside.png")
    assert Repository(str(top / "images"), ["1.png"], top=top).file(path) is None
    assert Repository(str(top), ["images/1.png"], top=top).file(path) is None
    assert Repository(str(top / "images"), [path], top=top).file(path) is None


def test_data_of_a_server_is_no_file(tmp_path: Path) -> None:
    touch(tmp_path / "bucket" / "1.png")
    assert Repository("s3://bucket", ["1.png"], top=tmp_path).file("1.png") is None


def test_a_folder_is_found_by_any_of_the_first_images(tmp_path: Path) -> None:
    touch(tmp_path / "images" / "2.png")
    assert Repository("/away/images", [None, "1.png", "2.png"], top=tmp_path).file("2.png") == "images/2.png"
    assert Repository("/away/images", [], top=tmp_path).file("2.png") is None


def test_a_path_from_the_top(tmp_path: Path) -> None:
    repository = Repository("", [], top=tmp_path)
    assert repository.relative(tmp_path / "a" / "b") == "a/b"
    assert repository.relative("a/../b") == "b"
    assert (repository.relative(".."), repository.relative(tmp_path), repository.relative("/a")) == (None, None, None)
