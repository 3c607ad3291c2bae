"""Every file below a folder is in exactly one list."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sources import make, red

from noisecleaner.ingest.files.walk import Walk, first_bytes
from noisecleaner.progress import Patience


def write(folder: Path, *names: str, content: bytes = b"x") -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def test_images_are_known_by_their_ending_whatever_they_hold(tmp_path: Path) -> None:
    names = ["a/1.jpg", "a/2.JFIF", "a/3.jpe", "a/4.jif", "a/5.dib", "b/6.TIFF", "b/7.webp"]
    write(tmp_path, *names)
    assert sorted(Walk.of(tmp_path).images) == names


def test_an_image_with_another_ending_or_none_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    names = ["a/photo", "a/photo.1", "a/photo.jpg_large", "a/photo.jpg?size=1", "a/photo.php"]
    write(tmp_path, *names, content=red())
    write(tmp_path, "a/words", "a/index.php", content=b"<html>")
    write(tmp_path, "a/vector", content=b"<svg/>")
    walk = Walk.of(tmp_path)
    assert sorted(walk.images) == sorted(names)
    assert walk.pictures == ["a/vector"]
    assert sorted(walk.others) == ["a/index.php", "a/words"]


def test_a_file_with_the_ending_of_something_else_is_not_opened(tmp_path: Path) -> None:
    write(tmp_path, "a/labels.txt", "a/table.csv", content=red())
    assert sorted(Walk.of(tmp_path).others) == ["a/labels.txt", "a/table.csv"]


def test_pictures_that_nothing_decodes_stand_apart(tmp_path: Path) -> None:
    names = ["a/1.heic", "a/2.HEIF", "a/3.svg", "a/4.psd", "a/5.cr2", "a/6.dcm", "a/7.npy"]
    write(tmp_path, *names)
    assert sorted(Walk.of(tmp_path).pictures) == names


def test_litter_is_counted_by_its_name(tmp_path: Path) -> None:
    make(tmp_path, "a/1.png", "a/@eaDir/1.png/SYNOPHOTO_THUMB_M.jpg", "a/@eaDir/2.png", "__MACOSX/a/._1.png")
    write(tmp_path, "a/.DS_Store", "a/Thumbs.db", "a/desktop.ini", "a/._1.png", ".git/objects/ab/cd")
    walk = Walk.of(tmp_path)
    assert walk.images == ["a/1.png"]
    assert dict(walk.litter) == {
        "@eaDir": 2,
        "__MACOSX": 1,
        ".DS_Store": 1,
        "Thumbs.db": 1,
        "desktop.ini": 1,
        "._": 1,
        ".git": 1,
    }
    assert walk.others == walk.hidden == walk.pictures == []


def test_hidden_images_are_told_from_other_hidden_files(tmp_path: Path) -> None:
    make(tmp_path, "a/1.png", "a/.2.png", ".store/a/3.png")
    write(tmp_path, ".gitattributes", ".store/notes.txt")
    walk = Walk.of(tmp_path)
    assert walk.images == ["a/1.png"]
    assert sorted(walk.hidden) == [".store/a/3.png", "a/.2.png"]
    assert sorted(walk.others) == [".gitattributes", ".store/notes.txt"]


def test_a_folder_that_cannot_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "a/1.png", "b/2.png")
    listing = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("/b"):
            raise PermissionError(13, "denied", str(path))
        return listing(path)

    monkeypatch.setattr(os, "scandir", refuse)
    walk = Walk.of(tmp_path)
    assert walk.images == ["a/1.png"]
    assert walk.closed == ["b"]


def test_only_plain_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to("nowhere")
    assert Walk.of(tmp_path).others in (["pipe", "dangling"], ["dangling", "pipe"])
    assert first_bytes(tmp_path / "nowhere") == b""


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=12).filter(
    lambda name: name not in (".", "..") and len(name.encode()) < 200
)


@settings(max_examples=60, deadline=None)
@given(st.sets(st.tuples(NAMES, NAMES), min_size=1, max_size=8))
def test_every_file_is_in_one_list_whatever_it_is_called(names: set[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = set()
        for parent, name in names:
            (Path(folder) / parent).mkdir(exist_ok=True)
            if not (Path(folder) / parent / name).is_dir():
                (Path(folder) / parent / name).write_bytes(red())
                made.add(f"{parent}/{name}")
        walk = Walk.of(Path(folder))
        found = [*walk.images, *walk.pictures, *walk.hidden, *walk.others]
        assert len(found) + walk.litter.total() == len(made)
        assert len(set(found)) == len(found)
        assert set(found) <= made


def test_a_walk_that_takes_long_tells_what_it_has_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cat/1.png", "dog/2.png", "dog/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    told: list[str] = []
    monkeypatch.setattr(Patience, "tell", lambda self, text: told.append(text()))
    Walk.of(tmp_path)
    assert told[0] == f"Listing {tmp_path}: 0 images and 0 other files, now in {tmp_path}"
    assert told[-1].startswith(f"Listing {tmp_path}: ")
    assert len(told) == 3
