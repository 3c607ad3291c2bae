"""Entropy minimisation (Grandvalet, Bengio, 2005): the network is sure of rows that nobody labelled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from noisecleaner.arrays import IntArray
from noisecleaner.gradients.alignment import entropies
from noisecleaner.gradients.passes import with_spare_buffers
from noisecleaner.networks.network import Batch, Network
from noisecleaner.regularisers import Regulariser, Side, some_of


class Entropy(Regulariser):
    """The loss plus `weight` times the mean entropy of what the network says of unlabelled rows (eq. 6 there).

    So boundaries between classes pass where few rows lie. The rows are to be of the classes that are learned.

    Args:
        side: unlabelled rows.
        network: the network that will be trained.
        weight: of the entropy, in nats.
    """

    needs = "unlabelled"

    def __init__(self, side: Side, network: Network, *, weight: float = 0.1) -> None:
        super().__init__()
        del network
        if weight <= 0:
            raise ValueError("weight must be above 0")
        self.weight = weight
        self._rows = side.unlabelled

    def draw(self, rng: np.random.Generator, size: int) -> tuple[IntArray, ...]:
        """Choose a batch of unlabelled rows, shape [batch]."""
        return (some_of(self._rows, size, rng),)

    def regularise(self, loss: Tensor, network: Network, source: Batch, drawn: Sequence[Tensor]) -> Tensor:
        """Add the weighted mean entropy of `drawn[0]`, inputs of unlabelled rows; shape []."""
        return loss + self.weight * mean_entropy(with_spare_buffers(network, drawn[0]))


def mean_entropy(logits: Tensor) -> Tensor:
    """The mean entropy of the classes' probabilities of logits [n, classes], in nats, as a scalar."""
    return entropies(logits).mean()
