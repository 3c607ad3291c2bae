"""Products <grad CE_j, v> of every sample, summed up layer by layer in a backward pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class Products:
    """Weighs the gradients of the samples of a batch, and adds up their products with v.

    Args:
        weights: of the samples, shape [n].
        along: parameter -> v of that shape, or None where v is zero: every parameter of the network.
    """

    def __init__(self, weights: Tensor, along: Mapping[Tensor, Tensor | None]) -> None:
        self.weights = weights
        self.total = torch.zeros_like(weights)
        self.scale = weights.new_zeros(())
        self._along = {id(parameter): v for parameter, v in along.items()}
        self._views: list[Tensor] = []

    def __contains__(self, parameter: Tensor) -> bool:
        """Whether a tensor is a parameter of the network."""
        return id(parameter) in self._along

    def of(self, parameter: Tensor | None) -> Tensor | None:
        """The slice of v that belongs to a parameter, of the same shape; None where it is zero."""
        return self._along.get(id(parameter))

    def put(self, view: Tensor, *, along: Tensor | None) -> Tensor:
        """Take a view of a parameter, of any shape, for one, with its part of v; return the view."""
        self._views.append(view)  # as long as it lives, no other tensor gets its identity
        self._along[id(view)] = along
        return view

    def mean(self, losses: Tensor) -> Tensor:
        """The weighted mean of losses [n], a scalar to be propagated back; then `values` are known."""
        mean: Tensor = _WeightedMean.apply(self, losses)
        return mean

    def values(self) -> Tensor:
        """<grad CE_j, v> of every sample, shape [n]."""
        return torch.where(self.scale > 0, self.total / self.scale, torch.zeros_like(self.total))

    def add(self, gradient: Tensor, *, turned: Tensor) -> None:
        """Add the products of a layer.

        Args:
            gradient: of the layer's output, [n, ...].
            turned: what the layer makes of its input with v for its parameters, of the same shape; it is used up.
        """
        if turned.dtype.itemsize < 4:
            product = _dots(gradient, turned)
        else:  # four times as fast as the matrix products, which are the faster ones in shorter formats
            product = turned.mul_(gradient).sum(tuple(range(1, turned.dim())))
        self.total += product.to(self.total)

    def weighted(self, gradient: Tensor, *, spare: Tensor | None = None) -> Tensor:
        """Multiply the gradient of each sample by its weight, shape [n, ...], in the memory of a tensor as large."""
        return torch.mul(gradient, self.weights.to(gradient).view(-1, *[1] * (gradient.dim() - 1)), out=spare)


class _WeightedMean(torch.autograd.Function):
    """A weighted mean whose gradient is that of the plain one: the layers weigh their own gradients."""

    @staticmethod
    def forward(ctx: Any, products: Products, losses: Tensor) -> Tensor:
        ctx.products = products
        return (products.weights * losses).mean()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        ctx.products.scale = gradient / len(ctx.products.weights)  # a regulariser may have scaled the loss
        return None, ctx.products.scale.expand_as(ctx.products.weights)


def _dots(first: Tensor, second: Tensor) -> Tensor:
    """The scalar products of two tensors [n, …] sample by sample, shape [n]."""
    if all(t.dim() == 4 and t.is_contiguous(memory_format=torch.channels_last) for t in (first, second)):
        first, second = (t.permute(0, 2, 3, 1) for t in (first, second))  # so that flattening copies nothing
    return torch.bmm(first.flatten(1).unsqueeze(1), second.flatten(1).unsqueeze(2)).flatten()
