"""What most experiments do: train a network with a weighting, and ask it for labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from noisecleaner.arrays import IntArray
from noisecleaner.bench import Work
from noisecleaner.inputs.batches import Data
from noisecleaner.networks.backbones import build as build_backbone
from noisecleaner.networks.heads import build_network
from noisecleaner.networks.network import Network
from noisecleaner.networks.shapes import Shape
from noisecleaner.regularisers import build as build_regulariser
from noisecleaner.settings import Meta
from noisecleaner.training.folds import Fold
from noisecleaner.training.loop import predict, train
from noisecleaner.training.schedule import Schedule
from noisecleaner.training.state import State, placed
from noisecleaner.weightings import build

_BATCH = 512


def new_network(backbone: str, size: int, classes: int, seed: int) -> Network:
    """Make a network with random weights that depend on the seed alone.

    Args:
        backbone: a file of `backbones/`, or a torchvision model.
        size: edge length of the images.
        classes: number of classes.
        seed: of the weights.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        trunk = build_backbone(backbone, size=size, pretrained=False, weights=None)
        shape = Shape(kind="pixels", classes=classes, width=trunk.width, backbone=backbone, size=size)
        return build_network(shape, trunk)


def learn(
    work: Work,
    network: Network,
    data: Data,
    fold: Fold,
    schedule: Schedule,
    method: str,
    options: Mapping[str, Any] | None = None,
    meta: bool = False,
    regularisers: Mapping[str, Mapping[str, Any]] | None = None,
    target: int | None = None,
    steps: Meta | None = None,
) -> State:
    """Train a network with a weighting, or go on from the run's checkpoint.

    Args:
        work: the run.
        network: changed in place.
        data: what batches are made of.
        fold: which rows train and which steer.
        schedule: how long and how fast.
        method: a file of `weightings/`.
        options: the method's own options.
        meta: choose the rows that steer by their losses.
        regularisers: files of `regularisers/` with their own options.
        target: number of classes of the trusted rows in a transfer.
        steps: how exact the method's meta step is.

    Returns:
        The network, its weighting and the history of every row.
    """
    rows = len(data.given)
    with torch.random.fork_rng():
        torch.manual_seed(work.seed)
        weighting = build(method, rows=rows, network=network, options=options, meta=steps)
        if target is not None:
            weighting.for_target(network, target)
        terms = [
            build_regulariser(name, side=data.side, network=network, options=given)
            for name, given in (regularisers or {}).items()
        ]
    state = placed(State(network, weighting, rows, averaged=False, meta=meta, regularisers=terms), work.device)
    train(state, data, fold, schedule, work.checkpoint, work.title, work.progress, work.interrupts)
    return state


def answers(network: Network, data: Data, rows: IntArray) -> IntArray:
    """The network's label of each row, shape [rows]."""
    found = [logits.argmax(dim=1).numpy() for _, logits in predict(network, data, rows, _BATCH)]
    return np.concatenate([rows[:0], *found])


def accuracy(network: Network, data: Data, rows: IntArray, labels: IntArray) -> float:
    """Share of rows that a network labels as `labels` does, each of shape [n]."""
    return float((answers(network, data, rows) == labels).mean())
