"""Good defaults for what was left open about training."""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from noisecleaner.networks.backbones import Backbone
from noisecleaner.networks.devices import choose_precision
from noisecleaner.networks.shapes import Shape
from noisecleaner.settings import BATCH_SIZE, Effort
from noisecleaner.training.schedule import Schedule

#: A head on vectors that takes fewer steps than this has not learned enough from a small dataset.
_MIN_HEAD_STEPS = 400
#: Steps in an epoch from which a head learns no better for more of them (CIFAR-10 features).
_HEAD_STEPS = 94


def choose_schedule(
    effort: Effort, shape: Shape, *, backbone: Backbone | None, rows: int, seed: int, device: torch.device
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
        batch_size = effort.batch_size or BATCH_SIZE
    else:
        # a head on many rows: as many steps in an epoch as 12,000 rows make, in larger batches that cost less a row
        batch_size = effort.batch_size or min(1024, max(BATCH_SIZE, rows // _HEAD_STEPS))
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
