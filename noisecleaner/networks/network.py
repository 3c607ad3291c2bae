"""What every method trains: a trunk and a classifier; and what it takes: batches."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Rows of a mini-batch.

    Args:
        inputs: pixels [n, 3, size, size], vectors [n, width] or log probabilities [n, classes].
        labels: given labels of source rows, verified labels of trusted rows, shape [n].
        rows: their numbers in the run, shape [n].
    """

    inputs: Tensor
    labels: Tensor
    rows: Tensor


class Network(nn.Module):
    """A trunk and a classifier on top: the paper's theta and phi.

    Args:
        trunk: inputs -> features [n, width].
        head: features [n, width] -> logits [n, classes].
    """

    def __init__(self, *, trunk: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = head

    @property
    def trains_features(self) -> bool:
        """Whether the trunk has parameters; where it has none, the head is all that is trained."""
        return any(True for _ in self.trunk.parameters())

    def forward(self, inputs: Tensor) -> Tensor:
        """Turn a batch of inputs [n, ...] into logits [n, classes]."""
        logits: Tensor = self.head(self.trunk(inputs))
        return logits
