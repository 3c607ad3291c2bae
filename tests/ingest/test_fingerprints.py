"""A fingerprint is that of the content, whatever file holds it: any vector that changed or moved makes another one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.fingerprints import Change, Fingerprint, PassingVectors
from noisecleaner.ingest.payloads import ImageFiles
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


def images(folder: Path, sizes: list[int]) -> ImageFiles:
    for row, size in enumerate(sizes):
        (folder / f"{row}.png").write_bytes(b"x" * size)
    names = pa.array([f"{row}.png" for row in range(len(sizes))])
    return ImageFiles(root=Place.parse(folder), paths=names)


@given(row=st.integers(0, ROWS - 1))
@settings(max_examples=5, deadline=None)
def test_an_image_of_another_size_is_noticed_wherever_it_is(tmp_path_factory: pytest.TempPathFactory, row: int) -> None:
    folder = tmp_path_factory.mktemp("images")
    found = images(folder, [10] * ROWS)
    before = Fingerprint.of(found, ROWS)
    assert before.changed(found, ROWS) is None
    (folder / f"{row}.png").write_bytes(b"x" * 11)
    assert before.changed(found, ROWS) is not None


def test_sizes_are_compared_only_where_all_are_known(tmp_path: Path) -> None:
    found = images(tmp_path, [10] * 300)
    before = Fingerprint.of(found, 300)
    kept_by_an_earlier_version = Fingerprint.from_json({**before.to_json(), "sums": ""})
    row = min({*range(300)} - {*np.linspace(0, 299, 256).astype(int).tolist()})  # of its content nothing is kept
    (tmp_path / f"{row}.png").write_bytes(b"x" * 11)
    assert kept_by_an_earlier_version.changed(found, 300) is None
    assert before.changed(found, 300) == Change(kind="images", looked_at=256, rows=())
    (tmp_path / f"{row}.png").unlink()  # a row that cannot be read is skipped, and said to be
    assert before.changed(found, 300) is None
