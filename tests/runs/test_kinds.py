"""Whether new rows bring what a run was fitted on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import write_arrays
from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.payloads import ImageFiles
from noisecleaner.ingest.tables.maker import Maker, digest_of
from noisecleaner.ingest.vectors.files import JoinedVectors
from noisecleaner.networks.shapes import Shape
from noisecleaner.quality.model import QualityModel
from noisecleaner.runs.auditor_record import AuditorRecord
from noisecleaner.runs.kinds import maker_of_run, refuse_other_kind
from noisecleaner.runs.run import Run

WEIGHTS = {"a": np.ones(3, np.float32)}
MAKER = Maker(backbone="resnet18", size=64, crop="squash", weights=digest_of(WEIGHTS.items()))
OF_IMAGES = Shape(kind="vectors", classes=2, width=4, backbone="resnet18", size=64)
OF_VECTORS = Shape(kind="vectors", classes=2, width=4)


def record(shape: Shape, maker: Maker | None = None) -> AuditorRecord:
    return AuditorRecord(classes=("a", "b"), folds=1, shape=shape, quality=QualityModel("uncalibrated"), maker=maker)


def vectors(maker: Maker | None, width: int = 4) -> JoinedVectors:
    array, rows = np.zeros((1, width), np.float32), np.zeros(1, np.int64)
    return JoinedVectors(array=array, rows=rows, kind="embeddings", names=(), where="v", maker=maker)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = Run(tmp_path)
    run.auditor.mkdir()
    write_arrays(run.auditor / "backbone.safetensors", WEIGHTS, {})
    return run


def test_the_maker_of_a_run_is_that_of_its_frozen_network_or_of_its_rows(run: Run) -> None:
    assert maker_of_run(run, record(OF_IMAGES)) == MAKER
    assert maker_of_run(run, record(OF_VECTORS, MAKER)) == MAKER
    assert maker_of_run(run, record(OF_VECTORS)) is None
    assert maker_of_run(run, record(replace(OF_IMAGES, kind="pixels"))) is None


def test_the_record_keeps_the_maker(run: Run) -> None:
    for maker in (None, MAKER):
        record(OF_VECTORS, maker).write(run)
        assert AuditorRecord.read(run).maker == maker


@pytest.mark.parametrize(
    ("shape", "own", "brought"),
    [(OF_IMAGES, None, MAKER), (OF_VECTORS, MAKER, MAKER), (OF_VECTORS, None, MAKER), (OF_VECTORS, MAKER, None)],
)
def test_the_same_maker_and_one_that_nobody_knows_will_do(
    run: Run, shape: Shape, own: Maker | None, brought: Maker | None
) -> None:
    refuse_other_kind(run, record(shape, own), vectors(brought))


@pytest.mark.parametrize(
    ("shape", "own", "brought", "words"),
    [
        (OF_IMAGES, None, vectors(None), "do not say what made them"),
        (OF_IMAGES, None, vectors(replace(MAKER, weights="x")), "weights of the digest"),
        (OF_IMAGES, None, vectors(replace(MAKER, crop="center")), "the crop squash"),
        (replace(OF_IMAGES, kind="pixels"), None, vectors(MAKER), "trained end to end"),
        (OF_VECTORS, MAKER, vectors(replace(MAKER, size=32)), "images of 64 px"),
        (
            OF_VECTORS,
            MAKER,
            vectors(MAKER, 5),
            "vectors of 4 numbers, made by resnet18 at 64 px .squash., but the new rows bring vectors of 5 numbers",
        ),
    ],
)
def test_others_are_refused(run: Run, shape: Shape, own: Maker | None, brought: JoinedVectors, words: str) -> None:
    with pytest.raises(NoisecleanerError, match=words):
        refuse_other_kind(run, record(shape, own), brought)


@pytest.mark.parametrize(("kind", "field"), [("vectors", "embedding"), ("probabilities", "probabilities")])
def test_images_in_place_of_vectors_are_told_to_bring_a_file(run: Run, kind: Any, field: str, tmp_path: Path) -> None:
    images = ImageFiles(Place.parse(tmp_path), pa.array(["a.png"]))
    with pytest.raises(NoisecleanerError) as error:
        refuse_other_kind(run, record(replace(OF_VECTORS, kind=kind)), images)
    assert f"`Columns({field}=FILE.npy)`" in error.value.hint
