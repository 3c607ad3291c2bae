"""What is trained follows from the rows and the user's choices; what would do nothing is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from support.datasets import embeddings, image_folder

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns, Source, read_manifest
from noisecleaner.progress import Progress
from noisecleaner.runs.config import FitConfig
from noisecleaner.settings import Model
from noisecleaner.training.architecture import Architecture, choose_architecture


class Notes(Progress):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def images(tmp_path: Path) -> Source:
    image_folder(tmp_path / "images", rows=9)
    return Source(str(tmp_path / "images"))


@pytest.fixture
def vectors(tmp_path: Path) -> Source:
    embeddings(tmp_path / "data.parquet", rows=9, width=4)
    return Source(str(tmp_path / "data.parquet"), columns=Columns(embedding="embedding"))


@pytest.fixture
def shares(tmp_path: Path) -> Source:
    embeddings(tmp_path / "data.parquet", rows=9, width=3)
    return Source(str(tmp_path / "data.parquet"), columns=Columns(probabilities="embedding"))


def choose(source: Source, progress: Progress | None = None, **choices: object) -> Architecture:
    transfer, seed = bool(choices.pop("transfer", False)), int(str(choices.pop("seed", 0)))
    config = FitConfig(source=source, model=Model(**choices), transfer=transfer, seed=seed, device="cpu")  # type: ignore[arg-type]  # a test's own words
    return choose_architecture(config, read_manifest(source), progress or Progress())


def test_a_network_without_weights_is_trained_end_to_end(images: Source) -> None:
    notes = Notes()
    made = choose(images, notes, backbone="lenet", image_size=28)
    assert (made.shape.kind, made.shape.classes, made.shape.size, made.shape.hidden) == ("pixels", 3, 28, 0)
    assert made.trunk is not None
    assert made.frozen is None
    assert made.trunk.training
    assert notes.notes == ["Backbone: lenet at 28 px, trained end to end."]


def test_weights_are_frozen_unless_a_user_says_otherwise(images: Source, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    from noisecleaner.networks.backbones import build

    weights = tmp_path / "weights.safetensors"
    save_file(build("lenet", size=28, pretrained=False, weights=None).state_dict(), weights)
    frozen = choose(images, backbone="lenet", weights=weights, hidden=8)
    assert (frozen.shape.kind, frozen.shape.hidden) == ("vectors", 8)
    assert frozen.trunk is None
    assert frozen.frozen is not None
    assert frozen.shape.width == frozen.frozen.width
    trained = choose(images, backbone="lenet", weights=weights, frozen=False)
    assert trained.trunk is not None


def test_first_weights_depend_on_the_seed_alone(images: Source) -> None:
    first, again, other = (choose(images, backbone="lenet", seed=seed).trunk for seed in (1, 1, 2))
    assert first is not None
    assert again is not None
    assert other is not None
    parameters = [torch.cat([p.flatten() for p in trunk.parameters()]) for trunk in (first, again, other)]
    assert torch.equal(parameters[0], parameters[1])
    assert not torch.equal(parameters[0], parameters[2])


def test_vectors_get_a_head_with_features_of_its_own_in_a_transfer(vectors: Source) -> None:
    made = choose(vectors)
    assert (made.shape.kind, made.shape.width, made.shape.hidden) == ("vectors", 4, 0)
    assert made.encoder is made.trunk is made.frozen is None
    assert choose(vectors, hidden=5).shape.hidden == 5
    assert choose(vectors, transfer=True).shape.hidden == 128
    assert choose(vectors, transfer=True, hidden=5).shape.hidden == 5


def test_probabilities_are_recalibrated(shares: Source) -> None:
    assert choose(shares).shape.kind == "probabilities"


REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "random weights frozen": ({"backbone": "lenet", "frozen": True}, "would start from random ones"),
    "hidden on a trunk": ({"backbone": "lenet", "hidden": 8}, "`Model.hidden` puts a layer on frozen features"),
    "too small": ({"backbone": "lenet", "image_size": 4}, "lenet cannot take images of 4 pixels"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_impossible_networks_are_refused(images: Source, case: str) -> None:
    choices, says = REFUSED[case]
    with pytest.raises(NoisecleanerError, match=says):
        choose(images, **choices)


def test_options_that_would_do_nothing_are_refused(vectors: Source, shares: Source) -> None:
    with pytest.raises(NoisecleanerError, match=r"`Model\.frozen`, `Model\.image_size` would do nothing"):
        choose(vectors, frozen=False, image_size=32)
    with pytest.raises(NoisecleanerError, match="would do nothing"):
        choose(shares, hidden=8)
