"""Verified labels that say that none of the classes is right."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from noisecleaner.arrays import NO_CLASS, UNVERIFIED
from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.labels.cells import as_text
from noisecleaner.ingest.labels.indices import verified_indices
from noisecleaner.ingest.labels.naming import LabelColumn

CLASSES = ("cat", "dog")


def read(column: pa.Array, classes: tuple[str, ...] = CLASSES, none_label: str | None = "none") -> list[str | None]:
    text = as_text(pa.chunked_array([column]), names=(), where="t")
    return list(LabelColumn(text=text, where="t").known(classes, beside=none_label).labels.to_pylist())


def test_the_label_is_a_number_of_its_own_and_no_other_text_is() -> None:
    column = pa.chunked_array([["dog", "none", None, "cat", "None", ""]])
    wanted = [1, NO_CLASS, UNVERIFIED, 0, UNVERIFIED, UNVERIFIED]
    assert verified_indices(column, CLASSES, none_label="none").tolist() == wanted
    assert verified_indices(column, CLASSES, none_label=None).tolist() == [1, -1, -1, 0, -1, -1]


@settings(deadline=None)
@given(st.lists(st.none() | st.sampled_from(["cat", "dog", "none"]), max_size=20))
def test_rows_of_no_class_change_no_other_row(labels: list[str | None]) -> None:
    assert read(pa.array(labels, pa.string())) == labels
    assert read(pa.array(labels, pa.string()).dictionary_encode()) == labels
    assert read(pa.array(labels, pa.large_string())) == labels


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()], ids=str)
def test_numbers_beside_it_are_read_as_they_are_without_it(kind: pa.DataType) -> None:
    beside = pa.array(["7", "none", "5", None], kind)
    assert read(beside, ("5", "7")) == ["7", "none", "5", None]
    with pytest.raises(NoisecleanerError, match="holds 5, 7, and the classes are names"):
        read(beside)


def test_it_may_be_a_number_too() -> None:
    assert read(pa.array([5, 99, 7]), ("5", "7"), "99") == ["5", "99", "7"]


def test_where_no_label_says_so_it_is_a_text_like_any_other() -> None:
    assert read(pa.array(["none", "cat"]), ("cat", "none"), none_label=None) == ["none", "cat"]
    assert read(pa.array(["none", "cat"]), none_label=None) == ["none", "cat"]
