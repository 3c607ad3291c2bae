"""Ids that do not match are explained by what was done to them, with an example."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from noisecleaner.ingest.verified.near_ids import explain


@pytest.mark.parametrize(
    ("own", "other", "change"),
    [
        ("12", "00012", "zeros in front"),
        ("12.0", "12", "fractions (12.0 for 12)"),
        (" r1 ", "r1", "blanks around them"),
        ("cat\\1.png", "cat/1.png", "backslashes"),
        ("./cat/1.png", "cat/1.png", "a ./ in front"),
        ("cat/1.PNG", "cat/1.png", "capital letters"),
        ("cafe\u0301", "caf\u00e9", "their Unicode form"),
        ("/home/me/data/cat/1.png", "cat/1.png", "their folders"),
        ("1.png", "train/cat/1.png", "their folders"),
        ("r1.png", "r1", "their endings"),
        ("'r1'", "r1", "quotation marks"),
        ("/data/upload/1/ab12cd34-r1", "r1", "a prefix of their upload"),
    ],
)
def test_each_change_is_named_with_an_example(own: str, other: str, change: str) -> None:
    found = explain([own], ["elsewhere", other])
    assert found is not None
    assert str(found) == f"it would match but for {change}: {own!a} is {other!a} in the dataset"


def test_several_changes_are_named_together() -> None:
    found = explain(["C:\\data\\cat\\1.PNG", "C:\\data\\dog\\7.PNG"], ["cat/1.png", "dog/7.png"])
    assert found is not None
    assert (found.explained, found.looked_at) == (2, 2)
    assert found.changes == ("capital letters", "their folders")


def test_the_smallest_change_that_explains_half_is_told_and_at_most_two_examples() -> None:
    ids = [f"{number:05d}" for number in range(50)]
    found = explain([str(number) for number in range(10, 50)] + ["a"], ids)
    assert found is not None
    assert str(found) == (
        "40 of 41 would match but for zeros in front: '10' is '00010' in the dataset, '11' is '00011' in the dataset"
    )


def test_ids_of_another_dataset_are_not_explained() -> None:
    assert explain(["x", "y"], ["r0", "r1"]) is None
    assert explain(["x"], []) is None


def test_a_change_that_makes_ids_the_same_explains_none_of_them() -> None:
    assert explain(["x/1.png"], ["cat/1.png", "dog/1.png"]) is None
    assert explain(["x/1.png", "y/1.png"], ["cat/1.png"]) is None


@settings(deadline=None)
@given(st.lists(st.text(max_size=12), max_size=8), st.lists(st.text(max_size=12), max_size=8))
def test_any_text_may_be_an_id(strangers: list[str], known: list[str]) -> None:
    found = explain(strangers, known)
    if found is not None:
        assert 0 < found.explained <= found.looked_at
        assert all(own in strangers and other in known for own, other in found.examples)
        assert str(found)
