"""What the tests of weightings share: small networks and batches in float64, and a whole step."""

from __future__ import annotations

import torch
from torch import nn

from noisecleaner.networks.backbones import Backbone
from noisecleaner.networks.network import Batch, Network
from noisecleaner.networks.twins import TwinHead, Twins
from noisecleaner.registry import names_in
from noisecleaner.weightings import Step, Weighting, weighting_class

#: Methods that train one network, whose contract is `step`, and those that train two, whose is in `test_pair.py`.
SINGLES, PAIRS = ([n for n in names_in("weightings") if weighting_class(n).networks == k] for k in (1, 2))
ROWS, CLASSES, WIDTH = 20, 3, 5
SOURCE, TARGET = [2, 3, 5, 7, 11, 13], [0, 1, 4, 6]


def small_network(trunk: bool = True) -> Network:
    torch.manual_seed(0)
    features = nn.Sequential(nn.Linear(WIDTH, 7), nn.Tanh()) if trunk else nn.Identity()
    return Network(trunk=features, head=nn.Linear(7 if trunk else WIDTH, CLASSES)).double()


def deep_network() -> Network:
    torch.manual_seed(0)
    block = nn.Sequential(nn.Sequential(nn.Linear(6, 6), nn.Tanh()), nn.Sequential(nn.Linear(6, 7), nn.Tanh()))
    trunk = nn.Sequential(nn.Linear(WIDTH, 6), nn.Tanh(), block)
    return Network(trunk=trunk, head=nn.Linear(7, CLASSES)).double()


def batch(rows: list[int], seed: int = 1) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(ROWS, WIDTH, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, CLASSES, (ROWS,), generator=generator)
    index = torch.tensor(rows, dtype=torch.int64)
    return Batch(inputs=inputs[index], labels=labels[index], rows=index)


def take(weighting: Weighting, network: Network, source: Batch, target: Batch) -> Step:
    """A whole step, as the training loop takes it, but for the optimiser."""
    step = weighting.step(network, source, target)
    torch.autograd.backward(step.loss)
    step.settle()
    return step


def seeded(weighting: Weighting, network: Network, source: Batch, target: Batch) -> Step:
    torch.manual_seed(7)
    return weighting.step(network, source, target)


class Layers(Backbone):
    """Vectors -> features: a backbone as far as a learner of two networks is concerned."""

    def __init__(self) -> None:
        super().__init__()
        self.size, self.width = 1, 7
        self.layers = nn.Sequential(nn.Linear(WIDTH, 7), nn.Tanh())

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.layers(pixels)
        return features


def pair_network() -> Network:
    """Two small networks as one, in float64."""
    torch.manual_seed(0)
    return Network(trunk=Twins(Layers(), Layers()), head=TwinHead(14, CLASSES)).double()
