"""Layers whose backward pass weighs its own gradients, and adds up products: rules for `backward.py`.

Each rule stands for a function of PyTorch and takes its arguments, behind the products.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from noisecleaner.gradients.layers import Bilinear, cast, convolution, linear
from noisecleaner.gradients.passes import UnfollowedError, has_kernels
from noisecleaner.gradients.products import Products


@dataclass(frozen=True, kw_only=True, eq=False)
class _Slices:
    """The slices of v that belong to a layer's parameters, in the shapes of these; None where v is zero."""

    weight: Tensor | None
    bias: Tensor | None


class _Weighed(torch.autograd.Function):
    """A linear layer or convolution whose backward pass weighs its own gradients, and adds up products."""

    @staticmethod
    def forward(
        ctx: Any,
        products: Products,
        layer: Bilinear,
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
    """Scale and shift a tensor by parameters that have been brought to shapes that broadcast; None does nothing."""

    @staticmethod
    def forward(
        ctx: Any, products: Products, slices: _Slices, x: Tensor, weight: Tensor | None, bias: Tensor | None
    ) -> Tensor:
        ctx.products, ctx.slices = products, slices
        ctx.shape = None if bias is None else bias.shape
        ctx.save_for_backward(*(() if weight is None else (x, weight)))
        scaled = x if weight is None else x * weight
        return scaled if bias is None else scaled + bias

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        x, weight = ctx.saved_tensors or (None, None)
        by_weight, by_bias = ctx.slices.weight, ctx.slices.bias
        if by_weight is not None:
            turned = x * by_weight
            ctx.products.add(gradient, turned=turned if by_bias is None else turned + by_bias)
        elif by_bias is not None:
            ctx.products.add(gradient, turned=by_bias.expand_as(gradient).clone())
        weighted = ctx.products.weighted(gradient)
        own = None if weight is None else (weighted * x).sum_to_size(weight.shape)
        shift = None if ctx.shape is None else weighted.sum_to_size(ctx.shape)
        return None, None, gradient if weight is None else gradient * weight, own, shift


def _linear(products: Products, *args: Any, **named: Any) -> Any:
    return _weighed(products, *linear(*args, **named))


def _batched(products: Products, x: Tensor) -> Tensor:
    """Let a tensor pass whose first dimension is that of the samples."""
    if len(x) != len(products.weights):
        raise UnfollowedError("a layer sees parts of samples, or several together")
    return x


def _weighed(products: Products, layer: Bilinear, x: Tensor, weight: Tensor, bias: Tensor | None) -> Any:
    slices = _Slices(weight=cast(products.of(weight)), bias=cast(products.of(bias)))
    return _Weighed.apply(products, layer, slices, cast(_batched(products, x)), cast(weight), cast(bias))


def _convolution(products: Products, *args: Any, **named: Any) -> Any:
    return _weighed(products, *convolution(*args, **named))


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
    return _Scale.apply(products, slices, _batched(products, normal), shaped(weight), shaped(bias))


def _sum(products: Products, first: Any, second: Any) -> Any:
    """A tensor of the batch plus a parameter, such as the places of tokens."""
    x, parameter = _broadcast(products, first, second)
    return _Scale.apply(products, _Slices(weight=None, bias=products.of(parameter)), x, None, parameter)


def _product(products: Products, first: Any, second: Any) -> Any:
    """A tensor of the batch times a parameter, such as the scale of a block's branch."""
    x, parameter = _broadcast(products, first, second)
    return _Scale.apply(products, _Slices(weight=products.of(parameter), bias=None), x, parameter, None)


def _broadcast(products: Products, first: Any, second: Any) -> tuple[Tensor, Tensor]:
    """Tell a tensor of the batch from a parameter whose shape broadcasts to it."""
    x, parameter = (second, first) if first in products else (first, second)
    if not isinstance(x, Tensor) or x in products:
        raise UnfollowedError("arithmetic between parameters")
    sizes = [1] * (x.dim() - parameter.dim()) + list(parameter.shape)
    fits = len(sizes) == x.dim() and all(size in (1, n) for size, n in zip(sizes, x.shape, strict=True))
    if x.dtype != parameter.dtype or not fits or sizes[0] != 1:
        raise UnfollowedError("a parameter that changes the shape or format of a batch, or has a part for each sample")
    return _batched(products, x), parameter


def _spread(products: Products, parameter: Tensor, *sizes: Any) -> Any:
    """`Tensor.expand`: the same parameter for each sample, such as the token of a class."""
    spread = torch.zeros_like(parameter).expand(*sizes)
    if parameter.dim() != spread.dim() or len(parameter) != 1:
        raise UnfollowedError("a parameter that is not the same for each sample")
    slices = _Slices(weight=None, bias=products.of(parameter))
    return _Scale.apply(products, slices, _batched(products, spread), None, parameter)


#: Ways to look at a parameter in another shape.
VIEWS: frozenset[Callable[..., Any]] = frozenset(
    getattr(Tensor, name) for name in ("reshape", "view", "unsqueeze", "squeeze", "__getitem__")
)


def _look(view: Callable[..., Any]) -> Callable[..., Any]:
    """A rule for one of them."""

    def rule(products: Products, parameter: Tensor, *rest: Any, **named: Any) -> Any:
        along = products.of(parameter)
        moved = None if along is None else view(along, *rest, **named)
        return products.put(view(parameter, *rest, **named), along=moved)

    return rule


_RULES: Mapping[Callable[..., Any], Callable[..., Any]] = {
    functional.linear: _linear,
    functional.conv1d: _convolution,
    functional.conv2d: _convolution,
    functional.conv3d: _convolution,
    functional.layer_norm: _layer_norm,
    functional.group_norm: _group_norm,
    **dict.fromkeys((torch.add, Tensor.add, Tensor.__add__, Tensor.__radd__), _sum),
    **dict.fromkeys((torch.mul, Tensor.mul, Tensor.__mul__, Tensor.__rmul__), _product),
    Tensor.expand: _spread,
    **{view: _look(view) for view in VIEWS},
}


def usable() -> dict[Callable[..., Any], Callable[..., Any]]:
    """The rules for which PyTorch has what they call: it does not promise to keep the kernel of convolutions."""
    convolves = has_kernels("convolution_backward")
    return {layer: rule for layer, rule in _RULES.items() if convolves or rule is not _convolution}


RULES = usable()
