"""Files find their rows by their names, where those are unique on both sides."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from noisecleaner.ingest.verified.file_names import as_file, find_by_name, find_by_path


def found(own: list[str], known: list[str], lost: list[int] | None = None) -> dict[int, int]:
    rows = list(range(len(own))) if lost is None else lost
    return find_by_name(dict(enumerate(own)), lost=rows, known=lambda: known)


def test_a_file_is_found_in_another_folder() -> None:
    assert found(["dog/1.png", "cat/2.png"], ["a/2.png", "b/1.png", "c/3.png"]) == {0: 1, 1: 0}


def test_paths_of_windows_and_other_unicode_forms_are_read() -> None:
    assert found(["C:\\data\\cafe\u0301.png"], ["x/caf\u00e9.png"]) == {0: 0}


def test_without_its_ending_a_file_is_found_only_where_no_ending_fits() -> None:
    assert found(["dog/r1.png"], ["r1"]) == {0: 0}
    assert found(["dog/1.png"], ["a/1.jpg"]) == {0: 0}
    assert found(["dog/1.png"], ["a/1.jpg", "b/1.png"]) == {0: 1}
    assert found(["dog/.png"], ["a/.jpg"]) == {}


def test_names_that_are_not_unique_find_nothing() -> None:
    assert found(["dog/1.png"], ["a/1.png", "b/1.png"]) == {}
    assert found(["dog/1.png", "cat/1.png"], ["a/1.png"]) == {}
    assert found(["dog/1.png", "cat/1.png"], ["a/1.png"], lost=[1]) == {}
    assert found(["dog/1.png"], ["a/1.jpg", "b/1.gif"]) == {}


def test_one_file_may_be_verified_twice() -> None:
    assert found(["dog/1.png", "dog/1.png"], ["a/1.png"]) == {0: 0, 1: 0}


@settings(deadline=None)
@given(st.lists(st.text(max_size=6), max_size=8), st.lists(st.text(max_size=6), max_size=8))
def test_two_files_are_never_one_row_by_one_name(own: list[str], known: list[str]) -> None:
    pairs = found(own, known)
    assert all(0 <= row < len(own) and 0 <= place < len(known) for row, place in pairs.items())
    exact = {row for row, place in pairs.items() if own[row] == known[place]}
    assert len({pairs[row] for row in exact}) == len({own[row] for row in exact})


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("/data/upload/1/ab12cd34-my%20cat.jpg", "my cat.jpg"),
        ("upload/ab12cd34-1.jpg", "1.jpg"),
        ("/data/local-files/?d=imgs/cat/1%23.jpg", "imgs/cat/1#.jpg"),
        ("/data/local-files/?x=1&d=imgs/1.jpg", "imgs/1.jpg"),
        ("https://host/imgs/1.jpg?sig=a/b#c", "https://host/imgs/1.jpg"),
        ("imgs/ab12cd34-1.jpg", "imgs/ab12cd34-1.jpg"),  # no upload: that is its name
        ("what?.jpg", "what?.jpg"),
        ("100%.jpg", "100%.jpg"),
    ],
)
def test_names_of_annotation_tools_are_read(name: str, file: str) -> None:
    assert as_file(name) == file


def test_names_are_taken_as_they_are_before_anything_is_read_into_them() -> None:
    assert found(["upload/ab12cd34-1.png"], ["a/1.png", "a/ab12cd34-1.png"]) == {0: 1}
    assert found(["a%20b.png"], ["x/a b.png", "x/a%20b.png"]) == {0: 1}
    assert found(["a%20b.png"], ["x/a b.png"]) == {0: 0}
    assert found(["img.v2"], ["x/img.v2.png"]) == {0: 0}  # FiftyOne leaves endings out


def paths(own: list[str], known: list[str]) -> dict[int, int]:
    return find_by_path(dict(enumerate(own)), lost=range(len(own)), known=lambda: known)


@pytest.mark.parametrize(
    ("own", "known"),
    [
        ("/srv/x/train/cat/1.png", "train/cat/1.png"),
        ("cat/1.png", "train/cat/1.png"),
        ("C:\\x\\cat\\1.png", "cat/1.png"),
        ("./cat/1.png", "cat/1.png"),
        ("s3://bucket/x/cat/1.png", "cat/1.png"),
        ("/data/local-files/?d=x/cat/cafe%CC%81.png", "cat/caf\u00e9.png"),
        ("x/cat/1", "cat/1.png"),
    ],
)
def test_a_path_may_begin_further_up(own: str, known: str) -> None:
    assert paths([own], ["dog/1.png", known, "test/cat/2.png"]) == {0: 1}


def test_paths_that_could_be_several_find_nothing() -> None:
    assert paths(["cat/1.png"], ["train/cat/1.png", "test/cat/1.png"]) == {}
    assert paths(["x/cat/1.png", "y/cat/1.png"], ["cat/1.png"]) == {}
    assert paths(["1.png"], ["cat/1.png"]) == {}  # a name alone is no path
    assert paths(["x/1.png"], ["1.png"]) == {}
    assert paths(["x/cat/1"], ["cat/1.png", "cat/1.jpg"]) == {}


@settings(deadline=None)
@given(st.lists(st.text("ab/.\\", max_size=8), max_size=6), st.lists(st.text("ab/.\\", max_size=8), max_size=6))
def test_a_row_is_found_by_one_path_only(own: list[str], known: list[str]) -> None:
    pairs = paths(own, known)
    assert all(0 <= place < len(known) for place in pairs.values())


def test_an_upload_loses_blanks_and_commas_of_its_name() -> None:
    """As Label Studio stores uploads; a name that is no upload is not looked at so."""
    known = ["a/x, y (1).png", "b/x_y_2.png", "é#3.png"]
    own = ["/data/upload/1/ab12cd34-x_y_1.png", "/data/upload/1/ab12cd34-x_y_2.png", "/data/upload/7/0123abcd-é3.png"]
    assert found(own, known) == {0: 0, 1: 1, 2: 2}
    assert found(["x_y_1.png"], known) == {}
    assert found(["/data/upload/1/ab12cd34-xy.png"], ["a/x,y.png", "b/x(y).png"]) == {}
