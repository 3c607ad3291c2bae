"""Neighbours are the nearest kept rows of the given and of the suggested class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.reports import CLASSES, make_scored

from noisecleaner.ingest import Columns, Source, read_manifest
from noisecleaner.ingest.vectors.orders import AnyVectors
from noisecleaner.report.gathering import gather
from noisecleaner.report.neighbours import with_neighbours
from noisecleaner.runs.scored_run import ScoredRun


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_scored(tmp_path)


@pytest.mark.parametrize("beside", [False, True])
def test_they_are_the_nearest_by_angle(run: Path, tmp_path: Path, beside: bool) -> None:
    """Of features of the run, behind whose rows clean-only ones come, or of embeddings beside the images."""
    features = np.random.default_rng(1).normal(size=(300 if beside else 310, 6)).astype(np.float16)
    np.save(tmp_path / "vectors.npy" if beside else run / "features.npy", features)
    source = Source(str(tmp_path / "data.parquet"), columns=Columns(embedding=str(tmp_path / "vectors.npy")))
    embeddings = read_manifest(source, CLASSES).payload if beside else None
    assert embeddings is None or isinstance(embeddings, AnyVectors)
    scored, rows = ScoredRun(run), pq.read_table(run / "scores.parquet").to_pylist()
    first = with_neighbours(gather(scored, rows=30).gallery.rows, scored, embeddings)
    unit = features.astype(float) / np.linalg.norm(features.astype(float), axis=1, keepdims=True)
    for shown in first[:16]:
        found = []
        for label in (shown.given, shown.suggested):
            own = [n for n, row in enumerate(rows) if row["given_label"] == label and row["flagged"] is False]
            own = [n for n in own if n != shown.row]
            found += sorted(own, key=lambda n: -float(unit[n] @ unit[shown.row]))[:3]
        assert [near.row for near in shown.neighbours] == found
        assert [near.sample_id for near in shown.neighbours] == [f"r{n}" for n in found]
        assert [near.label for near in shown.neighbours] == [shown.given] * 3 + [shown.suggested] * 3
    assert {shown.neighbours for shown in first[16:]} == {()}


@pytest.mark.parametrize("shape", [None, (10, 6), (300,)])
def test_without_features_of_all_rows_there_are_none(run: Path, shape: tuple[int, ...] | None) -> None:
    if shape is not None:
        np.save(run / "features.npy", np.ones(shape))
    scored = ScoredRun(run)
    rows = gather(scored, rows=5).gallery.rows
    assert with_neighbours(rows, scored) == rows
