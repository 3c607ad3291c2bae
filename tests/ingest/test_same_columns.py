"""Columns of new rows that are called as those of the fit."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from noisecleaner.ingest import Columns, Source
from noisecleaner.ingest.same_columns import called_alike

FITTED = Columns(label="kind", sample_id="key", embedding="emb", image="picture")


@pytest.fixture
def data(tmp_path: Path) -> str:
    path = tmp_path / "new.parquet"
    pq.write_table(pa.table({"key": ["a"], "kind": ["cat"], "emb": [[1.0]], "label": ["dog"]}), path)
    return str(path)


def test_what_the_new_table_has_is_taken_and_told(data: str) -> None:
    source, (notice,) = called_alike(Source(data), FITTED)
    assert source == Source(data, columns=Columns(label="kind", sample_id="key", embedding="emb"))
    assert notice.message == "As at the fit: labels in 'kind', ids in 'key', embeddings in 'emb'."


def test_what_was_named_stays(data: str) -> None:
    own = Columns(label="other", sample_id="id", probabilities="p")
    assert called_alike(Source(data, columns=own), FITTED) == (Source(data, columns=own), ())


def test_columns_with_the_usual_names_are_not_looked_for(tmp_path: Path) -> None:
    gone = Source(str(tmp_path / "gone.parquet"))
    assert called_alike(gone, Columns()) == (gone, ())
    images = tmp_path / "images" / "cat"
    images.mkdir(parents=True)
    (images / "a.png").touch()
    assert called_alike(Source(str(images.parent)), FITTED) == (Source(str(images.parent)), ())
