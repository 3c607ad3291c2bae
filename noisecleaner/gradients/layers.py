"""Linear layers and convolutions by their parts: output, gradient of the input, own gradients, also those of groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from noisecleaner.gradients.passes import UnfollowedError

_aten = torch.ops.aten


class Bilinear(Protocol):
    """What a linear layer and a convolution have in common: both are linear in x, and in weight and bias."""

    def output(self, x: Tensor, *, weight: Tensor, bias: Tensor | None) -> Tensor:
        """What the layer makes of its input [n, ...]: [n, outputs, ...], or [n, ..., outputs]."""
        ...

    def below(self, gradient: Tensor, *, x: Tensor, weight: Tensor) -> Tensor:
        """The gradient of x, in its shape, from that of the output."""
        ...

    def own(self, gradient: Tensor, *, x: Tensor, weight: Tensor, shifted: bool) -> tuple[Tensor, Tensor | None]:
        """The gradients of weight and, where it is `shifted`, bias, in their shapes, from that of the output."""
        ...

    def own_by_groups(
        self, gradient: Tensor, *, x: Tensor, weight: Tensor, sizes: list[int], shifted: bool
    ) -> tuple[Tensor, Tensor | None]:
        """The same for groups of rows, one behind the other: [groups, *shape]."""
        ...


class _Linear:
    def output(self, x: Tensor, *, weight: Tensor, bias: Tensor | None) -> Tensor:
        return functional.linear(x, weight, bias)

    def below(self, gradient: Tensor, *, x: Tensor, weight: Tensor) -> Tensor:
        return gradient @ weight

    def own(self, gradient: Tensor, *, x: Tensor, weight: Tensor, shifted: bool) -> tuple[Tensor, Tensor | None]:
        rows = gradient.flatten(0, -2)
        return rows.mT @ x.flatten(0, -2), rows.sum(0) if shifted else None

    def own_by_groups(
        self, gradient: Tensor, *, x: Tensor, weight: Tensor, sizes: list[int], shifted: bool
    ) -> tuple[Tensor, Tensor | None]:
        if len(set(sizes)) > 1:
            return _own_one_by_one(self, gradient, x=x, weight=weight, sizes=sizes, shifted=shifted)
        rows, below = (t.reshape(len(sizes), -1, t.shape[-1]) for t in (gradient, x))
        return rows.mT @ below, rows.sum(1) if shifted else None


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

    def own_by_groups(
        self, gradient: Tensor, *, x: Tensor, weight: Tensor, sizes: list[int], shifted: bool
    ) -> tuple[Tensor, Tensor | None]:
        return _own_one_by_one(self, gradient, x=x, weight=weight, sizes=sizes, shifted=shifted)


def _own_one_by_one(
    layer: Bilinear, gradient: Tensor, *, x: Tensor, weight: Tensor, sizes: list[int], shifted: bool
) -> tuple[Tensor, Tensor | None]:
    parts = zip(torch.split(gradient, sizes), torch.split(x, sizes), strict=True)
    own = [layer.own(slope, x=rows, weight=weight, shifted=shifted) for slope, rows in parts]
    shifts = [shift for _, shift in own if shift is not None]
    return _stacked([each for each, _ in own]), torch.stack(shifts) if shifts else None


def _stacked(tensors: list[Tensor]) -> Tensor:
    """Tensors in a row, each as it lies in memory."""
    if any(t.is_contiguous() or not t.is_contiguous(memory_format=torch.channels_last) for t in tensors):
        return torch.stack(tensors)
    return torch.stack([t.permute(0, 2, 3, 1) for t in tensors]).permute(0, 1, 4, 2, 3)


#: A layer, and its input, weight and bias.
Call = tuple[Bilinear, Tensor, Tensor, Tensor | None]


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Call:
    """Read the arguments of `functional.linear` of [n, ..., width]."""
    return _Linear(), x, weight, bias


def convolution(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Call:
    """Read the arguments of `functional.conv2d` and its like, of [n, channels, ...].

    Raises:
        UnfollowedError: it is padded by a name, or of no batch.
    """
    dimensions = weight.dim() - 2
    if isinstance(padding, str) or x.dim() != weight.dim():
        raise UnfollowedError("a convolution with padding by name, or without a batch")
    stride, padding, dilation = (
        (v,) * dimensions if isinstance(v, int) else tuple(v) for v in (stride, padding, dilation)
    )
    layer = _Convolution((stride, padding, dilation, False, (0,) * dimensions, groups))
    return layer, x, weight, bias


def cast(tensor: Tensor | None) -> Tensor | None:
    """Bring a tensor of any shape to the format that autocast asks for, as it does with a layer's arguments."""
    if tensor is None or not torch.is_autocast_enabled(tensor.device.type):
        return tensor
    return tensor.to(torch.get_autocast_dtype(tensor.device.type))
