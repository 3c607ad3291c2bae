"""How the output of a layer moves when its input and parameters do: rules for `forward.py`.

Here are linear layers, convolutions and pools, and the table of all rules; norms, attention and arithmetic have files
of their own. Each rule stands for a function of PyTorch and takes its arguments, behind the tangents and the function
itself. It returns what the function returns, whose tangent is known then, or NotImplemented where it does not apply.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from noisecleaner.gradients import bilinear, forward_arithmetic
from noisecleaner.gradients.attention import attention
from noisecleaner.gradients.forward_norms import batch_norm, group_norm, layer_norm
from noisecleaner.gradients.passes import has_kernels
from noisecleaner.gradients.tangents import Tangents

_Function = Callable[..., Any]
#: Outputs of a linear layer up to which a product with few columns is slow.
_NARROW = 64
_aten = torch.ops.aten


class _WithTangent(torch.autograd.Function):
    """A narrow layer of an input without a tangent, and its tangent: one matrix product is half as long as two."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, dweight: Tensor, dbias: Tensor
    ) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(x, weight)
        # this way round, as a product with few columns is slow
        both = torch.addmm(torch.cat([bias, dbias]).unsqueeze(1), torch.cat([weight, dweight]), x.mT)
        output, tangent = (part.mT.contiguous() for part in both.chunk(2))
        ctx.mark_non_differentiable(tangent)
        return output, tangent

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, _: Tensor) -> Any:
        x, weight = ctx.saved_tensors
        below = gradient @ weight if ctx.needs_input_grad[0] else None
        return below, gradient.mT @ x, gradient.sum(0), None, None


def _linear(tangents: Tangents, func: _Function, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    dweight, dbias = tangents.of(weight), tangents.of(bias)
    # autocast would leave the backward pass with two formats
    plain = tangents.joined and x.dim() == 2 and tangents.of(x) is None and not torch.is_autocast_enabled(x.device.type)
    if not plain or len(weight) > _NARROW or bias is None or dweight is None or dbias is None:
        return _bilinear(tangents, func, x, weight, bias)
    output, tangent = _WithTangent.apply(x, weight, bias, dweight, dbias)
    return tangents.put(output, tangent=tangent)


def _bilinear(
    tangents: Tangents, func: _Function, x: Tensor, weight: Tensor, bias: Tensor | None = None, *rest: Any, **named: Any
) -> Tensor:
    """A linear layer or convolution: its map of the input's tangent, and the tangent's map of the input."""

    def layer(x: Tensor, /, *, weight: Tensor, bias: Tensor | None) -> Tensor:
        return func(x, weight, bias, *rest, **named)  # type: ignore[no-any-return]  # a layer gives a tensor

    output = layer(x, weight=weight, bias=bias)
    operands = bilinear.Operands(
        x=x, dx=tangents.of(x), weight=weight, dweight=tangents.of(weight), bias=bias, dbias=tangents.of(bias)
    )
    moved = bilinear.derivative(
        layer, operands, output=output, spare=tangents.spare, full_precision=tangents.full_precision
    )
    return tangents.put(output, tangent=moved)


def _relu(tangents: Tangents, func: _Function, x: Tensor, inplace: bool = False) -> Tensor:
    tangent = tangents.of(x)
    output: Tensor = func(x, inplace)
    with torch.no_grad():
        return tangents.put(output, tangent=_aten.threshold_backward(tangent, output, 0))


def _max_pool(
    tangents: Tangents,
    func: _Function,
    x: Tensor,
    kernel_size: Any,
    *rest: Any,
    return_indices: bool = False,
    **named: Any,
) -> Any:
    output, indices = functional.max_pool2d_with_indices(x, kernel_size, *rest, **named)
    tangent = tangents.of(x)
    assert tangent is not None  # noqa: S101  # the pooled tensor is the only one that can have a tangent
    with torch.no_grad():
        tangents.put(output, tangent=_picked(tangent, indices))
    return (output, indices) if return_indices else output


def _picked(values: Tensor, indices: Tensor) -> Tensor:
    """Take the pixels of each channel that max pooling took."""
    if indices.dim() == 4 and indices.is_contiguous(memory_format=torch.channels_last):
        # in the order of memory, which takes a third of the time
        values, flat = (t.permute(0, 2, 3, 1).flatten(1, 2) for t in (values, indices))
        return values.gather(1, flat).view(len(flat), *indices.shape[2:], -1).permute(0, 3, 1, 2)
    return values.flatten(-2).gather(-1, indices.flatten(-2)).view_as(indices)


_RULES: Mapping[_Function, _Function] = {
    **forward_arithmetic.RULES,
    functional.linear: _linear,
    functional.conv1d: _bilinear,
    functional.conv2d: _bilinear,
    functional.conv3d: _bilinear,
    functional.relu: _relu,
    functional.max_pool2d: _max_pool,
    functional.batch_norm: batch_norm,
    functional.layer_norm: layer_norm,
    functional.group_norm: group_norm,
    functional.scaled_dot_product_attention: attention,
}
#: What the rules call that PyTorch does not promise to keep.
_KERNELS: Mapping[_Function, tuple[str, ...]] = {
    **forward_arithmetic.KERNELS,
    functional.relu: ("threshold_backward",),
    functional.max_pool2d: ("max_pool2d_with_indices",),
    functional.batch_norm: ("native_batch_norm", "native_batch_norm_backward"),
    functional.layer_norm: ("native_layer_norm", "native_layer_norm_backward"),
    functional.group_norm: ("native_group_norm", "native_group_norm_backward"),
    functional.scaled_dot_product_attention: ("_softmax_backward_data",),
}


def usable() -> dict[_Function, _Function]:
    """The rules for which PyTorch has what they call; other layers go through its own forward mode."""
    return {layer: rule for layer, rule in _RULES.items() if has_kernels(*_KERNELS.get(layer, ()))}


RULES = usable()
