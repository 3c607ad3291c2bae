"""A file of class names says which class a number stands for, or is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.labels.label_names import checked_names, read_label_names

GOOD = {
    "lines.txt": "tshirt\ntrouser\npull over\n",
    "lines": "tshirt\r\ntrouser\r\npull over\r\n\r\n",
    "marked.txt": "\ufefftshirt\ntrouser\npull over",
    "list.json": '["tshirt", "trouser", "pull over"]',
    "object.json": '{"2": "pull over", "0": "tshirt", "1": "trouser"}',
    "names.csv": "name\ntshirt\ntrouser\npull over\n",
    "ids.csv": "id,name\n1,trouser\n0,tshirt\n2,pull over\n",
    "more.csv": "name,colour,id\npull over,red,2\ntshirt,blue,0\ntrouser,red,1\n",
}


@pytest.mark.parametrize("name", GOOD)
def test_names_come_in_the_order_of_their_numbers(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(GOOD[name], "utf-8")
    assert read_label_names(str(tmp_path / name)) == ("tshirt", "trouser", "pull over")


BAD = {
    "one.txt": ("cat\n", "At least two class names"),
    "gap.txt": ("cat\n\ndog\n", "number 1 has none"),
    "twice.txt": ("cat\ndog\ncat\n", "cat more than once"),
    "from-one.csv": ("id,name\n1,cat\n2,dog\n", "do not count from 0"),
    "holes.json": ('{"3": "cat", "5": "dog"}', "its numbers are 3, 5"),
    "repeated.csv": ("id,name\n0,cat\n0,dog\n", "do not count from 0"),
    "nameless.csv": ("id,label\n0,cat\n1,dog\n", "its columns are id, label, and none is name"),
    "numbers.json": ("[1, 2]", "1 is no name"),
    "text.json": ('"cat"', "no list and no object"),
    "broken.json": ("[", "holds something else"),
    "words.json": ('{"cat": "0"}', "holds something else"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_list_of_names_is_refused(tmp_path: Path, name: str) -> None:
    content, says = BAD[name]
    (tmp_path / name).write_text(content)
    with pytest.raises(NoisecleanerError) as error:
        read_label_names(str(tmp_path / name))
    assert says in error.value.message
    assert name in error.value.message


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9\ndog\n")
    for name in ("latin.txt", "missing.txt"):
        with pytest.raises(NoisecleanerError, match="need a text file") as error:
            read_label_names(str(tmp_path / name))
        assert "one name a line" in error.value.hint


def test_names_are_checked_wherever_they_come_from() -> None:
    assert checked_names(["a", "b"], "here") == ("a", "b")
    with pytest.raises(NoisecleanerError, match="here holds b more than once"):
        checked_names(["a", "b", "b"], "here")
