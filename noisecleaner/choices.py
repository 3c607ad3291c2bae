"""What to train: the user's choices, and good defaults for what was left open."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

import torch

from noisecleaner.backbones import Backbone, build, efficientnet_lite0
from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.places import absolute
from noisecleaner.methods import check_choice, method_names
from noisecleaner.precision import Precision, choose_precision
from noisecleaner.regularisers import check_options, regulariser_class
from noisecleaner.schedule import Schedule
from noisecleaner.shapes import Shape
from noisecleaner.weightings import Meta, weighting_class

#: A head on vectors that takes fewer steps than this has not learned enough from a small dataset.
_MIN_HEAD_STEPS = 400
#: Steps in an epoch from which a head learns no better for more of them (CIFAR-10 features).
_HEAD_STEPS = 94
#: Rows in a step.
_BATCH = 128
#: What `trusted` says where nobody has verified anything.
NO_TRUSTED = "none"


@dataclass(frozen=True)
class Model:
    """What looks at the images.

    Args:
        backbone: a name of `noisecleaner methods`, or any torchvision classification model; None chooses.
        frozen: compute features once and train a small head on them; None does so where weights are pretrained.
        pretrained: load published weights.
        weights: a safetensors file with the backbone's weights.
        image_size: edge length that images are resized to; None takes the backbone's own.
        hidden: units of a hidden layer in the head on features or embeddings, 0 for none.
    """

    backbone: str | None = None
    frozen: bool | None = None
    pretrained: bool = False
    weights: Path | None = None
    image_size: int | None = None
    hidden: int = 0


@dataclass(frozen=True)
class Regularisation:
    """What changes the loss besides the weighting, and the rows that it looks at.

    Args:
        regularisers: files of `regularisers/` with their own options.
        unlabelled: table or folder of rows of the target without labels.
        irrelevant: table or folder of rows with a task-irrelevant label; its column is `Columns.irrelevant`.
    """

    regularisers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    unlabelled: str | None = None
    irrelevant: str | None = None

    def placed(self) -> Regularisation:
        """The same with absolute paths, for the record: a run may be resumed from another directory."""
        unlabelled, irrelevant = (path and absolute(path) for path in (self.unlabelled, self.irrelevant))
        return Regularisation(self.regularisers, unlabelled, irrelevant)


def check_regularisation(chosen: Regularisation, column: str | None) -> None:
    """Refuse regularisers that are unknown, their unknown options, and rows that no regulariser would look at.

    Raises:
        NoisecleanerError: names the valid ones.
    """
    for name, options in chosen.regularisers.items():
        check_options(name, options)
    needed = {regulariser_class(name).needs for name in chosen.regularisers}
    given = {"--unlabelled": ("unlabelled", chosen.unlabelled), "--irrelevant": ("irrelevant", chosen.irrelevant)}
    given["--irrelevant-column"] = ("irrelevant", column)
    for option, (needs, value) in given.items():
        if value is not None and needs not in needed:
            raise NoisecleanerError(
                f"{option} is for a regulariser that looks at such rows, but none was chosen.",
                f"Leave {option} out, or choose one with --regulariser (see `noisecleaner methods`).",
            )


def check_batch(method: str, least: int, effort: Effort) -> None:
    """Refuse batches that a method cannot work with.

    Raises:
        NoisecleanerError: names the least size.
    """
    size = effort.batch_size or _BATCH
    if size < least:
        raise NoisecleanerError(
            f"--method {method} with these options needs a --batch-size of at least {least}, but it is {size}.",
            f"Give --batch-size {least} or more.",
        )


def check_transfer(method: str, trusted: str | None, effort: Effort) -> None:
    """Refuse what does not go with a transfer to other classes.

    Raises:
        NoisecleanerError: says what it needs.
    """
    if trusted in (None, NO_TRUSTED):
        raise NoisecleanerError(
            "--transfer needs the target: labelled rows of the task that the dataset shall help, but there are none.",
            "Name them with --trusted PATH.",
        )
    if not weighting_class(method).transfers:
        able = [name for name in method_names() if weighting_class(name).transfers]
        raise NoisecleanerError(
            f"--transfer needs a method in which the target may have classes of its own, but {method} compares labels.",
            f"Choose --method {' or '.join(able)}.",
        )
    if effort.folds not in (None, 1):
        raise NoisecleanerError(
            "--transfer trains once on all rows, because rows of other classes cannot be cross-fitted, but --folds is "
            f"{effort.folds}.",
            "Leave --folds out.",
        )


@dataclass(frozen=True)
class Effort:
    """How long and how hard to train; None chooses.

    Args:
        epochs: passes over the data.
        batch_size: rows in a step; None takes 128, for a head on many rows more.
        trusted_batch: trusted rows in a step.
        learning_rate: at the start of the cosine.
        weight_decay: L2 penalty.
        folds: training runs for cross-fitting (at least 3), or 1 for a single run.
        checkpoint_seconds: least time between two checkpoints.
        meta: how exact the weighting's meta step is.
        precision: what the network's layers compute in; "auto" chooses by the hardware.
        workers: folds of a small head trained at once, each in a process of its own; see `workers.side_by_side` for
            what more than one asks of a script.
    """

    epochs: int | None = None
    batch_size: int | None = None
    trusted_batch: int = 64
    learning_rate: float | None = None
    weight_decay: float | None = None
    folds: int | None = None
    checkpoint_seconds: float = 30.0
    meta: Meta = field(default_factory=Meta)
    precision: Precision = "auto"
    workers: int = 1


def check_effort(effort: Effort) -> None:
    """Refuse numbers that make no sense.

    Raises:
        NoisecleanerError: names the option and its range.
    """
    bounds: dict[str, tuple[float | None, float]] = {
        "--epochs": (effort.epochs, 1),
        "--batch-size": (effort.batch_size, 2),  # batch norm has nothing to work with on a single row
        "--trusted-batch": (effort.trusted_batch, 2),
        "--learning-rate": (effort.learning_rate, sys.float_info.min),
        "--weight-decay": (effort.weight_decay, 0),
        "--workers": (effort.workers, 1),
    }
    check_choice("--precision", effort.precision, list(get_args(Precision)))
    for option, (value, least) in bounds.items():
        if value is not None and not least <= value < math.inf:
            bound = f"at least {least}" if isinstance(least, int) else "above 0"
            raise NoisecleanerError(
                f"{option} must be {bound} and finite, but it is {value}.", f"Leave {option} out to have it chosen."
            )
    if effort.folds is not None and effort.folds != 1 and effort.folds < 3:
        raise NoisecleanerError(
            f"--folds must be 1 (a single run) or at least 3 (cross-fitting), but it is {effort.folds}.",
            "Leave --folds out to have it chosen.",
        )


def choose_backbone(model: Model) -> tuple[str, Backbone, bool]:
    """Choose and make the backbone for a dataset of images.

    Returns:
        Its name, the backbone, and whether it is frozen.

    Raises:
        NoisecleanerError: the choice is impossible.
    """
    name = model.backbone or ("efficientnet-lite0" if efficientnet_lite0.installed() else "cifar-quick")
    backbone = build(name, size=model.image_size, pretrained=model.pretrained, weights=model.weights)
    frozen = backbone.trained if model.frozen is None else model.frozen
    if frozen and not backbone.trained:
        raise NoisecleanerError(
            f"--frozen needs pretrained weights, but {name} would start from random ones.",
            "Add --pretrained or --weights FILE.safetensors, choose efficientnet-lite0, or pass --no-frozen.",
        )
    if model.hidden and not frozen:
        raise NoisecleanerError(
            f"--hidden puts a layer on frozen features, but {name} is trained end to end.",
            "Leave --hidden out, or pass --frozen.",
        )
    _check_size(name, backbone)
    return name, backbone, frozen


@torch.no_grad()
def _check_size(name: str, backbone: Backbone) -> None:
    """Try an image size before anything is decoded."""
    backbone.eval()
    try:
        backbone(torch.zeros(1, 3, backbone.size, backbone.size))
    except (RuntimeError, ValueError, AssertionError) as error:
        raise NoisecleanerError(
            f"{name} cannot take images of {backbone.size} pixels ({str(error).splitlines()[0]}).",
            "Give a larger --image-size, or leave it out.",
        ) from error
    backbone.train()


def check_no_backbone(model: Model) -> None:
    """Refuse image options for a dataset of vectors, where they would do nothing.

    Raises:
        NoisecleanerError: names them.
    """
    given = {
        "--backbone": model.backbone,
        "--frozen": model.frozen,
        "--pretrained": model.pretrained or None,
        "--weights": model.weights,
        "--image-size": model.image_size,
    }
    useless = [option for option, value in given.items() if value is not None]
    if useless:
        raise NoisecleanerError(
            f"Options about images need images, but the rows bring vectors; {listed(useless)} would do nothing.",
            "Leave those options out.",
        )


def check_no_hidden(model: Model) -> None:
    """Refuse a hidden layer on class probabilities, which are only recalibrated.

    Raises:
        NoisecleanerError: one was asked for.
    """
    if model.hidden:
        raise NoisecleanerError(
            "--hidden puts a layer on embeddings, but the rows bring class probabilities; it would do nothing.",
            "Leave --hidden out, or give --embedding-column.",
        )


def choose_schedule(
    effort: Effort, shape: Shape, backbone: Backbone | None, rows: int, seed: int, device: torch.device
) -> Schedule:
    """Fill in what was left open.

    The rates of a head were chosen on features of EfficientNet-Lite0 (1,280 standardised coordinates); for other
    widths they scale such that a step changes the logits as much.

    Args:
        effort: the user's choices.
        shape: the network.
        backbone: what is trained end to end; None for a head.
        rows: source rows of a fold.
        seed: of every random number.
        device: where training runs.
    """
    if backbone is not None:
        epochs, rate, decay = 30, backbone.learning_rate, 5e-4
        batch_size = effort.batch_size or _BATCH
    else:
        # a head on many rows: as many steps in an epoch as 12,000 rows make, in larger batches that cost less a row
        batch_size = effort.batch_size or min(1024, max(_BATCH, rows // _HEAD_STEPS))
        steps = math.ceil(rows / batch_size)
        epochs = min(200, max(20, math.ceil(_MIN_HEAD_STEPS / steps)))
        rate = 0.01 if shape.hidden else 4.0 / shape.width
        decay = 0.03 if shape.hidden else 3e-4 / rate
        if shape.kind == "probabilities":
            rate, decay = 0.05, 0.0
    chosen = Schedule(
        epochs=effort.epochs or epochs,
        batch_size=batch_size,
        trusted_batch=effort.trusted_batch,
        learning_rate=effort.learning_rate or rate,
        weight_decay=decay,
        seed=seed,
        checkpoint_seconds=effort.checkpoint_seconds,
        precision=choose_precision(effort.precision, device, backbone is not None),
    )
    return chosen if effort.weight_decay is None else replace(chosen, weight_decay=effort.weight_decay)


def choose_device(name: str) -> torch.device:
    """Choose the device: `auto` takes CUDA, then Apple's MPS, then the CPU.

    Raises:
        NoisecleanerError: the device is not there.
    """
    if name == "auto":
        found = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        return torch.device(found)
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()  # fails on devices that hold no numbers, such as meta
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise NoisecleanerError(
            f"--device {name} cannot be used ({str(error).splitlines()[0]}).",
            "Give auto, cpu, cuda, cuda:N or mps.",
        ) from error
    return device
