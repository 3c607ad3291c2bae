"""The network of an earlier run, where a fit goes on with it: the second stage of a transfer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import AnyPath, located, read_arrays
from noisecleaner.networks.backbones import restore
from noisecleaner.networks.joined import Joined
from noisecleaner.networks.names import parts_of
from noisecleaner.networks.shapes import Shape
from noisecleaner.notices import Notice
from noisecleaner.runs.auditor_record import AuditorRecord
from noisecleaner.runs.config import FitConfig
from noisecleaner.runs.run import Run
from noisecleaner.settings import Model

#: Networks of different folds have nothing in common but their architecture: a mean of their weights is none of them.
_FOLD = 0


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """What a run looked at images with.

    Args:
        joined: its backbone, or several that were frozen; without a classifier, which belongs to its classes.
        frozen: whether it left them as they were.
    """

    joined: Joined
    frozen: bool


def is_run(weights: AnyPath | None) -> bool:
    """Whether `Model.weights` names a run directory, and no file."""
    return weights is not None and located(weights).is_dir()


def read_earlier(model: Model) -> Earlier:
    """Take the network of the run that `Model.weights` names; of several folds that of the first.

    Args:
        model: what was chosen; its backbone may be left out.

    Raises:
        NoisecleanerError: there is no finished run, it holds no network for images, or another than was asked for.
    """
    run, shape = Run(located(str(model.weights))), _shape_of(model)
    frozen = shape.kind == "vectors"
    joined = Joined.restore(shape, run.auditor / "backbone.safetensors") if frozen else _trained(run, shape)
    for part in joined.parts:
        part.framed(replace(part.framing, size=model.image_size or part.size))
        part.cropped(model.image_crop)
    return Earlier(joined=joined, frozen=frozen)


def _shape_of(model: Model) -> Shape:
    """Describe the network of the run that `Model.weights` names; errors are those of `read_earlier`."""
    run = Run(located(str(model.weights)))
    run.read_fitted()
    shape = AuditorRecord.read(run).shape
    _refuse_others(model, shape, run.path)
    return shape


def _trained(run: Run, shape: Shape) -> Joined:
    """The trunk that a run trained end to end; of two networks that of the first."""
    name, file = str(shape.backbone), run.auditor / f"fold-{_FOLD}.safetensors"
    tensors = {key: torch.from_numpy(array) for key, array in read_arrays(file)[0].items()}
    start = "trunk." if shape.networks == 1 else "trunk.parts.0."
    trunk = {key.removeprefix(start): tensor for key, tensor in tensors.items() if key.startswith(start)}
    card = shape.cards[0] if shape.cards else None
    return Joined(names=(name,), parts=(restore(name, size=shape.size, card=card, tensors=trunk, path=file),))


def _refuse_others(model: Model, shape: Shape, path: Path) -> None:
    if shape.backbone is None:
        raise NoisecleanerError(
            f"`Model.weights` takes a network that looks at images, but the rows of {path} brought {shape.kind}, so "
            "that it holds a head alone.",
            "Name a run that was fitted on images.",
        )
    if model.pretrained:
        raise NoisecleanerError(
            f"`Model(pretrained=True)` loads published weights, but `Model.weights` names the run {path}, whose "
            "network has its own.",
            "Leave one of them out.",
        )
    if model.backbone is not None and parts_of(model.backbone, None).keys() != parts_of(shape.backbone, None).keys():
        raise NoisecleanerError(
            f"`Model.weights` must hold the network that `Model.backbone` names, {model.backbone}, but the run {path} "
            f"holds {shape.backbone}.",
            "Leave `Model.backbone` out to go on with the run's network, or name a run with the other one.",
        )


def refuse_unsuited(config: FitConfig, out: Path) -> None:
    """Refuse a run whose network cannot be gone on with, before anything is said of it, or written over it.

    Raises:
        NoisecleanerError: it is not finished, holds no network for images, or another than was asked for; or it is the
            directory that will be written.
    """
    weights = config.model.weights
    if weights is None or not is_run(weights):
        return
    if located(weights).resolve() == out.resolve():
        raise NoisecleanerError(
            f"A fit that goes on with a run's network needs a directory of its own, but `Model.weights` and `out` are "
            f"both {out}.",
            "Name another `out=DIR`.",
        )
    _shape_of(config.model)


def seen_before(config: FitConfig) -> Iterator[Notice]:
    """Tell where the network knows the labels of these rows from its earlier run."""
    weights = config.model.weights
    if weights is None or not is_run(weights):
        return
    before = Run(located(weights)).read_fitted().config
    if config.source.data in (before.source.data, before.trusted):
        message = (
            f"The network of {weights} has been trained on labels of {config.source.data} already, perhaps on verified "
            "ones. So what it says of these rows, and what is measured by it, can look better than it is: fit without "
            "`Model.weights` where that matters."
        )
        yield Notice(code="seen-before", message=message)
