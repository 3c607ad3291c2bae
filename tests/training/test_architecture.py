"""What is trained follows from the rows and the user's choices; what would do nothing is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support.datasets import embeddings, image_folder

from noisecleaner.errors import NoisecleanerError
from noisecleaner.images.framing import Framing
from noisecleaner.ingest import Columns, Source, read_manifest
from noisecleaner.inputs.encoders import pixel_encoder
from noisecleaner.networks.shapes import Shape
from noisecleaner.progress import Progress
from noisecleaner.runs.config import FitConfig
from noisecleaner.settings import Model
from noisecleaner.training.architecture import Architecture, choose_architecture, quicker_device


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


def pair_of_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """`lenet` and `cifar-quick` as if they brought weights."""
    from noisecleaner.networks.backbones import cifar_quick, lenet

    for own in (lenet.LeNet, cifar_quick.CifarQuick):
        monkeypatch.setattr(own, "trained", True)


def test_features_of_two_networks_are_joined(images: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    pair_of_weights(monkeypatch)
    notes = Notes()
    made = choose(images, notes, backbone="lenet+cifar-quick", hidden=5)
    assert made.trunk is None
    assert made.frozen is not None
    assert made.encoder is not None
    assert made.encoder.framings == (Framing(28), Framing(32))
    shape = made.shape
    assert (shape.kind, shape.backbone, shape.size, shape.hidden) == ("vectors", "lenet@28+cifar-quick@32", None, 5)
    assert shape.width == made.encoder.shape[0] == made.frozen.width == sum(part.width for part in made.frozen.parts)
    (note,) = notes.notes
    assert note.startswith("Backbones: lenet at 28 px and cifar-quick at 32 px, pretrained and frozen; a head is")
    again = choose(images, backbone=shape.backbone)
    assert again.shape.backbone == shape.backbone
    sized = choose(images, backbone="lenet+cifar-quick@40", image_size=36).encoder
    assert sized is not None
    assert sized.framings == (Framing(36), Framing(40))


def test_two_networks_are_not_trained_end_to_end(images: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    pair_of_weights(monkeypatch)
    with pytest.raises(NoisecleanerError, match="joins the features of 2 networks: lenet, cifar-quick"):
        choose(images, backbone="lenet+cifar-quick", frozen=False)


REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "random weights frozen": ({"backbone": "lenet", "frozen": True}, "would start from random ones"),
    "hidden on a trunk": ({"backbone": "lenet", "hidden": 8}, "`Model.hidden` puts a layer on frozen features"),
    "random weights joined": ({"backbone": "lenet+cifar-quick"}, "lenet, cifar-quick would start from random ones"),
    "weights of two": ({"backbone": "lenet+cifar-quick", "weights": "w"}, "is a file of one network's weights"),
    "joined to itself": ({"backbone": "lenet+lenet"}, "different ones joined by"),
    "joined to nothing": ({"backbone": "lenet+"}, "different ones joined by"),
    "joined to what is not there": ({"backbone": "lenet+lenot"}, "`Model.backbone` lenot is unknown"),
    "no size": ({"backbone": "lenet@big"}, "an edge length of images, but it is lenet@big"),
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


def test_what_is_chosen_for_a_user_is_said_with_the_reason(images: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    from noisecleaner.training import architecture
    from noisecleaner.training.usual import Usual

    asked: list[tuple[int, bool]] = []

    def usual(model: Model, *, rows: int, cpu: bool) -> Usual:
        asked.append((rows, cpu))
        return Usual(backbone="lenet+cifar-quick", reason="Because of that.")

    pair_of_weights(monkeypatch)
    monkeypatch.setattr(architecture, "usual_backbone", usual)
    notes = Notes()
    assert choose(images, notes).shape.backbone == "lenet@28+cifar-quick@32"
    assert asked == [(9, True)]
    assert notes.notes[0].endswith("a head is trained on their features. Because of that.")
    assert choose(images, backbone="lenet").shape.backbone == "lenet"
    assert len(asked) == 1


@pytest.mark.parametrize("least", [0.0, -0.1])
def test_a_head_takes_roots_of_vectors_that_are_never_negative(vectors: Source, least: float) -> None:
    made, array = choose(vectors), np.full((9, 4), 0.3)
    array[3, 2], array[8] = least, -1  # the last row is not used
    suiting = made.suiting(array, np.arange(8))
    assert suiting.shape == replace(made.shape, rooted=least == 0)


def test_pixels_and_probabilities_stay_as_they_are(images: Source, shares: Source) -> None:
    pixels, rows = choose(images, backbone="lenet", image_size=28), np.arange(9)
    assert pixels.suiting(np.zeros((9, 28, 28, 3), np.uint8), rows) is pixels
    probabilities = choose(shares)
    assert probabilities.suiting(np.full((9, 3), 1 / 3), rows) is probabilities


@pytest.mark.parametrize(
    ("rows", "kind", "device", "expected"),
    [
        (5_000, "vectors", "cuda", "cpu"),
        (500_000, "vectors", "cuda", "cuda"),
        (500_000, "vectors", "mps", "cpu"),
        (5_000, "vectors", "cpu", "cpu"),
        (500_000, "probabilities", "cuda", "cpu"),
        (5_000, "features", "cuda", "cuda"),
        (5_000, "pixels", "mps", "mps"),
    ],
)
def test_a_head_on_vectors_of_a_user_is_trained_where_it_is_done_sooner(
    rows: int, kind: str, device: str, expected: str
) -> None:
    width = 10 if kind == "probabilities" else 1_280
    encoder = pixel_encoder(Framing(size=32)) if kind in ("features", "pixels") else None
    shape = Shape(kind=kind if kind == "probabilities" else "vectors", classes=10, width=width)
    made = Architecture(shape=shape, encoder=encoder)
    chosen = quicker_device(made, torch.device(device), rows=rows, epochs=None, folds=None)
    assert chosen == torch.device(expected)
