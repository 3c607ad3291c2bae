"""A row that was verified twice counts once, where both say the same."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.verified.repeats import Repeats


def repeats(
    rows: list[int], labels: list[str | None], ids: list[str] | None = None, people: list[str | None] | None = None
) -> Repeats:
    names = [f"r{row}" for row in rows] if ids is None else ids
    verifiers = None if people is None else text(people)
    return Repeats.find(text(labels), np.array(rows), text(names), "t.csv", verifiers=verifiers)


def text(values: list[str | None] | list[str]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, pa.string())])


def test_labels_that_agree_count_once() -> None:
    labels: list[str | None] = ["a", None, "b", "a", "b", "b"]
    found = repeats([0, 0, 5, 0, 5, 7], labels)
    assert found.merged(text(labels)).to_pylist() == ["a", None, "b", None, None, "b"]
    (notice,) = found.notices()
    assert notice.message == (
        "2 rows of t.csv verify a row again, with the same label: each row of the dataset counts once."
    )


def test_where_no_row_comes_twice_nothing_is_said() -> None:
    labels: list[str | None] = ["a", "b", None]
    found = repeats([0, 1, 1], labels)
    assert found.merged(text(labels)).to_pylist() == labels
    assert list(found.notices()) == []
    assert list(repeats([], []).notices()) == []


def test_rows_that_are_not_in_the_dataset_are_told_apart_by_their_ids() -> None:
    labels: list[str | None] = ["a", "b", "b", "a"]
    found = repeats([-1, -1, -1, 0], labels, ["x", "y", "y", "z"])
    assert found.again.tolist() == [False, False, True, False]
    without = Repeats.find(text(["a", "b"]), np.array([-1, -1]), text([None, None]), "t.csv")
    assert not without.again.any()


def test_labels_that_contradict_each_other_are_refused_with_their_rows() -> None:
    with pytest.raises(NoisecleanerError, match="2 rows have labels that contradict each other") as refused:
        repeats([0, 1, 0, 1, 0], ["a", "b", "b", "c", "a"])
    assert "'r0' (a and b), 'r1' (b and c)" in refused.value.message


def test_what_another_verifier_saw_is_a_second_look_at_the_place_of_the_first() -> None:
    labels: list[str | None] = ["a", "b", "b", "a", "a", None]
    found = repeats([0, 1, 0, 1, 2, 2], labels, people=["Ann", "Ann", "Ben", "Ben", "Ann", "Ben"])
    assert found.merged(text(labels)).to_pylist() == ["a", "b", None, None, "a", None]
    assert found.second.to_pylist() == ["b", "a", None, None, None, None]
    assert found.others.tolist() == [False, False, True, True, False, False]
    assert list(found.notices()) == []


@pytest.mark.parametrize(
    ("looks", "wanted"),
    [
        ({"Ann": "a", "Ben": "b", "Cem": "a"}, "a"),  # two of three
        ({"Ann": "a", "Ben": "b", "Cem": "b"}, "b"),
        ({"Ann": "a", "Ben": "c", "Cem": "b"}, "b"),  # nobody agrees
        ({"Ann": "a", "Ben": "c", "Cem": "c", "Dot": "a"}, "a"),
        ({"Ann": "a", "Ben": "c", "Cem": "c", "Dot": "c", "Eve": "a"}, "c"),
    ],
)
def test_of_three_looks_most_decide_in_whatever_order_they_stand(looks: dict[str, str], wanted: str) -> None:
    """Ann verified another row, too: hers is the first look."""
    for order in itertools.permutations(looks):
        labels = [*(looks[name] for name in order), "b"]
        found = repeats([0] * len(order) + [1], [*labels], people=[*order, "Ann"])
        assert found.second.to_pylist() == [wanted if name == "Ann" else None for name in order] + [None]
        assert found.merged(text([*labels])).to_pylist() == ["a" if n == "Ann" else None for n in order] + ["b"]


def test_one_verifier_may_repeat_a_label_and_not_contradict_it() -> None:
    found = repeats([0, 0, 0], ["a", "b", "b"], people=["Ann", "Ben", "Ben"])
    assert found.again.tolist() == [False, False, True]
    assert found.second.to_pylist() == ["b", None, None]
    for people in (["Ann", "Ben", "Ben"], ["Ann", None, None]):
        with pytest.raises(NoisecleanerError, match="1 row has labels that contradict each other"):
            repeats([0, 0, 0], ["a", "b", "c"], people=people)
