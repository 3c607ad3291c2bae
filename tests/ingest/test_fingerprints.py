"""A fingerprint is that of the content, whatever file holds it: any vector that changed or moved makes another one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from noisecleaner.ingest.fingerprints import Change, Fingerprint, PassingVectors
from noisecleaner.ingest.vectors.columns import VectorFile
from noisecleaner.ingest.vectors.files import JoinedVectors

ROWS = 700


def array(rows: int = ROWS) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(rows, 5)).astype(np.float32)


def payload(vectors: np.ndarray) -> JoinedVectors:
    return JoinedVectors(array=vectors, rows=np.arange(len(vectors)), kind="embeddings", names=(), where="here")


def fingerprint(vectors: np.ndarray) -> Fingerprint:
    return Fingerprint.of(payload(vectors), len(vectors))


def test_it_is_kept_as_json() -> None:
    before = fingerprint(array())
    assert Fingerprint.from_json(json.loads(json.dumps(before.to_json()))) == before
    assert len(json.dumps(before.to_json())) < 6000


@pytest.mark.parametrize("cuts", [[], [1], [256, 257, 600]])
def test_it_does_not_depend_on_blocks_or_on_the_precision_of_the_file(cuts: list[int]) -> None:
    passing = PassingVectors(payload(array()), ROWS)
    for block in np.split(array().astype(np.float64), cuts):
        passing.take(block)
    assert passing.fingerprint() == fingerprint(array())


@settings(max_examples=30, deadline=None)
@given(row=st.integers(0, ROWS - 1), column=st.integers(0, 4), by=st.sampled_from([1e-6, -2.0, np.nan]))
def test_any_number_that_changes_is_noticed(row: int, column: int, by: float) -> None:
    vectors = array()
    vectors[row, column] += by
    assert fingerprint(array()).changed(payload(vectors), ROWS) is not None


@settings(max_examples=30, deadline=None)
@given(pair=st.lists(st.integers(0, ROWS - 1), min_size=2, max_size=2, unique=True))
def test_rows_that_change_places_are_noticed(pair: list[int]) -> None:
    vectors = array()
    vectors[pair] = vectors[pair[::-1]]
    assert fingerprint(array()).changed(payload(vectors), ROWS) is not None


def test_the_rows_that_changed_are_told() -> None:
    vectors = array()
    vectors[[0, ROWS - 1]] = 7
    changed = fingerprint(array()).changed(payload(vectors), ROWS)
    assert changed == Change(kind="embeddings", looked_at=256, rows=(0, ROWS - 1))
    assert fingerprint(array()).changed(payload(array()), ROWS) is None
    assert fingerprint(array()).changed(payload(array()[:600]), 600) is not None


def test_a_file_that_nobody_touched_is_not_read(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", array())
    file = VectorFile.open(str(tmp_path / "v.npy"), "embeddings")
    before = Fingerprint.of(file, ROWS)
    assert before.stamp
    other = VectorFile(file.path, "embeddings", array()[::-1])
    assert before.changed(other, ROWS) is None  # as the stamp says
    np.save(tmp_path / "v.npy", array())
    assert before.changed(file, ROWS) is None  # as the content says
    assert before.changed(other, ROWS) is not None
