"""Linear classifiers of several folds, stacked: one product with the features serves them all."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from noisecleaner.networks.network import Network


class StackedLinear(nn.Module):
    """One linear classifier for each fold, all on the same features.

    Args:
        weight: of each, shape [folds, classes, width].
        bias: of each, shape [folds, classes].
    """

    def __init__(self, *, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight.clone()), nn.Parameter(bias.clone())

    def forward(self, features: Tensor) -> Tensor:
        """Turn features [n, width] into logits [folds, n, classes]."""
        return linear(features, weight=self.weight, bias=self.bias)


def linear(features: Tensor, *, weight: Tensor, bias: Tensor) -> Tensor:
    """Multiply features with all classifiers.

    Args:
        features: shape [n, width].
        weight: shape [folds, classes, width].
        bias: shape [folds, classes].

    Returns:
        Logits [folds, n, classes], whose rows lie side by side in memory: what is computed class by class, such as a
        softmax over few classes, then runs along them.
    """
    folds, classes, width = weight.shape
    logits = torch.addmm(bias.reshape(-1, 1), weight.reshape(-1, width), features.mT)
    return logits.view(folds, classes, len(features)).mT


def stacked(network: Network, folds: int) -> Network:
    """Make as many classifiers as there are folds of the one of a network, `nn.Linear`, on what its trunk returns."""
    weight, bias = (network.head.get_parameter(name).detach() for name in ("weight", "bias"))
    head = StackedLinear(weight=weight.expand(folds, *weight.shape), bias=bias.expand(folds, *bias.shape))
    return Network(trunk=nn.Identity(), head=head)


@torch.no_grad()
def unstack(several: Network, network: Network, fold: int) -> Network:
    """Give a network with one classifier that of a fold, and return it."""
    for name in ("weight", "bias"):
        network.head.get_parameter(name).copy_(several.head.get_parameter(name)[fold])
    return network


def leading(network: Network) -> tuple[int, ...]:
    """The axes that what is said of a row begins with: (folds,) where a network has several classifiers, else none."""
    return (len(network.head.weight),) if isinstance(network.head, StackedLinear) else ()
