"""Columns are found by the names that the user gives, and ids identify rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from support.sources import (
    contents,
    labels,
    make,
    read,
    refusal,
    table,
    texts,
    vectors,
)

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Source, Verification, read_verification


def test_renamed_columns_are_found(tmp_path: Path) -> None:
    made = make(tmp_path, "1.png", "2.png")
    path = table(tmp_path / "d.parquet", file=list(made), kind=["a", "b"], key=[7, 8], checked=["b", None])
    manifest = read(path, image="file", label="kind", sample_id="key", verified="checked")
    assert labels(manifest) == {"7": "a", "8": "b"}
    assert manifest.trusted.tolist() == [1, -1]
    assert contents(manifest) == list(made.values())


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"label": "kind"}, "`Columns(label=NAME)`"),
        ({"embedding": "vectors"}, "`Columns(embedding=NAME)`"),
        ({"probabilities": "vectors"}, "`Columns(probabilities=NAME)`"),
        ({"image": "picture"}, "`Columns(image=NAME)`"),
        ({"sample_id": "key"}, "`Columns(sample_id=NAME)`"),
    ],
)
def test_a_column_that_is_not_there_names_its_parameter(tmp_path: Path, options: dict[str, str], named: str) -> None:
    path = table(tmp_path / "d.parquet", image=["1.png", "2.png"], label=["a", "b"])
    assert named in refusal(path, **options)


def test_integer_ids_become_text(tmp_path: Path) -> None:
    path = vectors(tmp_path / "d.parquet", ["a", "b"], sample_id=pa.array([12, 7], pa.int32()))
    assert texts(read(path, embedding="embedding"), "sample_id") == ["12", "7"]


def test_without_ids_unique_paths_serve_but_no_others(tmp_path: Path) -> None:
    unique = table(tmp_path / "1.parquet", image=["x.png", "y.png"], label=["a", "b"])
    assert texts(read(unique), "sample_id") == ["x.png", "y.png"]
    repeated = table(tmp_path / "2.parquet", image=["x.png", "x.png"], label=["a", "b"])
    assert "`Columns(row_ids=True)`" in refusal(repeated)
    missing = table(tmp_path / "3.parquet", image=["x.png", None], label=["a", "b"])
    assert "`Columns(row_ids=True)`" in refusal(missing)


# Sampling probabilities


def drawn(folder: Path, labels: list[str | None], **columns: Any) -> Verification:
    path = table(
        folder / "plan.parquet", sample_id=[str(i) for i in range(len(labels))], trusted_label=labels, **columns
    )
    return read_verification(str(path), Source("data"), ("a", "b"))


def test_sampling_probabilities_are_read_where_there_are_any(tmp_path: Path) -> None:
    assert drawn(tmp_path, ["a", "b"]).probability is None
    planned = drawn(tmp_path, ["a", "b"], sample_probability=[0.5, 1.0])
    assert planned.probability is not None
    assert planned.probability.to_pylist() == [0.5, 1.0]


@pytest.mark.parametrize("wrong", [0.0, -0.1, 1.5, None, float("nan")])
def test_a_verified_row_needs_a_probability(tmp_path: Path, wrong: float | None) -> None:
    with pytest.raises(NoisecleanerError, match="above 0 and at most 1, but 1 in"):
        drawn(tmp_path, ["a", "b"], sample_probability=[0.5, wrong])


def test_probabilities_are_numbers(tmp_path: Path) -> None:
    with pytest.raises(NoisecleanerError, match="must be numbers"):
        drawn(tmp_path, ["a", "b"], sample_probability=["half", "all"])


def test_a_planned_sample_is_verified_as_a_whole(tmp_path: Path) -> None:
    with pytest.raises(NoisecleanerError, match=r"but 1 of 2 rows of .* and no verified label \(such as 1\)") as error:
        drawn(tmp_path, ["a", None], sample_probability=[0.5, 0.5])
    assert error.value.hint == (
        "Fill them in; where you cannot tell, empty both cells of the row, the label and sample_probability."
    )
    assert drawn(tmp_path, ["a", None], sample_probability=[0.5, None]).probability is not None
