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

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from noisecleaner.gradients.passes import UnfollowedError, same_random_state, undone, with_spare_buffers

_aten = torch.ops.aten


class Products(TorchFunctionMode):
    """While active, linear layers, convolutions and affine norms weigh their gradients, and add up products.

    Args:
        weights: of the samples, shape [n].
        along: parameter -> v of that shape, or None where v is zero: every parameter of the network.
    """

    def __init__(self, weights: Tensor, along: Mapping[Tensor, Tensor | None]) -> None:
        super().__init__()
        self.weights = weights
        self.total = torch.zeros_like(weights)
        self.scale = weights.new_zeros(())
        self._along = {id(parameter): v for parameter, v in along.items()}

    def mean(self, losses: Tensor) -> Tensor:
        """The weighted mean of losses [n], which is to be propagated back; then `values` are known."""
        mean: Tensor = _WeightedMean.apply(self, losses)
        return mean

    def values(self) -> Tensor:
        """<grad CE_j, v> of every sample, shape [n]."""
        return torch.where(self.scale > 0, self.total / self.scale, torch.zeros_like(self.total))

    def of(self, parameter: Tensor | None) -> Tensor | None:
        """The slice of v that belongs to a parameter."""
        return self._along.get(id(parameter))

    def add(self, gradient: Tensor, output: Tensor) -> None:
        """Add the products of a layer, of both tensors [n, …] sample by sample; the output is used up."""
        if output.dtype.itemsize < 4:
            product = _dots(gradient, output)
        else:  # four times as fast as the matrix products, which are the faster ones in shorter formats
            product = output.mul_(gradient).sum(tuple(range(1, output.dim())))
        self.total += product.to(self.total)

    def weighted(self, gradient: Tensor, spare: Tensor | None = None) -> Tensor:
        """Multiply the gradient of each sample by its weight, shape [n, …], in the memory of a tensor as large."""
        return torch.mul(gradient, self.weights.to(gradient).view(-1, *[1] * (gradient.dim() - 1)), out=spare)

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Call a function, or the layer with a gradient of our own that stands for it."""
        given = dict(kwargs or {})
        if not any(isinstance(a, Tensor) and id(a) in self._along for a in (*args, *given.values())):
            return func(*args, **given)
        layer = _LAYERS.get(func)
        if layer is None:
            raise UnfollowedError(f"no rule for the parameters of {func.__name__}")
        return layer(self, *args, **given)


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


class _Bilinear(Protocol):
    """What a linear layer and a convolution have in common: both are linear in x, and in weight and bias."""

    def output(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """What the layer makes of its input."""
        ...

    def below(self, gradient: Tensor, x: Tensor, weight: Tensor) -> Tensor:
        """The gradient of x, from that of the output."""
        ...

    def own(self, gradient: Tensor, x: Tensor, weight: Tensor, shifted: bool) -> tuple[Tensor, Tensor | None]:
        """The gradients of weight and, where it is `shifted`, bias, from that of the output."""
        ...


class _Linear:
    def output(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return functional.linear(x, weight, bias)

    def below(self, gradient: Tensor, x: Tensor, weight: Tensor) -> Tensor:
        return gradient @ weight

    def own(self, gradient: Tensor, x: Tensor, weight: Tensor, shifted: bool) -> tuple[Tensor, Tensor | None]:
        rows = gradient.flatten(0, -2)
        return rows.mT @ x.flatten(0, -2), rows.sum(0) if shifted else None


@dataclass(frozen=True)
class _Convolution:
    """A convolution.

    Args:
        geometry: what `torch.convolution` takes behind the bias.
    """

    geometry: tuple[Any, ...]

    def output(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        output: Tensor = torch.convolution(x, weight, bias, *self.geometry)
        return output

    def below(self, gradient: Tensor, x: Tensor, weight: Tensor) -> Tensor:
        wanted = [True, False, False]
        below: Tensor = _aten.convolution_backward(gradient, x, weight, None, *self.geometry, wanted)[0]
        return below

    def own(self, gradient: Tensor, x: Tensor, weight: Tensor, shifted: bool) -> tuple[Tensor, Tensor | None]:
        sizes, wanted = [weight.shape[0]] if shifted else None, [False, True, shifted]
        _, own, shift = _aten.convolution_backward(gradient, x, weight, sizes, *self.geometry, wanted)
        return own, shift


class _Weighed(torch.autograd.Function):
    """A linear layer or convolution whose backward pass weighs its own gradients, and adds up products."""

    @staticmethod
    def forward(
        ctx: Any,
        products: Products,
        layer: _Bilinear,
        slices: Sequence[Tensor | None],
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
    ) -> Tensor:
        ctx.products, ctx.layer, ctx.slices = products, layer, slices
        ctx.save_for_backward(x, weight)
        return layer.output(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        x, weight = ctx.saved_tensors
        turned = None if ctx.slices[0] is None else ctx.layer.output(x, *ctx.slices)
        if turned is not None:
            ctx.products.add(gradient, turned)
        below = ctx.layer.below(gradient, x, weight) if ctx.needs_input_grad[3] else None
        own, shift = ctx.layer.own(ctx.products.weighted(gradient, turned), x, weight, ctx.needs_input_grad[5])
        return None, None, None, below, own, shift


class _Scale(torch.autograd.Function):
    """Scale and shift a normalised tensor; the parameters have been brought to a shape that broadcasts."""

    @staticmethod
    def forward(
        ctx: Any, products: Products, x: Tensor, weight: Tensor, bias: Tensor, slices: tuple[Tensor, Tensor]
    ) -> Tensor:
        ctx.products, ctx.slices = products, slices
        ctx.save_for_backward(x, weight)
        return x * weight + bias

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        x, weight = ctx.saved_tensors
        if ctx.slices[0] is not None:
            ctx.products.add(gradient, x * ctx.slices[0] + ctx.slices[1])
        own = ctx.products.weighted(gradient)
        return None, gradient * weight, (own * x).sum_to_size(weight.shape), own.sum_to_size(weight.shape), None


def _linear(products: Products, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Any:
    return _weighed(products, _Linear(), x, weight, bias)


def _weighed(products: Products, layer: _Bilinear, x: Tensor, weight: Tensor, bias: Tensor | None) -> Any:
    slices = _cast(x, products.of(weight), products.of(bias))
    return _Weighed.apply(products, layer, slices, *_cast(x, x, weight, bias))


def _cast(like: Tensor, *tensors: Tensor | None) -> list[Tensor | None]:
    """Bring tensors to the format that autocast asks for, as it does with a layer's arguments."""
    device = like.device.type
    if not torch.is_autocast_enabled(device):
        return list(tensors)
    return [None if tensor is None else tensor.to(torch.get_autocast_dtype(device)) for tensor in tensors]


