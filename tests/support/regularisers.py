"""What the tests of regularisers share: rows with a camera, a network with batch norm, and a step, in float64."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from noisecleaner.networks.network import Batch, Network
from noisecleaner.regularisers import Regulariser, Side

ROWS, CLASSES, WIDTH = 40, 3, 6
SOURCE = list(range(10))
INPUTS = torch.randn(ROWS, WIDTH, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
LABELS = torch.arange(ROWS) % CLASSES


def network() -> Network:
    torch.manual_seed(0)
    trunk = nn.Sequential(nn.Linear(WIDTH, 8), nn.BatchNorm1d(8), nn.Tanh())
    return Network(trunk=trunk, head=nn.Linear(8, CLASSES)).double()


def side() -> Side:
    camera = np.where(np.arange(ROWS) < 5, -1, np.arange(ROWS) % 2)
    return Side(unlabelled=np.arange(20, ROWS), irrelevant=camera, names=("front", "rear"))


def batch(rows: list[int]) -> Batch:
    index = torch.tensor(rows)
    return Batch(inputs=INPUTS[index], labels=LABELS[index], rows=index)


def step(regulariser: Regulariser, trained: Network, number: int = 0) -> Tensor:
    """What the training loop does with a regulariser."""
    source = batch(SOURCE)
    drawn = [INPUTS[rows] for rows in regulariser.draw(np.random.default_rng(number), len(SOURCE))]
    loss = functional.cross_entropy(trained(source.inputs), source.labels)
    return regulariser.regularise(loss, trained, source, drawn)
