"""Plain training: every given label counts 1, as if there were no trusted rows."""

from __future__ import annotations

import torch

from noisecleaner.networks.network import Batch, Network
from noisecleaner.weightings import Step, Weighting


class Uniform(Weighting):
    """The baseline that the papers compare with.

    Args:
        rows: how many rows the run has.
        network: the network that will be trained.
    """

    needs_trusted = False
    stacks = shareable = True

    def __init__(self, rows: int, network: Network) -> None:
        super().__init__(rows, network)  # plain from the first step on: a warm-up would change nothing

    def step(self, network: Network, source: Batch, target: Batch) -> Step:
        """Take the mean cross-entropy on the given labels."""
        plain = self.warm_up(network, source, target)
        self.record_batch(source, torch.ones_like(plain.logits[..., 0]))
        return plain
