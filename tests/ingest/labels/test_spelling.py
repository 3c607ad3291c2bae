"""Labels that spell one class but for blanks, case and Unicode form are that class; all others stay."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from noisecleaner.ingest.labels.naming import Reading
from noisecleaner.ingest.labels.spelling import as_spelled


def read(labels: list[str | None], *classes: str, beside: str | None = None) -> Reading:
    given = Reading(labels=pa.chunked_array([labels], pa.string()), classes=classes)
    return as_spelled(given, "v.csv", beside=beside)


@pytest.mark.parametrize("label", ["Cat", " cat", "cat\u00a0", "CAT\t"])
def test_a_label_that_spells_one_class_is_that_class(label: str) -> None:
    found = read([label, "dog", None, label], "cat", "dog")
    assert found.labels.to_pylist() == ["cat", "dog", None, "cat"]
    (notice,) = found.notices
    assert notice.message.startswith("2 labels of v.csv are read as classes that are spelled otherwise: ")
    assert "is spelled 'cat' in the dataset (they differ in" in notice.message


@pytest.mark.parametrize(
    ("label", "classes"),
    [
        ("CAT", ("Cat", "cat")),  # which of them is meant cannot be told
        ("Cat", ("Cat", "cat")),
        ("cat-a", ("cat a", "dog")),
        ("07", ("7", "8")),
        ("zebra", ("cat", "dog")),
    ],
)
def test_other_labels_stay(label: str, classes: tuple[str, ...]) -> None:
    found = read([label], *classes)
    assert found.labels.to_pylist() == [label]
    assert found.notices == ()


def test_the_word_for_no_class_stays() -> None:
    assert read(["none", "NONE"], "cat", "dog", beside="none").labels.to_pylist() == ["none", "NONE"]


@given(st.lists(st.text(max_size=4) | st.none(), min_size=1), st.sets(st.text(max_size=4), min_size=1))
def test_only_labels_that_are_no_class_change_and_they_become_one(labels: list[str | None], classes: set[str]) -> None:
    clean = [None if label is None else label.encode("utf-8", "replace").decode() for label in labels]
    names = sorted({name.encode("utf-8", "replace").decode() for name in classes})
    for label, new in zip(clean, read(clean, *names).labels.to_pylist(), strict=True):
        assert new == label or (label not in names and new in names)
