"""Learners small enough to be followed by hand."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from noisecleaner.inputs.batches import Data
from noisecleaner.networks.network import Network
from noisecleaner.regularisers import Side
from noisecleaner.training.folds import Fold
from noisecleaner.training.learner import WeightingLearner
from noisecleaner.training.recipe import Recipe, make_learner
from noisecleaner.training.schedule import Schedule

SOURCE, STEERING, CHECKED, CLASSES, WIDTH = 24, 9, 6, 3, 5
ROWS = SOURCE + STEERING + CHECKED
CPU = torch.device("cpu")


def vectors(seed: int = 0) -> Data:
    """Source rows with given labels, a third of them wrong, and verified rows behind them."""
    rng = np.random.default_rng(seed)
    true = np.arange(ROWS) % CLASSES
    inputs = (3 * np.eye(CLASSES, WIDTH)[true] + rng.normal(size=(ROWS, WIDTH))).astype(np.float32)
    given = np.where(np.arange(ROWS) < SOURCE, np.where(rng.random(ROWS) < 1 / 3, (true + 1) % CLASSES, true), -1)
    return Data(array=inputs, given=given, trusted=np.where(given < 0, true, -1), device=CPU)


def fold() -> Fold:
    """All source rows train, most verified rows steer, the rest checks."""
    rows = np.arange(ROWS)
    return Fold(
        source=rows[:SOURCE],
        steering=rows[SOURCE : SOURCE + STEERING],
        recorded=rows[:SOURCE],
        predicted=rows[:SOURCE],
        checked=rows[SOURCE + STEERING :],
    )


def network(*, dropout: float = 0.0, seed: int = 0) -> Network:
    """One hidden layer."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        trunk = nn.Sequential(nn.Linear(WIDTH, 8), nn.ReLU(), nn.Dropout(dropout))
        return Network(trunk=trunk, head=nn.Linear(8, CLASSES))


def schedule(*, epochs: int = 4, batch_size: int = 8, seed: int = 1) -> Schedule:
    return Schedule(
        epochs=epochs, batch_size=batch_size, trusted_batch=STEERING, learning_rate=0.1, weight_decay=0.01, seed=seed
    )


def side() -> Side:
    """Half of the rows come from one camera, half from another."""
    return Side(irrelevant=np.arange(ROWS) % 2, names=("front", "rear"))


def learner(recipe: Recipe, *, dropout: float = 0.0, epochs: int = 4, rows: Fold | None = None) -> WeightingLearner:
    """A learner on vectors; equal calls make equal ones."""
    return make_learner(
        recipe,
        network(dropout=dropout),
        vectors(),
        side=side(),
        fold=rows or fold(),
        schedule=schedule(epochs=epochs),
        seed=2,
    )
