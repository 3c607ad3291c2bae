"""What a training run does with a network, as a value, and the learner that does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from noisecleaner.errors import NoisecleanerError
from noisecleaner.inputs.batches import Data
from noisecleaner.networks.network import Network
from noisecleaner.regularisers import Side
from noisecleaner.regularisers import build as build_regulariser
from noisecleaner.settings import Meta
from noisecleaner.training.folds import Fold
from noisecleaner.training.learner import WeightingLearner
from noisecleaner.training.schedule import Schedule
from noisecleaner.training.state import State, placed
from noisecleaner.training.streams import first_parameters
from noisecleaner.weightings import Weighting
from noisecleaner.weightings import build as build_weighting


@dataclass(frozen=True)
class Recipe:
    """How rows are weighed, what else changes the loss, and what is kept.

    Args:
        method: a file of `weightings/`.
        options: the method's own options.
        meta: how exact its meta step is.
        low_loss: take rows of low loss for trusted ones.
        regularisers: files of `regularisers/` with their own options.
        target_classes: number of classes of the trusted rows in a transfer, else None.
        averaged: keep the mean of the network over the epochs. A network with batch norm has no use for it, and in a
            transfer phi_t has none for features other than its own.
    """

    method: str
    options: Mapping[str, Any] = field(default_factory=dict)
    meta: Meta = field(default_factory=Meta)
    low_loss: bool = False
    regularisers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    target_classes: int | None = None
    averaged: bool = False


def make_learner(
    recipe: Recipe, network: Network, data: Data, *, side: Side, fold: Fold, schedule: Schedule, seed: int
) -> WeightingLearner:
    """Make the learner of a training run.

    Args:
        recipe: what it does.
        network: what it trains, changed in place.
        data: what batches are made of; the learner is where they go.
        side: what regularisers look at.
        fold: which rows train and which steer.
        schedule: how long and how fast.
        seed: of the first parameters of the weighting and the regularisers; that of the steps is the schedule's.

    Raises:
        NoisecleanerError: the weighting or a regulariser does not suit the network.
    """
    state = make_state(recipe, network, side=side, rows=len(data.given), seed=seed)
    return WeightingLearner(placed(state, data.device), data, fold, schedule)


def make_state(recipe: Recipe, network: Network, *, side: Side, rows: int, seed: int) -> State:
    """Put together what a training run changes.

    Args:
        recipe: what it does.
        network: what it trains.
        side: what regularisers look at.
        rows: how many rows the run has.
        seed: of the first parameters of the weighting and the regularisers.

    Raises:
        NoisecleanerError: the weighting or a regulariser does not suit the network.
    """
    with first_parameters(seed):
        weighting = build_weighting(recipe.method, rows=rows, network=network, options=recipe.options, meta=recipe.meta)
        if recipe.target_classes is not None:
            _make_target(weighting, network, recipe.target_classes)
        regularisers = [
            build_regulariser(name, side=side, network=network, options=options)
            for name, options in recipe.regularisers.items()
        ]
    return State(
        network,
        weighting,
        rows=rows,
        averaged=recipe.averaged,
        low_loss=recipe.low_loss,
        regularisers=regularisers,
    )


def _make_target(weighting: Weighting, network: Network, classes: int) -> None:
    try:
        weighting.for_target(network, classes)
    except ValueError as error:
        raise NoisecleanerError(f"`transfer=True` cannot work here: {error}.", "Or leave `transfer` out.") from error
