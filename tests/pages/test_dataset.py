"""Images are those that were scored, and stand in for vectors where there are both."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.reports import make_scored

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns, Source, read_manifest
from noisecleaner.pages.dataset import moved, pictured, refuse_changed, shows_images
from noisecleaner.runs.scored_run import ScoredRun


def table(path: Path, **columns: list[object]) -> str:
    pq.write_table(pa.table({"sample_id": ["a", "b"], "label": ["x", "y"], **columns}), path)
    return str(path)


def test_images_stand_in_for_vectors_of_a_column_or_file(tmp_path: Path) -> None:
    both = table(tmp_path / "both.parquet", image=[b"1", b"2"], e=[[1.0], [2.0]])
    for columns in (Columns(embedding="e"), Columns(probabilities="e"), Columns(embedding=str(tmp_path / "e.npy"))):
        assert pictured(Source(both, columns=columns)) == Source(both)


def test_without_images_or_vectors_nothing_changes(tmp_path: Path) -> None:
    bare = Source(table(tmp_path / "bare.parquet", e=[[1.0], [2.0]]), columns=Columns(embedding="e"))
    assert pictured(bare) is bare
    plain = Source(table(tmp_path / "plain.parquet", image=[b"1", b"2"]))
    assert pictured(plain) is plain


def test_pages_show_what_has_images(tmp_path: Path) -> None:
    both = table(tmp_path / "both.parquet", image=[b"1", b"2"], e=[[1.0], [2.0]])
    bare = table(tmp_path / "bare.parquet", e=[[1.0], [2.0]])
    for columns in (Columns(embedding="e"), Columns(probabilities="e"), Columns(embedding=str(tmp_path / "e.npy"))):
        assert shows_images(Source(both, columns=columns))
        assert not shows_images(Source(bare, columns=columns))
    (tmp_path / "folder").mkdir()
    for data in (tmp_path / "folder", tmp_path / "moved.parquet"):
        assert shows_images(Source(str(data), columns=Columns(embedding="e.npy")))
    assert shows_images(Source(str(tmp_path / "moved.parquet")))


def test_a_dataset_with_other_ids_is_refused(tmp_path: Path) -> None:
    run = ScoredRun(make_scored(tmp_path, rows=60, audited=30))
    source = run.metadata.source
    refuse_changed(read_manifest(source), run, source)
    rows = pq.read_table(source.data)
    pq.write_table(rows.slice(1), tmp_path / "other.parquet")
    other = Source(str(tmp_path / "other.parquet"))
    with pytest.raises(NoisecleanerError, match="its sample ids have changed since"):
        refuse_changed(read_manifest(other), run, other)


def test_a_dataset_that_has_moved_keeps_its_columns(tmp_path: Path) -> None:
    source = Source(str(tmp_path / "old.csv"), columns=Columns(label="class"))
    assert moved(source, None) is source
    assert moved(source, Source(str(tmp_path / "new.csv"))) == Source(
        str(tmp_path / "new.csv"), columns=Columns(label="class")
    )
    assert moved(source, Source("new.csv", allow_absolute=True)).allow_absolute


def test_columns_that_would_do_nothing_are_refused(tmp_path: Path) -> None:
    source = Source(str(tmp_path / "old.csv"), columns=Columns(label="class"))
    with pytest.raises(NoisecleanerError, match="are called is known, but others are named"):
        moved(source, Source(str(tmp_path / "new.csv"), columns=Columns(label="other")))
