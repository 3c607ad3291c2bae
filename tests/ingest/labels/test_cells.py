"""Labels of every type become class names, and what looks like something else stays what it is."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.sources import (
    meant,
    read,
    refusal,
    texts,
    vectors,
)

from noisecleaner.ingest.labels.cells import class_names, indices, order

LABELS: dict[str, tuple[Callable[[], pa.Array], list[str | None], tuple[str, ...]]] = {
    "text": (lambda: pa.array(["b", "a", None, ""]), ["b", "a", None, None], ("a", "b")),
    "large text": (lambda: pa.array(["b", "a", None], pa.large_string()), ["b", "a", None], ("a", "b")),
    "text of whole numbers": (lambda: pa.array(["10.0", "9", ""]), ["10", "9", None], ("9", "10")),
    "text of versions": (lambda: pa.array(["1.0", "1.5", None]), ["1.0", "1.5", None], ("1.0", "1.5")),
    "int64": (lambda: pa.array([10, 9, None]), ["10", "9", None], ("9", "10")),
    "uint8": (lambda: pa.array([1, 0, None], pa.uint8()), ["1", "0", None], ("0", "1")),
    "floats with null": (lambda: pa.array([2.0, None, 10.0]), ["2", None, "10"], ("2", "10")),
    "floats with NaN": (lambda: pa.array([2.0, float("nan"), 10.0]), ["2", None, "10"], ("2", "10")),
    "bool": (lambda: pa.array([True, False, None]), ["True", "False", None], ("False", "True")),
    "dictionary": (lambda: pa.array(["b", "a", None, ""]).dictionary_encode(), ["b", "a", None, None], ("a", "b")),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_of_every_type_become_class_names(tmp_path: Path, kind: str) -> None:
    make_column, expected, classes = LABELS[kind]
    manifest = read(vectors(tmp_path / "d.parquet", make_column()), embedding="embedding")
    assert texts(manifest, "given_label") == expected
    assert manifest.classes == classes
    assert manifest.given.tolist() == [-1 if name is None else classes.index(name) for name in expected]
    assert texts(manifest, "skip_reason") == ["no_label" if name is None else None for name in expected]


def test_fractions_and_lists_are_no_labels(tmp_path: Path) -> None:
    assert "fractions" in refusal(vectors(tmp_path / "d.parquet", [0.5, 1.0]), embedding="embedding")
    assert "must be text or integers" in refusal(vectors(tmp_path / "e.parquet", [[0], [1]]), embedding="embedding")


@pytest.mark.parametrize("kind", [pa.int64(), pa.int8(), pa.float64()], ids=str)
def test_class_label_indexes_its_names(tmp_path: Path, kind: pa.DataType) -> None:
    column = pa.array([2, 0, -1, None, 7], kind)
    path = vectors(tmp_path / "d.parquet", column, class_names={"label": ["zebra", "ant", "bee"]})
    manifest = read(path, embedding="embedding")
    assert manifest.classes == ("zebra", "ant", "bee")
    assert texts(manifest, "given_label") == ["bee", "zebra", None, None, "7"]
    assert manifest.given.tolist() == [2, 0, -1, -1, -1]
    assert texts(manifest, "skip_reason") == [None, None, "no_label", "no_label", "unknown_class"]
    assert manifest.skips() == {"no_label": 2, "unknown_class": 1}


def test_class_label_metadata_that_is_broken_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    for broken in (b"{", b"[]", b'{"info": null}', b'{"info": {"features": {"label": {"_type": "Value"}}}}'):
        path = vectors(tmp_path / "d.parquet", [1, 0])
        pq.write_table(pq.read_table(path).replace_schema_metadata({b"huggingface": broken}), path)
        assert read(path, embedding="embedding").classes == ("0", "1")


def test_labels_that_a_fitted_run_does_not_know_are_unknown(tmp_path: Path) -> None:
    path = vectors(tmp_path / "d.parquet", ["cat", "fox", None])
    manifest = read(path, classes=("cat", "dog"), embedding="embedding")
    assert texts(manifest, "skip_reason") == [None, "unknown_class", "no_label"]
    assert texts(manifest, "given_label") == ["cat", "fox", None]


def test_a_number_outside_class_label_is_not_the_class_of_that_name(tmp_path: Path) -> None:
    column = pa.array([0, 1, 2, 3])
    path = vectors(tmp_path / "d.parquet", column, class_names={"label": ["1", "2", "3"]})
    manifest = read(path, embedding="embedding")
    assert texts(manifest, "given_label") == ["1", "2", "3", "number 3"]
    assert manifest.given.tolist() == [0, 1, 2, -1]


NAMES = st.lists(st.text(min_size=1, max_size=20).filter(meant), min_size=2, max_size=8, unique=True)


@settings(max_examples=60, deadline=None)
@given(NAMES, st.data())
@example(["-1", "1"], None)
@example(["00", "0"], None)
@example(["a", "A"], None)
@example(["1.0", "1.5"], None)
def test_any_text_labels_survive(names: list[str], data: st.DataObject | None) -> None:
    more = [] if data is None else data.draw(st.lists(st.sampled_from(names), max_size=20))
    given_labels = [*names, *more]
    with tempfile.TemporaryDirectory() as folder:
        manifest = read(vectors(Path(folder) / "d.parquet", given_labels), embedding="embedding")
    assert sorted(manifest.classes) == sorted(names)
    assert texts(manifest, "given_label") == given_labels
    assert [manifest.classes[index] for index in manifest.given] == given_labels
    assert manifest.readable.all()


@pytest.mark.parametrize(
    ("given", "classes"),
    [
        ([-1, 0, 1, 2], ("0", "1", "2")),
        ([-1, 1, -1, 1], ("-1", "1")),
        ([1, 2, 1, 2], ("1", "2")),
        ([-1, -2, 1], ("-2", "-1", "1")),
    ],
)
def test_minus_one_is_no_label_beside_zero_and_a_class_beside_one(
    tmp_path: Path, given: list[int], classes: tuple[str, ...]
) -> None:
    manifest = read(vectors(tmp_path / "d.parquet", given), embedding="embedding")
    assert manifest.classes == classes
    skipped = [None if str(label) in classes else "no_label" for label in given]
    assert texts(manifest, "skip_reason") == skipped


def test_truth_values_are_spelled_alike_in_parquet_and_csv(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", [True, False, True])
    (tmp_path / "t.csv").write_text("sample_id,trusted_label\nr0,True\nr1,False\n")
    assert read(data, trusted=tmp_path / "t.csv", embedding="embedding").trusted.tolist() == [1, 0, -1]


@settings(deadline=None)
@given(st.lists(st.sampled_from(["ant", "bee", "cat", None]), max_size=20))
def test_indices_are_those_of_the_classes(names: list[str | None]) -> None:
    classes = ("cat", "ant")
    found = indices(pa.chunked_array([names], pa.string()), classes)
    assert found.dtype == np.int32  # ten million rows need no more
    assert found.tolist() == [classes.index(name) if name in classes else -1 for name in names]


@settings(deadline=None)
@given(st.sets(st.integers(-20, 20), min_size=1))
def test_classes_that_are_numbers_are_ordered_as_numbers(numbers: set[int]) -> None:
    assert order(pa.chunked_array([[str(n) for n in numbers]])) == tuple(str(n) for n in sorted(numbers))


@pytest.mark.parametrize(
    "metadata",
    [b"[" * 100_000, b'{"info":{"features":{"label":{"names":5}}}}', b'{"info":[]}', b"\xff", b"null", b"{"],
    ids=["deep", "number", "list", "bytes", "null", "cut"],
)
def test_metadata_that_are_no_class_label_name_no_class(metadata: bytes) -> None:
    schema = pa.schema([("label", pa.int64())], metadata={b"huggingface": metadata})
    assert class_names(schema, "label") == ()
