"""What a training run does with a network, as a value, and the learner that does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn

from noisecleaner.errors import NoisecleanerError
from noisecleaner.inputs.batches import Data
from noisecleaner.networks.network import Network
from noisecleaner.networks.stacked import stacked
from noisecleaner.ranks.group import ALONE, Ranks
from noisecleaner.regularisers import Side
from noisecleaner.regularisers import build as build_regulariser
from noisecleaner.settings import Meta
from noisecleaner.training.folds import Fold
from noisecleaner.training.heads import HeadGroup, HeadsLearner
from noisecleaner.training.learner import WeightingLearner
from noisecleaner.training.pairs import PairLearner
from noisecleaner.training.schedule import Schedule
from noisecleaner.training.sharing import MOST_FOLDS
from noisecleaner.training.state import State, placed
from noisecleaner.training.streams import first_parameters
from noisecleaner.weightings import Weighting, weighting_class
from noisecleaner.weightings import build as build_weighting
from noisecleaner.weightings._pair import PairWeighting

#: Logits of all folds in a step, of which a step holds some ten times as many numbers: 128 MB each.
_MOST_LOGITS = 2**25


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
        full_precision: whether derivatives keep all digits of float32, as `Effort.precision` "float32" asks.
    """

    method: str
    options: Mapping[str, Any] = field(default_factory=dict)
    meta: Meta = field(default_factory=Meta)
    low_loss: bool = False
    regularisers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    target_classes: int | None = None
    averaged: bool = False
    full_precision: bool = False

    @property
    def shareable(self) -> bool:
        """Whether several processes may train one network with it, each on its part of every batch."""
        return weighting_class(self.method).shareable and not self.regularisers


def make_learner(
    recipe: Recipe,
    network: Network,
    data: Data,
    *,
    side: Side,
    fold: Fold,
    schedule: Schedule,
    seed: int,
    ranks: Ranks = ALONE,
) -> WeightingLearner | PairLearner:
    """Make the learner of a training run: that of the networks that its method trains together.

    Args:
        recipe: what it does.
        network: what it trains, changed in place.
        data: what batches are made of; the learner is where they go.
        side: what regularisers look at.
        fold: which rows train and which steer.
        schedule: how long and how fast.
        seed: of the first parameters of the weighting and the regularisers; that of the steps is the schedule's.
        ranks: the processes that take each step together.

    Raises:
        NoisecleanerError: the weighting or a regulariser does not suit the network.
    """
    state = placed(make_state(recipe, network, side=side, rows=len(data.given), seed=seed), data.device)
    if isinstance(state.weighting, PairWeighting):
        return PairLearner(state, state.weighting, data, fold, schedule)
    return WeightingLearner(state, data, fold, schedule, ranks)


def make_heads(
    recipe: Recipe,
    network: Network,
    data: Data,
    *,
    folds: Sequence[Fold],
    groups: Sequence[Sequence[int]],
    schedule: Schedule,
    aided: bool = False,
) -> HeadsLearner:
    """Make the learner of several folds of a linear head, see `may_stack`.

    Args:
        recipe: what it does.
        network: what every fold starts from.
        data: what batches are made of; the learner is where they go.
        folds: all of the assignment.
        groups: those of them that are trained; what is in one group is stacked.
        schedule: how long and how fast.
        aided: whether a second thread helps.

    Raises:
        NoisecleanerError: the weighting does not suit the network.
    """
    plain, rows, seed = replace(recipe, low_loss=False), len(data.given), schedule.seed  # clean sets are the learner's
    made = []
    for numbers in groups:
        state = make_state(plain, stacked(network, len(numbers)), side=Side(), rows=rows, seed=seed)
        made.append(HeadGroup(placed(state, data.device), numbers, schedule))
    trunk = network.trunk.to(data.device)
    low_loss = recipe.low_loss
    return HeadsLearner(made, trunk, data, folds, schedule=schedule, low_loss=low_loss, aided=aided)


def may_stack(recipe: Recipe, network: Network, folds: Sequence[Fold], schedule: Schedule) -> bool:
    """Whether the folds of a network may be trained in one step: those of a linear head that is all that is trained."""
    linear = isinstance(network.head, nn.Linear) and not network.trains_features
    plain = not recipe.regularisers and recipe.target_classes is None and schedule.precision == torch.float32
    if not (linear and plain and 1 < len(folds) <= MOST_FOLDS):
        return False
    logits = len(folds) * network.head.get_parameter("bias").numel() * schedule.batch_size
    return weighting_class(recipe.method).stacks and logits <= _MOST_LOGITS


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
        weighting.full_precision = recipe.full_precision
        if weighting.networks > 1 and recipe.regularisers:
            _refuse_regularisers(recipe)
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


def _refuse_regularisers(recipe: Recipe) -> None:
    raise NoisecleanerError(
        f"Regularisers look at one network, but `method={recipe.method!r}` trains two that teach each other.",
        "Leave `Regularisation.regularisers` out, or choose another `method`.",
    )
