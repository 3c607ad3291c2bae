"""The folds' networks with torch: the mean of their logits, whatever they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from noisecleaner.arrays import Array
from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import write_arrays
from noisecleaner.images.framing import Framing, framed
from noisecleaner.ingest import Source, ingest
from noisecleaner.networks.cards import Card
from noisecleaner.networks.heads import build_network
from noisecleaner.networks.network import Network
from noisecleaner.networks.shapes import Shape
from noisecleaner.progress import Progress
from noisecleaner.quality.signals import Predictions
from noisecleaner.runs.predicting import Networks
from noisecleaner.runs.run import Run
from noisecleaner.settings import Decoding

ROWS, CLASSES, FOLDS = 1100, 4, 3  # more rows than a batch holds


def written(folder: Path, shape: Shape) -> tuple[Run, list[Network]]:
    """A run that holds nothing but random networks, and these."""
    run, networks = Run(folder), [build_network(shape) for _ in range(FOLDS)]
    run.auditor.mkdir()
    for fold, one in enumerate(networks):
        for parameter in one.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
        weights = {name: value.detach().numpy() for name, value in one.state_dict().items()}
        write_arrays(run.auditor / f"fold-{fold}.safetensors", weights, {})
    return run, networks


def probabilities() -> Array:
    powers = np.exp(2 * np.random.default_rng(0).normal(size=(ROWS, CLASSES)))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


@pytest.mark.parametrize(
    ("shape", "vectors"),
    [
        (Shape(kind="vectors", classes=CLASSES, width=5, hidden=8), np.random.default_rng(1).normal(size=(ROWS, 5))),
        (Shape(kind="probabilities", classes=CLASSES, width=CLASSES), probabilities()),
    ],
    ids=["hidden", "probabilities"],
)
def test_vectors_are_predicted_by_the_mean_of_all_networks(tmp_path: Path, shape: Shape, vectors: Array) -> None:
    run, networks = written(tmp_path, shape)
    given = np.random.default_rng(2).integers(-1, CLASSES, ROWS)
    inputs = torch.from_numpy((np.log(vectors) if shape.kind == "probabilities" else vectors).astype(np.float32))
    with torch.no_grad():
        mean = torch.stack([one.eval()(inputs) for one in networks]).mean(dim=0).numpy()
    wanted = Predictions.from_logits(mean, given=given)
    for name, values in vars(Networks(run, shape, FOLDS, "cpu").predict(vectors, given)).items():
        np.testing.assert_allclose(values, getattr(wanted, name), rtol=1e-5, atol=1e-5)


def test_batches_hold_the_rows_that_are_asked_for_in_their_order(tmp_path: Path) -> None:
    shape = Shape(kind="vectors", classes=CLASSES, width=5, hidden=8)
    run, _ = written(tmp_path, shape)
    vectors, given = np.random.default_rng(1).normal(size=(ROWS, 5)), np.arange(ROWS) % CLASSES
    networks, asked = Networks(run, shape, FOLDS, "cpu"), np.arange(1, ROWS, 2)
    whole = networks.predict(vectors, given)
    batches = list(networks.batches(vectors, given=given, rows=asked))
    np.testing.assert_array_equal(np.concatenate([rows for rows, _ in batches]), asked)
    for rows, predictions in batches:
        np.testing.assert_array_equal(predictions.given, given[rows])
        np.testing.assert_allclose(predictions.margin, whole.margin[rows], rtol=1e-5, atol=1e-6)


def test_what_is_no_probability_is_refused(tmp_path: Path) -> None:
    shape = Shape(kind="probabilities", classes=CLASSES, width=CLASSES)
    networks = Networks(written(tmp_path, shape)[0], shape, FOLDS, "cpu")
    with pytest.raises(NoisecleanerError, match="must lie in"):
        networks.predict(np.full((2, CLASSES), 0.7), np.zeros(2, np.int64))


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    run, _ = written(tmp_path, Shape(kind="vectors", classes=CLASSES, width=5, hidden=8))
    with pytest.raises(NoisecleanerError, match="do not fit"):
        Networks(run, Shape(kind="vectors", classes=CLASSES, width=6, hidden=8), FOLDS, "cpu")
    with pytest.raises(NoisecleanerError, match="fold-3"):
        Networks(run, Shape(kind="vectors", classes=CLASSES, width=5, hidden=8), FOLDS + 1, "cpu")


@pytest.mark.parametrize("noted", [Framing(28, "center", 0.9, "bicubic"), None])
def test_images_are_framed_as_the_fit_framed_them(tmp_path: Path, noted: Framing | None) -> None:
    """Runs of earlier versions note nothing: they squashed."""
    cards = () if noted is None else (Card(name="lenet", framing=noted, width=500, mean=(127.5,), deviation=(64.0,)),)
    shape = Shape(kind="pixels", classes=CLASSES, width=500, backbone="lenet", size=28, cards=cards)
    run, _ = written(tmp_path, shape)
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 90, 3), dtype=np.uint8))
    for name in "ab":
        (tmp_path / "images" / name).mkdir(parents=True)
        image.save(tmp_path / "images" / name / "x.png")
    dataset, _ = ingest(Source(str(tmp_path / "images")))
    inputs = Networks(run, shape, FOLDS, "cpu").decode(dataset, tmp_path, Decoding(threads=1), Progress())
    assert np.array_equal(inputs.array[0], np.asarray(framed(image, noted or Framing(28))))
