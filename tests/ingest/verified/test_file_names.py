"""Files find their rows by their names, where those are unique on both sides."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from noisecleaner.ingest.verified.file_names import find_by_name


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
