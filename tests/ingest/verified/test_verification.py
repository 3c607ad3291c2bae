"""Verified labels find their rows, and rows that are not in the dataset are clean-only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from support.datasets import png
from support.sources import (
    blue,
    both,
    contents,
    green,
    make,
    read,
    red,
    refusal,
    table,
    texts,
    told,
    vectors,
)

from noisecleaner.arrays import NO_CLASS, UNVERIFIED
from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns, Source, Verification, ingest, read_verification
from noisecleaner.ingest.verified.joining import join
from noisecleaner.notices import Severity


def test_a_trusted_table_is_joined_on_the_ids(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b", "a", "b"])
    trusted = table(tmp_path / "t.parquet", sample_id=["r3", "r0", "r2"], trusted_label=["a", "a", None])
    manifest, clean_only = both(data, trusted, embedding="embedding")
    assert texts(manifest, "trusted_label") == ["a", None, None, "a"]
    assert manifest.trusted.tolist() == [0, -1, -1, 0]
    assert texts(manifest, "given_label") == ["a", "b", "a", "b"]
    assert clean_only is None


def test_a_trusted_csv_with_integer_ids_joins_integer_ids(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b"], sample_id=[10, 20])
    (tmp_path / "t.csv").write_text("sample_id,label\n20,a\n")
    assert read(data, trusted=tmp_path / "t.csv", embedding="embedding").trusted.tolist() == [-1, 0]


@pytest.mark.parametrize("indices", [[1, 0], ["1", "0"]], ids=["integers", "as text"])
def test_verified_labels_may_be_positions_where_the_order_is_told(tmp_path: Path, indices: list[object]) -> None:
    data = vectors(tmp_path / "d.parquet", ["cat", "dog"])
    trusted = table(tmp_path / "t.parquet", sample_id=["r0", "r1"], trusted_label=indices)
    manifest = read(data, trusted=trusted, embedding="embedding", label_names=("dog", "cat"))
    assert texts(manifest, "trusted_label") == ["cat", "dog"]
    assert [notice.code for notice in told(manifest)] == ["labels-by-position"]


def test_verified_labels_of_classes_that_are_numbers_are_names(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", [5, 7])
    trusted = table(tmp_path / "t.parquet", sample_id=["r0", "r1"], trusted_label=[7, 5])
    assert texts(read(data, trusted=trusted, embedding="embedding"), "trusted_label") == ["7", "5"]


def test_a_trusted_label_column_of_the_dataset_is_read(tmp_path: Path) -> None:
    path = vectors(tmp_path / "d.parquet", ["a", "b", "a"], trusted_label=["b", None, ""])
    assert texts(read(path, embedding="embedding"), "trusted_label") == ["b", None, None]
    path = vectors(tmp_path / "e.parquet", [0, 1], class_names={"label": ["cat", "dog"]}, trusted_label=[1, -1])
    assert texts(read(path, embedding="embedding"), "trusted_label") == ["dog", None]


def test_a_trusted_folder_verifies_the_images_of_the_same_path(tmp_path: Path) -> None:
    images = make(tmp_path / "data", "a/1.png", "b/2.png", "b/3.png")
    (tmp_path / "checked" / "b").mkdir(parents=True)
    (tmp_path / "checked" / "b" / "2.png").write_bytes(images["b/2.png"])
    (tmp_path / "checked" / "a").mkdir()
    (tmp_path / "checked" / "a" / "9.png").write_bytes(green())
    manifest, clean_only = both(tmp_path / "data", tmp_path / "checked")
    assert texts(manifest, "trusted_label") == [None, "b", None]
    assert clean_only is not None
    assert texts(clean_only, "sample_id") == ["a/9.png", "b/2.png"]
    assert clean_only.trusted.tolist() == [0, -1]
    assert clean_only.readable.tolist() == [True, False]
    assert contents(clean_only)[0] == (tmp_path / "checked" / "a" / "9.png").read_bytes()


def test_trusted_rows_with_images_of_their_own_are_clean_only(tmp_path: Path) -> None:
    data = table(tmp_path / "d.parquet", sample_id=["x", "y"], label=["a", "b"], image=[red(), green()])
    trusted = table(
        tmp_path / "t.parquet",
        sample_id=["new", "x", "unverified"],
        trusted_label=["b", "b", None],
        image=[blue(), red(), red()],
    )
    manifest, clean_only = both(data, trusted)
    assert manifest.trusted.tolist() == [1, -1]
    assert clean_only is not None
    assert texts(clean_only, "trusted_label") == ["b", None, None]
    assert clean_only.readable.tolist() == [True, False, False]
    assert clean_only.trusted.tolist() == [1, -1, -1]
    assert clean_only.given.tolist() == [-1, -1, -1]
    assert clean_only.classes == manifest.classes
    assert contents(clean_only)[0] == blue()


def test_rows_that_nobody_verified_need_not_be_in_the_dataset(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b"])
    trusted = table(tmp_path / "t.parquet", sample_id=["r0", "elsewhere"], trusted_label=["b", None])
    manifest, clean_only = both(data, trusted, embedding="embedding")
    assert manifest.trusted.tolist() == [1, -1]
    assert clean_only is None


def test_trusted_rows_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b"])
    unknown = table(tmp_path / "1.parquet", sample_id=["r0"], trusted_label=["c"])
    assert "must be classes of the dataset" in refusal(data, unknown, embedding="embedding")
    outside = table(tmp_path / "2.parquet", sample_id=["r0", "elsewhere"], trusted_label=["a", "b"])
    assert "such as 'elsewhere'" in refusal(data, outside, embedding="embedding")
    twice = table(tmp_path / "3.parquet", sample_id=["r0", "r0"], trusted_label=["a", "b"])
    assert "contradict each other, such as 'r0' (a and b)" in refusal(data, twice, embedding="embedding")
    nothing = table(tmp_path / "4.parquet", sample_id=["r0"], other=["a"])
    assert "`Columns(trusted=NAME)`" in refusal(data, nothing, embedding="embedding")


def test_a_verified_label_with_too_many_digits_is_unknown(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["cat", "dog"])
    (tmp_path / "t.csv").write_text("sample_id,trusted_label\nr0,99999999999999999999\n")
    assert "99999999999999999999" in refusal(data, trusted=tmp_path / "t.csv", embedding="embedding")


# What somebody verified, as a value


def test_the_probability_of_a_planned_sample_goes_to_its_rows(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b", "a"])
    plan = table(
        tmp_path / "t.parquet",
        sample_id=["r2", "r0"],
        trusted_label=["b", "a"],
        sample_probability=[0.25, 1.0],
    )
    manifest, _ = both(data, plan, embedding="embedding")
    np.testing.assert_array_equal(manifest.sample_probability, [1.0, np.nan, 0.25])


def test_a_join_looks_at_ids_and_labels_alone(tmp_path: Path) -> None:
    dataset = read(vectors(tmp_path / "d.parquet", ["a", "b", "a"]), embedding="embedding")
    ids, labels = pa.chunked_array([["r1"], ["r0", "r2"]]), pa.chunked_array([["a", None], ["b"]])
    joined, clean_only = join(dataset, Verification(ids=ids, labels=labels, where="memory"))
    assert texts(joined, "trusted_label") == [None, "a", "b"]
    assert clean_only is None
    assert texts(dataset, "trusted_label") == [None] * 3  # what was there stays as it is


def test_the_label_column_serves_where_there_is_no_trusted_one(tmp_path: Path) -> None:
    source = Source(str(vectors(tmp_path / "d.parquet", ["a", "b"])), columns=Columns(embedding="embedding"))
    for columns, expected in (({"label": ["b"]}, "b"), ({"label": ["b"], "trusted_label": ["a"]}, "a")):
        trusted = table(tmp_path / "t.parquet", sample_id=["r0"], **columns)
        verification = read_verification(str(trusted), source, ("a", "b"))
        assert verification.labels.to_pylist() == [expected]
        assert (verification.payload, verification.where) == (None, str(trusted))


# None of the classes


def test_verified_rows_of_no_class_are_neither_open_nor_of_a_class(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b", "a"])
    trusted = table(tmp_path / "t.parquet", sample_id=["r2", "r0"], trusted_label=["none", "b"])
    manifest, _ = both(data, trusted, embedding="embedding")
    assert manifest.trusted.tolist() == [1, UNVERIFIED, NO_CLASS]
    own = vectors(tmp_path / "e.parquet", ["a", "b"], trusted_label=["none", None])
    assert read(own, embedding="embedding").trusted.tolist() == [NO_CLASS, UNVERIFIED]


def test_a_class_called_none_is_a_class(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "none"])
    trusted = table(tmp_path / "t.parquet", sample_id=["r0"], trusted_label=["none"])
    assert read(data, trusted=trusted, embedding="embedding").trusted.tolist() == [1, UNVERIFIED]


def test_the_word_for_no_class_may_be_another_one(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b"])
    trusted = table(tmp_path / "t.parquet", sample_id=["r0"], trusted_label=["unclear"])
    assert "where no class of the dataset is right, write none" in refusal(data, trusted, embedding="embedding")
    source = Source(str(data), columns=Columns(embedding="embedding"), none_label="unclear")
    manifest, _ = ingest(source, str(trusted))
    assert manifest.trusted.tolist() == [NO_CLASS, UNVERIFIED]
    with pytest.raises(NoisecleanerError, match="'b' is a class of the dataset"):
        ingest(replace(source, none_label="b"), str(trusted))


@pytest.mark.parametrize(("empty", "severity"), [(1, Severity.WARNING), (3, Severity.NOTE)])
def test_empty_cells_are_counted_and_said(tmp_path: Path, empty: int, severity: Severity) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b", "a", "b"])
    labels = [*[None] * empty, *["a"] * (4 - empty)]
    trusted = table(tmp_path / "t.parquet", sample_id=["r0", "r1", "r2", "r3"], trusted_label=labels)
    (notice,) = told(read(data, trusted=trusted, embedding="embedding"))
    assert notice.message == (
        f"{empty} of 4 rows of {trusted} {'is empty: it measures' if empty == 1 else 'are empty: they measure'} "
        "nothing; write none, in small letters, where no class fits."
    )
    assert (notice.code, notice.severity) == ("verified-cells-empty", severity)


@pytest.mark.parametrize(("empty", "many"), [(1, False), (2, False), (3, True), (10, True), (11, False)])
def test_rows_of_a_plan_that_nobody_can_tell_are_no_fault_unless_they_are_many(
    tmp_path: Path, empty: int, many: bool
) -> None:
    """They have neither label nor probability, as the page of review writes them; most rows of a dataset are so."""
    labels, probability = [*[None] * empty, *["a"] * (20 - empty)], [*[None] * empty, *[0.5] * (20 - empty)]
    data = vectors(tmp_path / "d.parquet", ["a", "b"] * 10)
    ids = [f"r{row}" for row in range(20)]
    columns = {"sample_id": ids, "trusted_label": labels, "sample_probability": probability}
    trusted = table(tmp_path / "t.parquet", **columns)
    notices = told(read(data, trusted=trusted, embedding="embedding"))
    (notice,) = [notice for notice in notices if notice.code == "verified-cells-empty"]
    assert notice.severity is (Severity.WARNING if many else Severity.NOTE)
    assert f"{empty} of 20 rows" in notice.message
    assert "none" not in notice.message
    assert ("rates are those of the others" in notice.message) == many


def test_where_nothing_is_empty_nothing_is_said_nor_of_a_column_of_the_dataset(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b"], trusted_label=["a", None])
    trusted = table(tmp_path / "t.parquet", sample_id=["r1"], trusted_label=["none"])
    assert told(read(data, trusted=trusted, embedding="embedding")) == []


def test_rows_of_no_class_beside_the_dataset_are_counted_and_left_out(tmp_path: Path) -> None:
    data = table(tmp_path / "d.parquet", sample_id=["x", "y"], label=["a", "b"], image=[red(), green()])
    fresh = png(1, np.random.default_rng(9), (8, 8))
    trusted = table(
        tmp_path / "t.parquet",
        sample_id=["n1", "n2", "x"],
        trusted_label=["none", "b", "none"],
        image=[blue(), fresh, red()],
    )
    manifest, clean_only = both(data, trusted)
    assert clean_only is not None
    assert clean_only.trusted.tolist() == [UNVERIFIED, 1, UNVERIFIED]
    assert clean_only.skips() == {"no_class": 1, "in_dataset": 1}
    (notice,) = told(manifest)
    assert notice.message.startswith(f"1 row of {trusted} is none of the classes (none) and not in the dataset")
    assert manifest.trusted.tolist() == [NO_CLASS, UNVERIFIED]
