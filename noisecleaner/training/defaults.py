"""What to train: the user's choices, and good defaults for what was left open."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from typing import get_args

import torch

from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.networks.backbones import Backbone, build, efficientnet_lite0
from noisecleaner.networks.devices import choose_precision
from noisecleaner.networks.shapes import Shape
from noisecleaner.registry import check_choice, names_in
from noisecleaner.regularisers import check_options, regulariser_class
from noisecleaner.settings import NO_TRUSTED, Effort, Model, Precision, Regularisation
from noisecleaner.training.schedule import Schedule
from noisecleaner.weightings import weighting_class

#: A head on vectors that takes fewer steps than this has not learned enough from a small dataset.
_MIN_HEAD_STEPS = 400
#: Steps in an epoch from which a head learns no better for more of them (CIFAR-10 features).
_HEAD_STEPS = 94
#: Rows in a step.
_BATCH = 128


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
        able = [name for name in names_in("weightings") if weighting_class(name).transfers]
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
    check_choice(effort.precision, get_args(Precision), parameter="`Effort.precision`")
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
