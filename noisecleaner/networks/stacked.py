"""Linear classifiers of several folds, stacked: one product with the features serves them all."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from noisecleaner.networks.network import Network
from noisecleaner.threads import UNAIDED, Partner

#: Multiplications and additions from which it pays to give half of a product to another thread.
_WORTH = 2**23


class StackedLinear(nn.Module):
    """One linear classifier for each fold, all on the same features.

    Args:
        weight: of each, shape [folds, classes, width].
        bias: of each, shape [folds, classes].

    Attributes:
        partner: takes half of a product, of the rows or of the width.
    """

    partner: Partner = UNAIDED

    def __init__(self, *, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight.clone()), nn.Parameter(bias.clone())

    def forward(self, features: Tensor) -> Tensor:
        """Turn features [n, width] into logits [folds, n, classes]."""
        logits: Tensor = _Logits.apply(self.partner, features, self.weight, self.bias)
        return logits

    def ahead(self, features: Tensor, *, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of features [n, width] and how they move along a direction, in one product; [folds, n, classes] both.

        Args:
            features: shape [n, width].
            weight: of the direction, shape [folds, classes, width].
            bias: likewise, shape [folds, classes].
        """
        logits, moves = _Ahead.apply(self.partner, features, self.weight, self.bias, weight, bias)
        return logits, moves


class _Logits(torch.autograd.Function):
    """Logits whose gradient is that of the classifiers alone, written down: two operations in place of six."""

    @staticmethod
    def forward(ctx: Any, partner: Partner, features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.partner = partner
        ctx.save_for_backward(features)
        return linear(features, weight=weight, bias=bias, partner=partner)

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> Any:
        return (None, None, *by_classifiers(outer[0], ctx.saved_tensors[0], ctx.partner))


class _Ahead(torch.autograd.Function):
    """The same beside their derivative along a direction, which has no gradient."""

    @staticmethod
    def forward(ctx: Any, partner: Partner, features: Tensor, *stacks: Tensor) -> tuple[Tensor, Tensor]:
        ctx.partner = partner
        ctx.save_for_backward(features)
        weight, bias, along, along_bias = stacks
        both = torch.cat((weight, along)), torch.cat((bias, along_bias))
        logits, moves = linear(features, weight=both[0], bias=both[1], partner=partner).tensor_split(2)
        ctx.mark_non_differentiable(moves)
        return logits, moves

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> Any:
        return (None, None, *by_classifiers(outer[0], ctx.saved_tensors[0], ctx.partner), None, None)


@torch.no_grad()
def linear(features: Tensor, *, weight: Tensor, bias: Tensor, partner: Partner = UNAIDED) -> Tensor:
    """Multiply features with all classifiers.

    Args:
        features: shape [n, width].
        weight: shape [folds, classes, width].
        bias: shape [folds, classes].
        partner: takes half of the rows.

    Returns:
        Logits [folds, n, classes], whose rows lie side by side in memory: what is computed class by class, such as a
        softmax over few classes, then runs along them.
    """
    folds, classes, width = weight.shape
    flat, shift, n = weight.reshape(-1, width), bias.reshape(-1, 1), len(features)
    logits = features.new_empty(len(flat), n)

    @torch.no_grad()  # each thread has its own mode
    def fill(rows: slice) -> None:
        torch.addmm(shift, flat, features[rows].mT, out=logits[:, rows])

    _halved(fill, n, work=logits.numel() * width, device=features.device, partner=partner)
    return logits.view(folds, classes, n).mT


@torch.no_grad()
def by_classifiers(slope: Tensor, features: Tensor, partner: Partner = UNAIDED) -> tuple[Tensor, Tensor]:
    """The gradient by the classifiers of what slopes by logits [folds, n, classes] of features [n, width].

    Args:
        slope: shape [folds, n, classes].
        features: shape [n, width].
        partner: takes half of the width.

    Returns:
        Those of the weight, shape [folds, classes, width], and of the bias, shape [folds, classes].
    """
    (folds, n, classes), width = slope.shape, features.shape[1]
    flat = slope.mT.reshape(folds * classes, n)
    weight = features.new_empty(folds * classes, width)

    @torch.no_grad()
    def fill(columns: slice) -> None:
        torch.mm(flat, features[:, columns], out=weight[:, columns])

    _halved(fill, width, work=weight.numel() * n, device=features.device, partner=partner)
    return weight.view(folds, classes, width), slope.sum(dim=1)


def _halved(fill: Callable[[slice], None], end: int, *, work: int, device: torch.device, partner: Partner) -> None:
    """Fill a product from 0 to its end, in two halves on a CPU where it is worth it: whoever helps, the same two."""
    middle = -(-end // 2) if device.type == "cpu" and work >= _WORTH else end
    if middle == end:
        fill(slice(0, end))
    else:
        partner.both(partial(fill, slice(0, middle)), partial(fill, slice(middle, end)))


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
