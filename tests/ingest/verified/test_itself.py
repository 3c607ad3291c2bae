"""A dataset does not verify itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.sources import make, table, vectors

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns, Source, ingest
from noisecleaner.ingest.verified.itself import is_itself, refuse_same_column


def test_a_dataset_is_known_by_its_place(tmp_path: Path) -> None:
    make(tmp_path / "images", "a/1.png")
    (tmp_path / "link").symlink_to(tmp_path / "images")
    source = Source(str(tmp_path / "images"))
    assert is_itself(str(tmp_path / "link"), source)
    assert is_itself(f"{tmp_path}/images/../images/", source)
    assert not is_itself(str(tmp_path), source)


def test_folders_that_name_the_given_labels_verify_nothing(tmp_path: Path) -> None:
    make(tmp_path / "images", "a/1.png", "b/2.png")
    with pytest.raises(NoisecleanerError, match="is the dataset, and its folders name the given labels"):
        ingest(Source(str(tmp_path / "images")), str(tmp_path / "images"))


def test_the_given_column_verifies_nothing(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b"])
    for columns in (Columns(embedding="embedding"), Columns(embedding="embedding", trusted="label")):
        with pytest.raises(NoisecleanerError, match="its column 'label' holds the given labels"):
            ingest(Source(str(data), columns=columns), str(data))


def test_a_column_of_verified_labels_does_wherever_it_stands(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b"], trusted_label=["b", None])
    dataset, _ = ingest(Source(str(data), columns=Columns(embedding="embedding")), str(data))
    assert dataset.trusted.tolist() == [1, -1]


def test_a_name_that_both_tables_have_is_that_of_the_verified_labels_in_theirs_alone(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b", "a"])
    trusted = table(tmp_path / "t.parquet", sample_id=["r1"], label=["a"])
    columns = Columns(embedding="embedding", trusted="label")
    dataset, _ = ingest(Source(str(data), columns=columns), str(trusted))
    assert dataset.trusted.tolist() == [-1, 0, -1]
    with pytest.raises(NoisecleanerError, match=r"`Columns.trusted` and `Columns.label` are both 'label'"):
        refuse_same_column(Source(str(data), columns=columns))
