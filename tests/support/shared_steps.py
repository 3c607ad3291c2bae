"""The same training run by one process or by several: what it leaves behind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from noisecleaner.inputs.batches import Data
from noisecleaner.networks.backbones import build
from noisecleaner.networks.network import Network
from noisecleaner.progress import Interrupts, Progress
from noisecleaner.ranks.group import Ranks
from noisecleaner.regularisers import Side
from noisecleaner.training.checkpoints import Checkpoint
from noisecleaner.training.folds import Fold
from noisecleaner.training.learner import WeightingLearner
from noisecleaner.training.loop import train
from noisecleaner.training.recipe import Recipe, make_learner, make_state
from noisecleaner.training.schedule import Schedule
from noisecleaner.training.streams import first_parameters
from support import learners

#: A batch of five rows is three for one of two processes, and two for the other.
UNEVEN = 5
CLASSES, SIZE = 3, 28


class Exact(Data):
    """The same in float64."""

    def readied(self, values: Tensor) -> Tensor:
        return values.double()


@dataclass(frozen=True)
class Vectors:
    """Trains on vectors in float64, so that only what is left out or counted twice shows.

    Args:
        recipe: what is done.
    """

    recipe: Recipe

    def learner(self, ranks: Ranks) -> WeightingLearner:
        state = make_state(self.recipe, learners.network().double(), side=Side(), rows=learners.ROWS, seed=0)
        state.weighting.double()
        plain = learners.vectors()
        data = Exact(array=plain.array, given=plain.given, trusted=plain.trusted, device=plain.device)
        return WeightingLearner(state, data, learners.fold(), learners.schedule(batch_size=UNEVEN), ranks)

    def __call__(self, ranks: Ranks) -> dict[str, Tensor]:
        return trained(self.learner(ranks))


@dataclass(frozen=True)
class Pixels:
    """Trains on pixels, which are augmented, as fit does.

    Args:
        recipe: what is done.
        backbone: what is trained.
        folder: where checkpoints go.
        until: the share of the steps that is taken; what is left of an earlier call is gone on with.
        epochs: in all.
    """

    recipe: Recipe
    backbone: str
    folder: Path
    until: float = 1.0
    epochs: int = 2

    def __call__(self, ranks: Ranks) -> dict[str, Tensor]:
        rng = np.random.default_rng(0)
        true = np.arange(60) % CLASSES
        pixels = (rng.integers(0, 80, (60, SIZE, SIZE, 3)) + 60 * true[:, None, None, None]).astype(np.uint8)
        given = np.where(np.arange(60) < 42, np.where(rng.random(60) < 0.3, (true + 1) % CLASSES, true), -1)
        data = Data(
            array=pixels,
            given=given,
            trusted=np.where(given < 0, true, -1),
            device=learners.CPU,
            augmented=True,
        )
        with first_parameters(0):
            trunk = build(self.backbone, size=SIZE, pretrained=False, weights=None)
            network = Network(trunk=trunk, head=nn.Linear(trunk.width, CLASSES))
        rows = np.arange(60)
        fold = Fold(source=rows[:42], steering=rows[42:55], recorded=rows[:42], predicted=rows[:42], checked=rows[55:])
        schedule = Schedule(
            epochs=self.epochs, batch_size=11, trusted_batch=9, learning_rate=0.01, weight_decay=0.001, seed=1
        )
        learner = make_learner(
            self.recipe, network, data, side=Side(), fold=fold, schedule=schedule, seed=2, ranks=ranks
        )
        checkpoint = Checkpoint(self.folder / "state.safetensors", 1e9, ranks)
        train(learner, checkpoint, title="", progress=Progress(), interrupts=Interrupts(), until=self.until)
        return {name: tensor.clone() for name, tensor in learner.state_dict().items()}


def trained(learner: WeightingLearner) -> dict[str, Tensor]:
    """What a learner has changed after all steps, and what its last epoch had to show."""
    shown = {}
    with learner.session():
        for number in range(learner.epochs * learner.steps_per_epoch):
            epoch, position = divmod(number, learner.steps_per_epoch)
            if position == 0:
                learner.begin_epoch(epoch)
            learner.step(number)
            if position == learner.steps_per_epoch - 1:
                shown = learner.end_epoch()
    told = {f"told.{name}": torch.tensor(number) for name, number in shown.items()}
    return {**{name: tensor.clone() for name, tensor in learner.state_dict().items()}, **told}


@dataclass(frozen=True)
class Several:
    """Several of these, one after the other, in the same processes."""

    runs: tuple[Vectors | Pixels, ...]

    def __call__(self, ranks: Ranks) -> list[dict[str, Tensor]]:
        return [run(ranks) for run in self.runs]
