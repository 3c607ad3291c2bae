"""What most experiments do: train a network with a weighting."""

from __future__ import annotations

from noisecleaner.bench import Work
from noisecleaner.inputs.batches import Data
from noisecleaner.networks.backbones import build as build_backbone
from noisecleaner.networks.heads import build_network
from noisecleaner.networks.network import Network
from noisecleaner.networks.shapes import Shape
from noisecleaner.regularisers import Side
from noisecleaner.training.checkpoints import Checkpoint
from noisecleaner.training.folds import Fold
from noisecleaner.training.loop import train
from noisecleaner.training.recipe import Recipe, make_learner
from noisecleaner.training.schedule import Schedule
from noisecleaner.training.state import State
from noisecleaner.training.streams import first_parameters


def new_network(backbone: str, *, size: int | None, classes: int, seed: int) -> Network:
    """Make a network with random weights that depend on the seed alone.

    Args:
        backbone: a file of `backbones/`, or a torchvision model.
        size: edge length of the images; None for the backbone's own.
        classes: number of classes.
        seed: of the weights.
    """
    with first_parameters(seed):
        trunk = build_backbone(backbone, size=size, pretrained=False, weights=None)
        shape = Shape(kind="pixels", classes=classes, width=trunk.width, backbone=backbone, size=trunk.size)
        return build_network(shape, trunk)


def learn(
    work: Work,
    network: Network,
    recipe: Recipe,
    *,
    data: Data,
    fold: Fold,
    schedule: Schedule,
    side: Side | None = None,
) -> State:
    """Train a network, or go on from the run's checkpoint.

    Args:
        work: the run.
        network: changed in place.
        recipe: what is done with it.
        data: what batches are made of.
        fold: which rows train and which steer.
        schedule: how long and how fast.
        side: what regularisers look at.

    Returns:
        The network, its weighting and the history of every row.
    """
    learner = make_learner(recipe, network, data, side=side or Side(), fold=fold, schedule=schedule, seed=work.seed)
    checkpoint = Checkpoint(work.checkpoint, schedule.checkpoint_seconds)
    train(learner, checkpoint, title=work.title, progress=work.progress, interrupts=work.interrupts)
    return learner.state
