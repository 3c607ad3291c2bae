"""A source says the same wherever it is read, and no output may become a part of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns, Source

NAMES = st.text(min_size=1, max_size=8)
COLUMNS = st.builds(
    Columns,
    image=NAMES,
    label=NAMES,
    sample_id=NAMES,
    trusted=NAMES,
    embedding=st.none() | NAMES | st.just("vectors.npy"),
    probabilities=st.none() | NAMES,
    row_ids=st.booleans(),
    irrelevant=st.none() | NAMES,
)


@settings(deadline=None)
@given(st.text(min_size=1, max_size=20), COLUMNS, st.booleans(), st.none() | NAMES, st.none() | st.integers(-3, 3))
def test_a_source_comes_back_from_json(
    data: str, columns: Columns, allow_absolute: bool, none: str | None, level: int | None
) -> None:
    source = Source(data, columns=columns, allow_absolute=allow_absolute, none_label=none, label_level=level)
    assert Source.from_json(json.loads(json.dumps(source.to_json()))) == source


def test_sources_of_earlier_versions_said_nothing_of_rows_of_no_class() -> None:
    content = {name: value for name, value in Source("data").to_json().items() if name != "none_label"}
    assert Source.from_json(content) == Source("data")


def test_none_means_no_class_unless_a_class_is_called_so() -> None:
    assert Source("data").no_class(("cat", "dog")) == "none"
    assert Source("data").no_class(("cat", "none")) is None
    assert Source("data", none_label="other").no_class(("cat", "none")) == "other"


@pytest.mark.parametrize(("label", "found"), [("cat", "'cat' is a class of the dataset"), ("", "'' is empty")])
def test_what_means_no_class_is_no_class(label: str, found: str) -> None:
    with pytest.raises(NoisecleanerError, match=found) as refused:
        Source("data", none_label=label).no_class(("cat", "dog"))
    assert "`Source.none_label`" in refused.value.message


def test_results_from_before_there_were_levels_are_read() -> None:
    content = Source("data").to_json()
    del content["label_level"]
    assert Source.from_json(content) == Source("data")


def test_paths_are_those_of_the_folder_in_which_the_source_was_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = Source("images", columns=Columns(embedding="vectors.npy", probabilities="column"))
    assert source.data == str(tmp_path / "images")
    assert source.columns.embedding == str(tmp_path / "vectors.npy")
    assert source.columns.probabilities == "column"
    assert Source("s3://bucket/images").data == "s3://bucket/images"
    assert Source((tmp_path / "my images").as_uri()).data == str(tmp_path / "my images")


def test_the_file_of_vectors_is_the_one_of_either_kind() -> None:
    assert Columns().vector_file is None
    assert Columns(embedding="column").vector_file is None
    assert Columns(embedding="e.npy").vector_file == "e.npy"
    assert Columns(probabilities="p.npy").vector_file == "p.npy"


def test_rows_bring_one_kind_of_vectors() -> None:
    Columns(embedding="e").refuse_both()
    with pytest.raises(NoisecleanerError, match=r"`Columns.embedding` or `Columns.probabilities`"):
        Columns(embedding="e", probabilities="p").refuse_both()


def test_an_output_inside_the_dataset_is_refused(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "images", target_is_directory=True)
    source = Source(str(tmp_path / "images"))
    for out in ("images", "images/out", "link/out"):
        with pytest.raises(NoisecleanerError, match="must lie outside"):
            source.refuse_inside(tmp_path / out)
    source.refuse_inside(tmp_path / "images-clean")
    Source(str(tmp_path / "images" / "data.parquet")).refuse_inside(tmp_path / "images" / "out")
