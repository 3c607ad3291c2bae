"""A file that is not there is often there under another name, or elsewhere."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.sources import make

from noisecleaner.ingest.files.lost_files import why_missing
from noisecleaner.ingest.files.places import Place


@pytest.mark.parametrize(
    ("there", "wanted", "cause"),
    [
        ("images/1.png", "images/1.png ", "There is a file of that name without the blanks around it."),
        ("images/a b.png", "images/a%20b.png", "There is a file of that name where %20 and the like are read as in"),
        ("images/1.PNG", "images/1.png", "Its folder holds '1.PNG'."),
        ("images/1.png", "images/1", "Its folder holds '1.png'."),
        ("images/1.jpeg", "images/1.jpg", "Its folder holds '1.jpeg'."),
        ("images/1.png", "data/set/images/1.png", "holds images/1.png: take data/set/ off the paths."),
        ("images/cat/1.png", "1.png", "A file of that name is images/cat/1.png, from there: correct the paths."),
        ("1.png.dvc", "1.png", "1.png.dvc is there: run `dvc pull`."),
        ("1.png/x", "1.png", "It is a folder."),
        ("images/1.png", "images/2.png", ""),
        ("images/1.png", "nowhere/2.png", ""),
    ],
)
def test_the_likely_cause_is_found(tmp_path: Path, there: str, wanted: str, cause: str) -> None:
    make(tmp_path, there)
    found = why_missing(Place.parse(tmp_path), wanted)
    assert cause in found
    assert bool(found) == bool(cause)


def test_the_folder_above_may_be_where_paths_start(tmp_path: Path) -> None:
    make(tmp_path, "images/1.png", "tables/x/d.csv")
    said = why_missing(Place.parse(tmp_path / "tables" / "x"), "images/1.png")
    assert said == (f" Paths start in the folder of the table, and {tmp_path} holds such a file: move the table there.")


def test_another_form_of_unicode_is_named(tmp_path: Path) -> None:
    make(tmp_path, unicodedata.normalize("NFC", "images/é.png"))
    assert "in the Unicode form NFC" in why_missing(Place.parse(tmp_path), unicodedata.normalize("NFD", "images/é.png"))


def test_a_link_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    (tmp_path / "1.png").symlink_to(".git/annex/objects/x")
    said = why_missing(Place.parse(tmp_path), "1.png")
    assert "a link to .git/annex/objects/x, which is not there" in said
    assert "git annex get" in said


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30))
def test_any_path_may_be_asked_for(tmp_path: Path, path: str) -> None:
    assert isinstance(why_missing(Place.parse(tmp_path), path), str)
