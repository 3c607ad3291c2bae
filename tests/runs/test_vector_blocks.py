"""Blocks of vectors, and the vectors of a few rows among them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from noisecleaner.ingest.vectors import columns as vectors
from noisecleaner.ingest.vectors.columns import VectorFile
from noisecleaner.runs.vector_blocks import VectorSample, vector_blocks


@pytest.mark.parametrize("numbers", [4, 40, 10**6])
def test_a_sample_holds_the_vectors_of_its_rows_however_blocks_are_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, numbers: int
) -> None:
    monkeypatch.setattr(vectors, "_BLOCK_NUMBERS", numbers)
    everything = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    np.save(tmp_path / "v.npy", everything)
    blocks = list(vector_blocks(VectorFile.open(str(tmp_path / "v.npy"), "embeddings")))
    assert sum(len(block.vectors) for block in blocks) == 50
    rows = np.array([0, 3, 4, 27, 49])
    sample = VectorSample(rows, 4)
    for block in blocks[::-1]:
        sample.take(block)
    seen, found = sample.seen()
    np.testing.assert_array_equal(seen, rows)
    np.testing.assert_array_equal(found, everything[rows])


def test_rows_without_a_vector_are_left_out() -> None:
    sample = VectorSample(np.array([1, 2]), 3)
    assert len(sample.seen()[0]) == 0