def _convolution(
    products: Products,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    dimensions = weight.dim() - 2
    if isinstance(padding, str) or x.dim() != weight.dim():
        raise UnfollowedError("a convolution with padding by name, or without a batch")
    stride, padding, dilation = (
        (v,) * dimensions if isinstance(v, int) else tuple(v) for v in (stride, padding, dilation)
    )
    layer = _Convolution((stride, padding, dilation, False, (0,) * dimensions, groups))
    return _weighed(products, layer, x, weight, bias)


def _layer_norm(
    products: Products,
    x: Tensor,
    shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Any:
    return _scaled(products, functional.layer_norm(x, shape, None, None, eps), weight, bias, lambda p: p)


def _group_norm(
    products: Products,
    x: Tensor,
    groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Any:
    normal = functional.group_norm(x, groups, None, None, eps)
    return _scaled(products, normal, weight, bias, lambda p: p.view(-1, *[1] * (x.dim() - 2)))


def _scaled(
    products: Products, x: Tensor, weight: Tensor | None, bias: Tensor | None, shaped: Callable[[Tensor], Tensor]
) -> Any:
    if weight is None or bias is None:
        raise UnfollowedError("a norm with one parameter")
    slices = tuple(None if v is None else shaped(v) for v in (products.of(weight), products.of(bias)))
    return _Scale.apply(products, x, shaped(weight), shaped(bias), slices)


_LAYERS: Mapping[Callable[..., Any], Callable[..., Any]] = {
    functional.linear: _linear,
    functional.conv1d: _convolution,
    functional.conv2d: _convolution,
    functional.conv3d: _convolution,
    functional.layer_norm: _layer_norm,
    functional.group_norm: _group_norm,
}


def _dots(first: Tensor, second: Tensor) -> Tensor:
    """The scalar products of two tensors [n, …] sample by sample, shape [n]."""
    if all(t.dim() == 4 and t.is_contiguous(memory_format=torch.channels_last) for t in (first, second)):
        first, second = (t.permute(0, 2, 3, 1) for t in (first, second))  # so that flattening copies nothing
    return torch.bmm(first.flatten(1).unsqueeze(1), second.flatten(1).unsqueeze(2)).flatten()


def record(network: nn.Module, inputs: Tensor, weights: Tensor, along: Mapping[str, Tensor]) -> tuple[Tensor, Products]:
    """Call a network such that the backward pass of unweighted losses makes weighted gradients, and the products.

    Args:
        network: `separable`.
        inputs: a batch of n samples.
        weights: of the samples, shape [n].
        along: v by parameter name; zero for parameters left out.

    Returns:
        Logits, shape [n, classes], and the products: turn losses of the logits into `products.mean(losses)`.

    Raises:
        UnfollowedError: a layer has no rule; random state and running statistics are as they were.
    """
    products = Products(weights, {p: along.get(name) for name, p in network.named_parameters()})
    with undone(network, inputs), products:
        logits: Tensor = network(inputs)
    return logits, products


def separable(network: nn.Module, inputs: Tensor) -> bool:
    """Whether the logits of a sample depend on that sample alone, found out on a batch."""
    with torch.enable_grad(), same_random_state([inputs]):
        traced = inputs.detach().requires_grad_()
        logits = with_spare_buffers(network, traced)
        (slope,) = torch.autograd.grad(logits[0].sum(), traced, allow_unused=True)
    return slope is not None and not bool(slope[1:].any())
