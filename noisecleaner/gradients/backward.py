"""Products <grad CE_j, v> of every sample, in the backward pass of the step itself.

SOSELETO weighs a batch by the weights as they are (Algorithm 1), which are known before the backward pass, and asks
only for the product at the given label. So the losses are propagated back unweighted, and a linear layer or convolution
with input x, output gradient d and v-slice V forms its weight gradient from alpha * d and adds the sum of
d * layer(x; V) for each sample: one forward pass instead of the two of a forward-mode derivative, or all digits instead
of half of them where that makes do with one (`bilinear.py`).

That is exact where samples do not see each other. Batch norm in training mode makes them, and a layer that is not known
here has no rule; `separable` and `UnfollowedError` tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from noisecleaner.gradients.attention import PARTS
from noisecleaner.gradients.backward_rules import RULES
from noisecleaner.gradients.passes import Rehearsals, UnfollowedError, asks, same_random_state, with_spare_buffers
from noisecleaner.gradients.products import Products


def weighted_pass(
    network: nn.Module,
    inputs: Tensor,
    *,
    weights: Tensor,
    along: Mapping[str, Tensor],
    rehearsals: Rehearsals | None = None,
) -> tuple[Tensor, Products]:
    """Call a network such that the backward pass of unweighted losses makes weighted gradients, and the products.

    Args:
        network: `separable`.
        inputs: a batch of n samples.
        weights: of the samples, shape [n].
        along: v by parameter name, in the parameters' shapes; zero for parameters left out.
        rehearsals: of earlier passes of this kind through the network.

    Returns:
        Logits, shape [n, classes], and the products: turn losses [n] of the logits into `products.mean(losses)`.

    Raises:
        UnfollowedError: a layer has no rule; random state and running statistics are as they were.
    """
    products = Products(weights, {p: along.get(name) for name, p in network.named_parameters()})
    with (rehearsals or Rehearsals()).rehearsed(network, inputs), BackwardMode(products):
        logits: Tensor = network(inputs)
    return logits, products


def separable(network: nn.Module, inputs: Tensor) -> bool:
    """Whether the logits of a sample depend on that sample alone, found out on a batch [n, ...]."""
    with torch.enable_grad(), same_random_state([inputs]):
        traced = inputs.detach().requires_grad_()
        logits = with_spare_buffers(network, traced)
        (slope,) = torch.autograd.grad(logits[0].sum(), traced, allow_unused=True)
    return slope is not None and not bool(slope[1:].any())


class BackwardMode(TorchFunctionMode):
    """While active, layers with parameters weigh their gradients in the backward pass, and add up products.

    Args:
        products: of the network's parameters.
    """

    def __init__(self, products: Products) -> None:
        super().__init__()
        self.products = products

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Call a function, or the layer with a gradient of our own that stands for it."""
        given = dict(kwargs or {})
        if not any(isinstance(a, Tensor) and a in self.products for a in (*args, *given.values())):
            return func(*args, **given)
        if func in RULES:
            return RULES[func](self.products, *args, **given)
        result = self._in_parts(func, args, given) if func in PARTS else NotImplemented
        if asks(func):
            result = func(*args, **given)
        if result is NotImplemented or (asks(func) and isinstance(result, Tensor)):
            raise UnfollowedError(f"no rule for the parameters of {func.__name__}")
        return result

    def _in_parts(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call what a larger function consists of, and see each of that."""
        with self:
            return PARTS[func](*args, **kwargs)
