"""Ids that match nothing: how many, which, why, and which column would match."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.sources import refusal, table, vectors

LABELS = ["a", "b"] * 20


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return vectors(
        tmp_path / "d.parquet",
        LABELS,
        sample_id=[f"{row:05d}" for row in range(40)],
        file=[f"img{row}.png" for row in range(40)],
    )


def told(data: Path, folder: Path, **columns: object) -> str:
    return refusal(data, table(folder / "t.parquet", trusted_label=LABELS[:20], **columns), embedding="embedding")


def test_ids_that_lost_their_zeros_are_explained(tmp_path: Path, data: Path) -> None:
    words = told(data, tmp_path, sample_id=list(range(20)))
    assert "20 of 20 labelled rows of" in words
    assert "(such as '0', '1', '2', … (17 more))" in words
    assert "20 of 20 would match but for zeros in front: '0' is '00000' in the dataset" in words
    assert words.endswith("Write the ids as the dataset has them.")


def test_another_column_that_matches_is_named(tmp_path: Path, data: Path) -> None:
    ids = [f"{row:05d}" for row in range(19)] + ["elsewhere"]
    words = told(data, tmp_path, sample_id=[f"task{row}" for row in range(20)], image_id=ids)
    assert f"Column 'image_id' of {tmp_path / 't.parquet'} matches 19 of 20 rows." in words
    assert words.endswith("`Columns(trusted_id='image_id')`.")


def test_without_an_id_column_the_one_that_matches_is_named(tmp_path: Path, data: Path) -> None:
    words = told(data, tmp_path, task_key=[f"{row:05d}" for row in range(20)])
    assert "20 of 20 labelled rows of" in words
    assert "have no id" in words
    assert "Column 'task_key'" in words


def test_a_column_of_the_dataset_that_matches_is_named(tmp_path: Path, data: Path) -> None:
    words = told(data, tmp_path, sample_id=[f"img{row}.png" for row in range(20)])
    assert "Column 'file' of the dataset holds 20 of the ids." in words
    assert "`Columns(sample_id='file')`" in words


def test_ids_that_nothing_explains_are_counted(tmp_path: Path, data: Path) -> None:
    words = told(data, tmp_path, sample_id=[f"{row:05d}" for row in range(18)] + ["x", "y"])
    assert "2 of 20 labelled rows of" in words
    assert "(such as 'x', 'y'). Check that both sides use the same ids" in words


def test_without_an_id_column_one_whose_values_were_changed_is_named(tmp_path: Path, data: Path) -> None:
    words = told(data, tmp_path, KEY=list(range(20)), note=["seen"] * 20)
    assert "have no id. Of column 'KEY' 20 of 20 would match but for zeros in front: '0' is '00000'" in words
    assert words.endswith("`Columns(trusted_id='KEY')`.")


def test_the_column_that_is_taken_is_not_named_again(tmp_path: Path, data: Path) -> None:
    ids = [f"{row:05d}" for row in range(15)] + list("abcde")
    words = told(data, tmp_path, sample_id=ids, copy=ids)
    assert "5 of 20 labelled rows of" in words
    assert "Column" not in words.split(" Check that")[0]
