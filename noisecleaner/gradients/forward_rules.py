"""How the output of a layer moves when its input and parameters do: rules for `forward.py`.

Each rule stands for a function of PyTorch and takes its arguments, behind the tangents and the function itself. It
returns what the function returns, whose tangent is known then, or NotImplemented where it does not apply.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from noisecleaner.gradients import bilinear
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
    plain = x.dim() == 2 and tangents.of(x) is None and not torch.is_autocast_enabled(x.device.type)
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
    moved = bilinear.derivative(layer, operands, output=output, spare=tangents.spare)
    return tangents.put(output, tangent=moved)


def _relu(tangents: Tangents, func: _Function, x: Tensor, inplace: bool = False) -> Tensor:
    tangent = tangents.of(x)
    output: Tensor = func(x, inplace)
    with torch.no_grad():
        return tangents.put(output, tangent=_aten.threshold_backward(tangent, output, 0))


class _BatchNorm(NamedTuple):
    """What `functional.batch_norm` takes behind the running statistics."""

    weight: Tensor | None = None
    bias: Tensor | None = None
    training: bool = False
    momentum: float = 0.1
    eps: float = 1e-5


def _batch_norm(
    tangents: Tangents,
    func: _Function,
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    *rest: Any,
    **named: Any,
) -> Tensor:
    """With x^ = (x - m) s of a channel, y = w x^ + b moves by w s (x' - mean(x') - x^ mean(x^ x')) + w' x^ + b'.

    For each channel that is A x' + B x + C: both means come from the kernel that sums up gradients, and the rest is
    elementwise. The kernel for gradients of the input would do as well, at more than twice the time on the CPU.
    """
    weight, bias, training, momentum, eps = _BatchNorm(*rest, **named)
    output, mean, scale = torch.native_batch_norm(
        x, weight, bias, running_mean, running_var, training, momentum or 0.0, eps
    )
    dx, dweight, dbias = tangents.of(x), tangents.of(weight), tangents.of(bias)
    with torch.no_grad():
        if not training:
            assert running_mean is not None  # noqa: S101  # it evaluates with these
            assert running_var is not None  # noqa: S101  # likewise
            mean, scale = running_mean, (running_var + eps).rsqrt()
        by_dx = scale if weight is None else weight * scale
        slope = torch.zeros_like(mean) if dweight is None else dweight
        shift = torch.zeros_like(mean) if dbias is None else dbias
        if dx is not None and training:
            saved = (running_mean, running_var, mean, scale, training, eps, [False, True, True])
            _, along, total = _aten.native_batch_norm_backward(dx, x, weight, *saved)
            count = x.numel() // len(mean)
            slope, shift = slope - by_dx * along / count, shift - by_dx * total / count
        slope = slope * scale
        by_dx, slope, shift = (t.view(-1, *[1] * (x.dim() - 2)) for t in (by_dx, slope, shift - mean * slope))
        # a GPU rounds sums of float32 as it writes them, in half of the time; a CPU takes three times as long then
        place = torch.empty_like(output) if x.device.type == "cuda" else None
        tangent = torch.addcmul(shift, x, slope, out=place)
        if dx is not None:
            tangent.addcmul_(dx, by_dx)
    return tangents.put(output, tangent=tangent.to(output))


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


def _linear_map(tangents: Tangents, func: _Function, x: Tensor, *rest: Any, **named: Any) -> Any:
    """An operation that is linear in its only tensor: the tangent takes the same way."""
    output = func(x, *rest, **named)
    with torch.no_grad():
        return tangents.put(output, tangent=func(tangents.of(x), *rest, **named))


def _sum(tangents: Tangents, func: _Function, first: Any, second: Any, **named: Any) -> Any:
    if named or not isinstance(first, Tensor) or not isinstance(second, Tensor):
        return NotImplemented
    before = tangents.of(first), tangents.of(second)
    output: Tensor = func(first, second)
    with torch.no_grad():
        known = [tangent for tangent in before if tangent is not None]
        tangent = known[0] + known[1] if len(known) == 2 else known[0]
        return tangents.put(output, tangent=tangent.expand_as(output))


_RULES: Mapping[_Function, _Function] = {
    functional.linear: _linear,
    functional.conv1d: _bilinear,
    functional.conv2d: _bilinear,
    functional.conv3d: _bilinear,
    functional.relu: _relu,
    functional.batch_norm: _batch_norm,
    functional.max_pool2d: _max_pool,
    functional.avg_pool2d: _linear_map,
    functional.adaptive_avg_pool2d: _linear_map,
    torch.flatten: _linear_map,
    Tensor.flatten: _linear_map,
    Tensor.add: _sum,
    Tensor.__add__: _sum,
}
#: What the rules call that PyTorch does not promise to keep.
_KERNELS: Mapping[_Function, tuple[str, ...]] = {
    functional.relu: ("threshold_backward",),
    functional.batch_norm: ("native_batch_norm", "native_batch_norm_backward"),
    functional.max_pool2d: ("max_pool2d_with_indices",),
}


def usable() -> dict[_Function, _Function]:
    """The rules for which PyTorch has what they call; other layers go through its own forward mode."""
    return {layer: rule for layer, rule in _RULES.items() if has_kernels(*_KERNELS.get(layer, ()))}


RULES = usable()
