"""What is trained: the backbone that a user chose or that suits the rows, end to end, or a head on features."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import get_args

import torch

from noisecleaner.arrays import Array, IntArray
from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.files import located
from noisecleaner.ingest import Manifest
from noisecleaner.ingest.vectors.orders import AnyVectors
from noisecleaner.inputs.encoders import Encoder, feature_encoder, pixel_encoder
from noisecleaner.inputs.rooting import never_negative
from noisecleaner.networks.backbones import Backbone
from noisecleaner.networks.cards import identity
from noisecleaner.networks.joined import Joined
from noisecleaner.networks.shapes import Shape
from noisecleaner.networks.twins import Twins
from noisecleaner.progress import Progress
from noisecleaner.quality.signals import Signals
from noisecleaner.registry import check_choice
from noisecleaner.runs.config import FitConfig
from noisecleaner.settings import Crop, Model
from noisecleaner.texts import counted
from noisecleaner.training.earlier import is_run, read_earlier
from noisecleaner.training.streams import first_parameters
from noisecleaner.training.usual import usual_backbone
from noisecleaner.weightings import weighting_class

#: Units of the layer that source and target share where a transfer trains on vectors.
_TRANSFER_UNITS = 128
#: Products of a number of a row with a weight, in all passes, that keep two cores busy for as long as a GPU takes to
#: start, some four seconds; and what passes over the rows are counted where they are chosen.
_GPU_PRODUCTS = 5e10
_HEAD_EPOCHS, _HEAD_FOLDS = 20, 5


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """What is trained, and on what.

    Args:
        shape: the network.
        encoder: what is kept of an image; None where rows bring vectors.
        trunk: the backbone that is trained end to end; None for a head on vectors.
        frozen: the backbones whose features a head is trained on; None for a trunk, or on the user's vectors.
    """

    shape: Shape
    encoder: Encoder | None = None
    trunk: Backbone | None = None
    frozen: Joined | None = None

    def suiting(self, array: Array, rows: IntArray) -> Architecture:
        """Let a head take the square roots of vectors that are never below zero.

        Args:
            array: the inputs of all rows, vectors in shape [rows of the array, width].
            rows: those that are used, shape [n].
        """
        rooted = self.shape.kind == "vectors" and never_negative(array, rows)
        return replace(self, shape=replace(self.shape, rooted=rooted)) if rooted else self

    def judging(self, signals: Signals) -> Architecture:
        """Say what judges new rows: after a second round on a backbone trained end to end, the head of that."""
        views = self.trunk is not None and signals.first is not None
        return replace(self, shape=replace(self.shape, views=views)) if views else self


def quicker_device(
    architecture: Architecture, device: torch.device, *, rows: int, epochs: int | None, folds: int | None
) -> torch.device:
    """Choose where a head on vectors that a user brings is trained sooner; features stay on the device that made them.

    Args:
        architecture: what is trained.
        device: the best one that there is.
        rows: of the dataset.
        epochs: passes over them; None where they are chosen.
        folds: training runs; None likewise.
    """
    shape = architecture.shape
    if architecture.encoder is not None or device.type == "cpu":
        return device
    passes = (epochs or _HEAD_EPOCHS) * (folds or _HEAD_FOLDS) * rows
    products = passes * shape.width * (shape.hidden or shape.classes)
    # other GPUs than those with CUDA launch each small operation of a step by itself
    return device if device.type == "cuda" and products >= _GPU_PRODUCTS else torch.device("cpu")


def choose_architecture(config: FitConfig, dataset: Manifest, progress: Progress) -> Architecture:
    """Choose what is trained, and say so.

    Args:
        config: what the user asked for; its device is the one that computes.
        dataset: rows of images or of vectors.
        progress: is told what was chosen.

    Raises:
        NoisecleanerError: the choice is impossible, or options would do nothing.
    """
    # in a transfer a head needs features of its own, which is all that source and target share
    hidden = config.model.hidden or (_TRANSFER_UNITS if config.transfer else 0)
    networks = weighting_class(config.method).networks
    if isinstance(dataset.payload, AnyVectors):
        _require_backbone(config.method, networks, "rows bring vectors")
        return _on_vectors(
            config.model, dataset.payload, classes=len(dataset.classes), hidden=hidden, progress=progress
        )
    model, reason = config.model, ""
    if model.backbone is None and not is_run(model.weights):
        usual = usual_backbone(model, rows=len(dataset), cpu=torch.device(config.device).type == "cpu")
        model, reason = replace(model, backbone=usual.backbone), usual.reason
    with first_parameters(config.seed):
        joined, frozen = choose_backbones(model)
        if frozen:
            _require_backbone(config.method, networks, f"{joined.name} is frozen")
        trunk = joined.parts[0] if networks == 1 else Twins.beside(joined.parts[0], joined.name, joined.cards()[0])
    shape = Shape(
        kind="vectors" if frozen else "pixels",
        classes=len(dataset.classes),
        width=joined.width if frozen else trunk.width,
        backbone=joined.name,
        size=joined.size,
        hidden=hidden if frozen else 0,
        networks=networks,
        cards=joined.cards(),
    )
    progress.tell(*joined.notices())
    if frozen:
        word, whose = ("Backbones", "their") if len(joined.parts) > 1 else ("Backbone", "its")
        said = f"{word}: {joined.words()}, pretrained and frozen; a head is trained on {whose} features. {reason}"
        progress.note(said.rstrip())
        encoder = feature_encoder(joined.parts, torch.device(config.device), maker=identity(shape.cards))
        return Architecture(shape=shape, encoder=encoder, frozen=joined)
    onwards = f" from the weights in {model.weights} on" if model.weights else ""
    twice = "" if networks == 1 else ", twice: two networks teach each other"
    progress.note(f"Backbone: {joined.words()}, trained end to end{onwards}{twice}.")
    return Architecture(shape=shape, encoder=pixel_encoder(trunk.framing), trunk=trunk)


def _require_backbone(method: str, networks: int, found: str) -> None:
    """Refuse heads for methods that train more than one network: those on the same vectors learn the same."""
    if networks > 1:
        raise NoisecleanerError(
            f"`method={method!r}` trains two networks end to end on images, which teach each other because they err "
            f"differently, but here {found}, on which two heads learn the same.",
            "Pass images and `Model(frozen=False)`, or choose another `method`.",
        )


def choose_backbones(model: Model) -> tuple[Joined, bool]:
    """Make the backbone, or several, for a dataset of images.

    Args:
        model: what was chosen, a backbone or a run at least.

    Returns:
        What was chosen, and whether it is frozen; several always are, and that of a run is what it was there.

    Raises:
        NoisecleanerError: the choice is impossible.
    """
    if model.image_crop is not None:
        check_choice(model.image_crop, get_args(Crop), parameter="`Model.image_crop`")
    joined, model = _named(model)
    frozen = _frozen(model, joined)
    if model.hidden and not frozen:
        raise NoisecleanerError(
            f"`Model.hidden` puts a layer on frozen features, but {joined.name} is trained end to end.",
            "Leave `Model.hidden` out, or pass `Model(frozen=True)`.",
        )
    joined.check_sizes()
    return joined, frozen


def _named(model: Model) -> tuple[Joined, Model]:
    """Make what a user named; a run says as well whether its network is frozen, where the user does not."""
    if is_run(model.weights):
        earlier = read_earlier(model)
        return earlier.joined, replace(model, frozen=earlier.frozen if model.frozen is None else model.frozen)
    weights = None if model.weights is None else located(model.weights)
    return Joined.build(
        str(model.backbone),
        size=model.image_size,
        pretrained=model.pretrained,
        weights=weights,
        crop=model.image_crop,
    ), model


def _frozen(model: Model, joined: Joined) -> bool:
    """Whether only a head is trained."""
    if len(joined.parts) > 1:
        _check_joined(model, joined)
        return True
    frozen = not joined.untrained if model.frozen is None else model.frozen
    if not frozen and not joined.parts[0].trainable:
        raise NoisecleanerError(
            f"`Model(frozen=False)` trains a network end to end, but {joined.name} can only give features.",
            "Leave `Model(frozen=False)` out.",
        )
    if frozen and joined.untrained:
        raise NoisecleanerError(
            f"`Model(frozen=True)` needs pretrained weights, but {joined.name} would start from random ones.",
            f"Add {joined.ways_to_weights()}, choose efficientnet-lite0, or pass `Model(frozen=False)`.",
        )
    return frozen


def _check_joined(model: Model, joined: Joined) -> None:
    """Refuse several networks that are to be trained, or whose features are not worth joining."""
    if model.frozen is False:
        raise NoisecleanerError(
            f"`Model(frozen=False)` trains one network end to end, but `Model.backbone` joins the features of "
            f"{counted(len(joined.parts), 'network')}: {listed(joined.names)}.",
            "Name one of them, or leave `Model(frozen=False)` out.",
        )
    if joined.untrained:
        ways = joined.ways_to_weights()
        raise NoisecleanerError(
            f"Joining features needs networks with pretrained weights, but {listed(joined.untrained)} would start from "
            "random ones.",
            "Choose networks that bring weights, such as efficientnet-lite0 and efficientnet-lite2"
            f"{ways and ', or add '}{ways}.",
        )


def _on_vectors(model: Model, payload: AnyVectors, *, classes: int, hidden: int, progress: Progress) -> Architecture:
    _refuse_image_options(model)
    if payload.kind == "probabilities":
        _refuse_hidden(model)
        return Architecture(shape=Shape(kind="probabilities", classes=classes, width=payload.width))
    progress.note(f"Training a head on embeddings of {payload.width} numbers.")
    return Architecture(shape=Shape(kind="vectors", classes=classes, width=payload.width, hidden=hidden))


def _refuse_image_options(model: Model) -> None:
    """Refuse image options for a dataset of vectors, where they would do nothing."""
    given = {
        "`Model.backbone`": model.backbone,
        "`Model.frozen`": model.frozen,
        "`Model.pretrained`": model.pretrained or None,
        "`Model.weights`": model.weights,
        "`Model.image_size`": model.image_size,
        "`Model.image_crop`": model.image_crop,
    }
    useless = [option for option, value in given.items() if value is not None]
    if useless:
        raise NoisecleanerError(
            f"Options about images need images, but the rows bring vectors; {', '.join(useless)} would do nothing.",
            "Leave those options out.",
        )


def _refuse_hidden(model: Model) -> None:
    """Refuse a hidden layer on class probabilities, which are only recalibrated."""
    if model.hidden:
        raise NoisecleanerError(
            "`Model.hidden` puts a layer on embeddings, but the rows bring class probabilities; it would do nothing.",
            "Leave `Model.hidden` out, or give `Columns.embedding`.",
        )
