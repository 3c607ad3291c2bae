"""Vectors of classes that bear each other's names are told; honest ones never are, however many labels are wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from noisecleaner.ingest import Columns, Manifest, Source, ingest
from noisecleaner.runs.class_order import swapped_names

WIDTH = 64


def dataset(folder: Path, *, given: np.ndarray, verified: np.ndarray, classes: int) -> Manifest:
    """Rows whose labels are those, -1 for none."""
    names = [f"class {number:02}" for number in range(classes)]
    trusted = [names[label] if label >= 0 else None for label in verified]
    table = {"label": [names[label] for label in given], "trusted_label": pa.array(trusted, pa.string())}
    table |= {"sample_id": [f"r{row}" for row in range(len(given))], "embedding": [[1.0, 2.0]] * len(given)}
    pq.write_table(pa.table(table), folder / "data.parquet")
    columns = Columns(embedding="embedding", label_names=tuple(names))
    return ingest(Source(str(folder / "data.parquet"), columns=columns))[0]


class Drawn:
    """Rows around the directions of their classes, and vectors of these that are as honest as `quality` says."""

    def __init__(self, seed: int, *, classes: int, rows: int, quality: float, wrong: float, cyclic: bool) -> None:
        rng = np.random.default_rng(seed)
        self.classes, self.true = classes, rng.integers(0, classes, rows)
        off = np.ones(rows, dtype=np.int64) if cyclic else rng.integers(1, classes, rows)
        self.given = np.where(rng.random(rows) < wrong, (self.true + off) % classes, self.true)
        directions = rng.normal(size=(classes, WIDTH)) / np.sqrt(WIDTH)
        gap = rng.normal(size=(2, WIDTH))  # images and texts lie in parts of their own of one space
        self.embeddings = directions[self.true] * 3 + rng.normal(size=(rows, WIDTH)) * 1.1 + gap[0]
        odd = rng.normal(size=(classes, WIDTH)) * 2 / np.sqrt(WIDTH)
        self.vectors = directions * quality + odd * (1 - quality) + gap[1] / 8
        self.verified = np.where(rng.random(rows) < 0.15, self.true, -1)

    def rows(self, folder: Path) -> Manifest:
        return dataset(folder, given=self.given, verified=self.verified, classes=self.classes)


@pytest.mark.parametrize("classes", [2, 3, 10, 40])
@pytest.mark.parametrize("quality", [0.3, 0.6, 0.9])
def test_honest_vectors_raise_no_alarm(tmp_path: Path, classes: int, quality: float) -> None:
    for seed in range(12):
        how = {"quality": quality, "wrong": 0.4}
        drawn = Drawn(seed, classes=classes, rows=(100, 1000)[seed % 2], cyclic=seed % 4 > 1, **how)
        assert swapped_names(drawn.vectors, drawn.embeddings, drawn.rows(tmp_path)) is None, seed


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_two_vectors_that_bear_each_others_names_are_told(tmp_path: Path, classes: int) -> None:
    for seed in range(5):
        drawn = Drawn(seed, classes=classes, rows=1000, quality=0.9, wrong=0.4, cyclic=False)
        vectors = drawn.vectors.copy()
        vectors[:2] = vectors[1::-1]
        notice = swapped_names(vectors, drawn.embeddings, drawn.rows(tmp_path))
        assert notice is not None, seed
        assert "the vector of class 00 is most likely that of class 01; the vector of class 01 is" in notice.message


def test_without_vectors_nothing_is_said(tmp_path: Path) -> None:
    drawn = Drawn(0, classes=3, rows=100, quality=0.9, wrong=0.4, cyclic=False)
    assert swapped_names(None, drawn.embeddings, drawn.rows(tmp_path)) is None
