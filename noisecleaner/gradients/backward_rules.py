"""Layers whose backward pass weighs its own gradients, and adds up products: rules for `backward.py`.

Each rule stands for a function of PyTorch and takes its arguments, behind the products.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from noisecleaner.gradients.passes import UnfollowedError, has_kernels
from noisecleaner.gradients.products import Products

_aten = torch.ops.aten


@dataclass(frozen=True, kw_only=True, eq=False)
class _Slices:
    """The slices of v that belong to a layer's parameters, in the shapes of these; None where v is zero."""

    weight: Tensor | None
    bias: Tensor | None


class _Bilinear(Protocol):
    """What a linear layer and a convolution have in common: both are linear in x, and in weight and bias."""

    def output(self, x: Tensor, *, weight: Tensor, bias: Tensor | None) -> Tensor:
        """What the layer makes of its input."""
        ...

    def below(self, gradient: Tensor, *, x: Tensor, weight: Tensor) -> Tensor:
        """The gradient of x, from that of the output."""
        ...

    def own(self, gradient: Tensor, *, x: Tensor, weight: Tensor, shifted: bool) -> tuple[Tensor, Tensor | None]:
        """The gradients of weight and, where it is `shifted`, bias, from that of the output."""
        ...


class _Linear:
    def output(self, x: Tensor, *, weight: Tensor, bias: Tensor | None) -> Tensor:
        return functional.linear(x, weight, bias)

    def below(self, gradient: Tensor, *, x: Tensor, weight: Tensor) -> Tensor:
        return gradient @ weight

    def own(self, gradient: Tensor, *, x: Tensor, weight: Tensor, shifted: bool) -> tuple[Tensor, Tensor | None]:
        rows = gradient.flatten(0, -2)
        return rows.mT @ x.flatten(0, -2), rows.sum(0) if shifted else None


@dataclass(frozen=True)
class _Convolution:
    """A convolution.

    Args:
        geometry: what `torch.convolution` takes behind the bias.
    """

    geometry: tuple[Any, ...]

    def output(self, x: Tensor, *, weight: Tensor, bias: Tensor | None) -> Tensor:
        output: Tensor = torch.convolution(x, weight, bias, *self.geometry)
        return output

    def below(self, gradient: Tensor, *, x: Tensor, weight: Tensor) -> Tensor:
        wanted = [True, False, False]
        below: Tensor = _aten.convolution_backward(gradient, x, weight, None, *self.geometry, wanted)[0]
        return below

    def own(self, gradient: Tensor, *, x: Tensor, weight: Tensor, shifted: bool) -> tuple[Tensor, Tensor | None]:
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
        slices: _Slices,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
    ) -> Tensor:
        ctx.products, ctx.layer, ctx.slices = products, layer, slices
        ctx.save_for_backward(x, weight)
        return layer.output(x, weight=weight, bias=bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        x, weight = ctx.saved_tensors
        turned = None
        if ctx.slices.weight is not None:
            turned = ctx.layer.output(x, weight=ctx.slices.weight, bias=ctx.slices.bias)
            ctx.products.add(gradient, turned=turned)
        below = ctx.layer.below(gradient, x=x, weight=weight) if ctx.needs_input_grad[3] else None
        weighted = ctx.products.weighted(gradient, spare=turned)
        own, shift = ctx.layer.own(weighted, x=x, weight=weight, shifted=ctx.needs_input_grad[5])
        return None, None, None, below, own, shift


class _Scale(torch.autograd.Function):
    """Scale and shift a normalised tensor; the parameters have been brought to a shape that broadcasts."""

    @staticmethod
    def forward(ctx: Any, products: Products, slices: _Slices, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.products, ctx.slices = products, slices
        ctx.save_for_backward(x, weight)
        return x * weight + bias

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        x, weight = ctx.saved_tensors
        if ctx.slices.weight is not None:
            ctx.products.add(gradient, turned=x * ctx.slices.weight + ctx.slices.bias)
        own = ctx.products.weighted(gradient)
        return None, None, gradient * weight, (own * x).sum_to_size(weight.shape), own.sum_to_size(weight.shape)


def _linear(products: Products, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Any:
    return _weighed(products, _Linear(), x=x, weight=weight, bias=bias)


def _weighed(products: Products, layer: _Bilinear, *, x: Tensor, weight: Tensor, bias: Tensor | None) -> Any:
    slices = _Slices(weight=_cast(products.of(weight)), bias=_cast(products.of(bias)))
    return _Weighed.apply(products, layer, slices, _cast(x), _cast(weight), _cast(bias))


def _cast(tensor: Tensor | None) -> Tensor | None:
    """Bring a tensor to the format that autocast asks for, as it does with a layer's arguments."""
    if tensor is None or not torch.is_autocast_enabled(tensor.device.type):
        return tensor
    return tensor.to(torch.get_autocast_dtype(tensor.device.type))


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
    return _weighed(products, layer, x=x, weight=weight, bias=bias)


def _layer_norm(
    products: Products,
    x: Tensor,
    shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Any:
    normal = functional.layer_norm(x, shape, None, None, eps)
    return _scaled(products, normal, weight=weight, bias=bias, shaped=lambda p: p)


def _group_norm(
    products: Products,
    x: Tensor,
    groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Any:
    normal = functional.group_norm(x, groups, None, None, eps)
    return _scaled(products, normal, weight=weight, bias=bias, shaped=lambda p: p.view(-1, *[1] * (x.dim() - 2)))


def _scaled(
    products: Products,
    normal: Tensor,
    *,
    weight: Tensor | None,
    bias: Tensor | None,
    shaped: Callable[[Tensor], Tensor],
) -> Any:
    """Scale and shift a normalised tensor by parameters that `shaped` brings to a shape that broadcasts."""
    if weight is None or bias is None:
        raise UnfollowedError("a norm with one parameter")
    by_weight, by_bias = (None if v is None else shaped(v) for v in (products.of(weight), products.of(bias)))
    slices = _Slices(weight=by_weight, bias=by_bias)
    return _Scale.apply(products, slices, normal, shaped(weight), shaped(bias))


_RULES: Mapping[Callable[..., Any], Callable[..., Any]] = {
    functional.linear: _linear,
    functional.conv1d: _convolution,
    functional.conv2d: _convolution,
    functional.conv3d: _convolution,
    functional.layer_norm: _layer_norm,
    functional.group_norm: _group_norm,
}


def usable() -> dict[Callable[..., Any], Callable[..., Any]]:
    """The rules for which PyTorch has what they call: it does not promise to keep the kernel of convolutions."""
    convolves = has_kernels("convolution_backward")
    return {layer: rule for layer, rule in _RULES.items() if convolves or rule is not _convolution}


RULES = usable()
