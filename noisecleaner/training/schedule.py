"""How long and how fast a network is trained."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch

from noisecleaner.networks.backbones import Backbone
from noisecleaner.networks.devices import choose_precision
from noisecleaner.networks.shapes import Shape
from noisecleaner.settings import BATCH_SIZE, Decline, Effort

#: A head on vectors that takes fewer steps than this has not learned enough from a small dataset.
_MIN_HEAD_STEPS = 400
#: Steps in an epoch from which a head learns no better for more of them (CIFAR-10 features).
_HEAD_STEPS = 94
#: Shares of all steps after which the learning rate falls to a tenth: 32,000 and 48,000 of 64,000 in He et al. (2016).
_FALLS = (0.5, 0.75)


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How long and how fast to train (momentum SGD).

    Args:
        epochs: passes over the source rows.
        batch_size: source rows in a step.
        trusted_batch: trusted rows in a step.
        learning_rate: at the start.
        weight_decay: L2 penalty.
        momentum: of SGD.
        seed: of every random number.
        checkpoint_seconds: least time between two checkpoints.
        precision: what the network's layers compute in.
        decline: how the learning rate goes on, see `Effort.schedule`.
        clip: norm that a gradient is cut to; 0 leaves it as it is.
    """

    epochs: int
    batch_size: int
    trusted_batch: int
    learning_rate: float
    weight_decay: float
    momentum: float = 0.9
    seed: int = 0
    checkpoint_seconds: float = 30.0
    precision: torch.dtype = torch.float32
    decline: Decline = "cosine"
    clip: float = 5.0

    def rate(self, done: float) -> float:
        """The learning rate when the share `done` of all steps lies behind."""
        match self.decline:
            case "cosine":
                return self.learning_rate * 0.5 * (1 + math.cos(math.pi * done))
            case "constant":
                return self.learning_rate
            case "step":
                return self.learning_rate * 0.1 ** sum(done >= fall for fall in _FALLS)


def choose_schedule(
    effort: Effort, shape: Shape, *, backbone: Backbone | None, rows: int, seed: int, device: torch.device
) -> Schedule:
    """Fill in what was left open.

    Args:
        effort: the user's choices.
        shape: the network.
        backbone: what is trained end to end; None for a head.
        rows: source rows of a fold.
        seed: of every random number.
        device: where training runs.
    """
    schedule = _of_backbone(effort, backbone) if backbone is not None else _of_head(effort, shape, rows)
    return replace(
        schedule,
        epochs=effort.epochs or schedule.epochs,
        learning_rate=effort.learning_rate or schedule.learning_rate,
        weight_decay=schedule.weight_decay if effort.weight_decay is None else effort.weight_decay,
        momentum=effort.momentum,
        decline=effort.schedule,
        clip=effort.clip,
        seed=seed,
        checkpoint_seconds=effort.checkpoint_seconds,
        precision=choose_precision(effort.precision, device, convolutions=backbone is not None),
    )


def _of_backbone(effort: Effort, backbone: Backbone) -> Schedule:
    return Schedule(
        epochs=30,
        batch_size=effort.batch_size or BATCH_SIZE,
        trusted_batch=effort.trusted_batch,
        learning_rate=backbone.learning_rate,
        weight_decay=5e-4,
    )


def _of_head(effort: Effort, shape: Shape, rows: int) -> Schedule:
    """The rates were chosen on features of EfficientNet-Lite0 (1,280 standardised coordinates).

    For other widths they scale such that a step changes the logits as much.
    """
    # on many rows: as many steps in an epoch as 12,000 rows make, in larger batches that cost less a row
    batch_size = effort.batch_size or min(1024, max(BATCH_SIZE, rows // _HEAD_STEPS))
    steps = math.ceil(rows / batch_size)
    if shape.kind == "probabilities":
        rate, decay = 0.05, 0.0
    elif shape.hidden:
        rate, decay = 0.01, 0.03
    else:
        rate = 4.0 / shape.width
        decay = 3e-4 / rate
    return Schedule(
        epochs=min(200, max(20, math.ceil(_MIN_HEAD_STEPS / steps))),
        batch_size=batch_size,
        trusted_batch=effort.trusted_batch,
        learning_rate=rate,
        weight_decay=decay,
    )
