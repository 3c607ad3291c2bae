"""A file is found, whichever Unicode form its path has on the disk, and nothing outside is."""

from __future__ import annotations

import unicodedata
from itertools import product
from pathlib import Path

import pytest
from support.sources import contents, make, read, red, told, write_metadata

from noisecleaner.ingest import Skip
from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.files.spelling import in_other_form
from noisecleaner.ingest.payloads import read_file

NAMES = ("bilder_\u00fc", "gr\u00f6\u00dfe", "caf\u00e9.png")


def spelled(*forms: str) -> str:
    return "/".join(unicodedata.normalize(form, name) for form, name in zip(forms, NAMES, strict=True))


@pytest.mark.parametrize("disk", list(product(("NFC", "NFD"), repeat=3)), ids="-".join)
@pytest.mark.parametrize("told", [("NFC",) * 3, ("NFD",) * 3], ids="-".join)
def test_a_file_is_found_in_every_form(tmp_path: Path, disk: tuple[str, ...], told: tuple[str, ...]) -> None:
    path = tmp_path / spelled(*disk)
    path.parent.mkdir(parents=True)
    path.write_bytes(red())
    assert read_file(Place.parse(tmp_path), spelled(*told)) == red()


def test_the_form_that_is_told_comes_first(tmp_path: Path) -> None:
    for form, content in (("NFC", b"composed"), ("NFD", b"decomposed")):
        (tmp_path / unicodedata.normalize(form, "\u00fc.png")).write_bytes(content)
    assert read_file(Place.parse(tmp_path), "\u00fc.png") == b"composed"
    assert read_file(Place.parse(tmp_path), "u\u0308.png") == b"decomposed"


def test_what_is_not_there_in_any_form_is_missing(tmp_path: Path) -> None:
    assert read_file(Place.parse(tmp_path), "\u00fc.png") is Skip.MISSING_FILE
    (tmp_path / "u\u0308.png").mkdir()
    assert read_file(Place.parse(tmp_path), "\u00fc.png") is Skip.MISSING_FILE


def test_a_link_to_somewhere_else_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(red())
    root = tmp_path / "data"
    root.mkdir()
    (root / "u\u0308.png").symlink_to(tmp_path / "secret.png")
    (root / "o\u0308").symlink_to(tmp_path, target_is_directory=True)
    assert in_other_form(Place.parse(root), "\u00fc.png") is None
    assert in_other_form(Place.parse(root), "\u00f6/secret.png") is None


def test_metadata_in_another_form_than_the_disk_names_all_images(tmp_path: Path) -> None:
    made = make(tmp_path, "u\u0308/1.png", "u\u0308/2.png")
    rows = [{"file_name": f"\u00fc/{number}.png", "label": label} for number, label in ((1, "a"), (2, "b"))]
    write_metadata(tmp_path / "metadata.csv", rows)
    manifest = read(tmp_path)
    assert contents(manifest) == list(made.values())
    assert told(manifest) == []
