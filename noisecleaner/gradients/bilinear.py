"""The derivative of a linear layer or convolution by one product, where its formula has two.

Such a layer maps W and x to y = W x + b, which moves by W x' + V x + b' along V, x' and b'. As y is there already, one
product more tells, for any step h:

    (W / h + V) (x + h x') + b / h + b' - y / h = W x' + V x + b' + h V x'

The last term grows with h, and the rounding of y / h as h falls. Where h makes both as large, each is at most
sqrt(eps) (|W| |x'| + |V| |x|), 0.00035 of it in float32. Beside norms in float32 that is little: t of PreActResNet-18
is off by 0.0002 to 0.0007 of its length with two products, and by 0.0003 to 0.0009 with one. CIFAR-10 Quick has no
norms; see `distance` in `bench approximations`. In bfloat16, whose sqrt(eps) is 0.09, and in float64 two products stay.

No other choice of two products in all does better: the product of W + h V and x + h x' modulo h^2 takes three, and two
only come near it (Bini et al., 1979, who name that border rank). What is rounded depends on the order of the sums,
and so on the rows beside a row: where several processes shall find what one does, all digits are asked for.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

#: Rows of a batch that show how large its numbers are.
_SHOWN = 8
#: Multiplications up to which two products are as fast.
_FEW = 2**22
#: Variables of oneDNN, which computes layers on the CPU, and their value that lets it round nothing.
_MODES, _STRICT = ("ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE"), "STRICT"


class Layer(Protocol):
    """Maps inputs, a weight and a bias to outputs, linearly in the inputs and in the weight."""

    def __call__(self, x: Tensor, /, *, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return y = W x + b, [n, outputs, ...] or [..., outputs]."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Operands:
    """What a layer takes, and how each part of it moves; None for what stands still.

    Args:
        x: inputs [n, ...].
        dx: x', of the shape of x.
        weight: W [outputs, ...].
        dweight: V, of the shape of W.
        bias: b [outputs], where the layer has one.
        dbias: b', of the shape of b.
    """

    x: Tensor
    dx: Tensor | None
    weight: Tensor
    dweight: Tensor | None
    bias: Tensor | None
    dbias: Tensor | None


@torch.no_grad()
def derivative(
    layer: Layer, operands: Operands, *, output: Tensor, spare: Tensor, full_precision: bool = False
) -> Tensor | None:
    """Return how a layer's output moves, W x' + V x + b', in the shape of the output; None where it does not.

    Args:
        layer: a linear layer or convolution.
        operands: what it takes.
        output: y, what it makes of that.
        spare: a float32 tensor that is not needed, whose memory may be used; it may be empty.
        full_precision: whether all digits of float32 are asked for.
    """
    large = not full_precision and _is_large(output, operands.weight) and _in_float32(operands.x)
    h = balanced_step(operands) if large else None
    if h is None:
        return two_products(layer, operands)
    return one_product(layer, operands, output=output, h=h, spare=spare)


def two_products(layer: Layer, operands: Operands) -> Tensor | None:
    """Compute the derivative as it stands: of the shape of the output; None where nothing moves."""
    x, dx, weight, dweight, dbias = operands.x, operands.dx, operands.weight, operands.dweight, operands.dbias
    moved = None if dx is None else layer(dx, weight=weight, bias=None)
    if dweight is None and dbias is None:
        return moved
    turned = layer(x, weight=torch.zeros_like(weight) if dweight is None else dweight, bias=dbias)
    return turned if moved is None else moved.add_(turned)


def one_product(layer: Layer, operands: Operands, *, output: Tensor, h: float, spare: Tensor) -> Tensor:
    """Compute it up to h V x' and the rounding of y / h; for shapes, `output` and `spare` see `derivative`."""
    x, dx, weight, dweight = operands.x, operands.dx, operands.weight, operands.dweight
    shift = None if operands.bias is None else operands.bias / h
    if shift is not None and operands.dbias is not None:
        shift += operands.dbias
    # fresh memory for each layer's sum would take several times as long as the sum
    along = x if dx is None else torch.add(x, dx, alpha=h, out=spare.resize_(0))
    turned = weight / h if dweight is None else torch.add(dweight, weight, alpha=1 / h)
    return layer(along, weight=turned, bias=shift).sub_(output, alpha=1 / h)


def balanced_step(operands: Operands) -> float | None:
    """Return the h whose two errors are as large, sqrt(eps |W| |x| / (|V| |x'|)), judged by a few rows.

    None where x or W stands still, or these rows tell nothing, since they are all zero or not finite.
    """
    x, dx, dweight = operands.x, operands.dx, operands.dweight
    if dx is None or dweight is None:
        return None
    some = slice(None, None, max(1, len(x) // _SHOWN))
    sizes = [float(torch.linalg.vector_norm(t)) for t in (x[some], operands.weight, dx[some], dweight)]
    still, moving = sizes[0] * sizes[1], sizes[2] * sizes[3]
    if not (0 < still < math.inf and 0 < moving < math.inf):
        return None
    return math.sqrt(torch.finfo(x.dtype).eps * still / moving)


def _is_large(output: Tensor, weight: Tensor) -> bool:
    return output.numel() * weight[0].numel() >= _FEW


def _in_float32(x: Tensor) -> bool:
    """Whether products of x are in float32 all through. On a GPU they may be in TF32, and a step would wait for it."""
    if x.device.type != "cpu" or x.dtype != torch.float32 or torch.is_autocast_enabled("cpu"):
        return False
    return _is_strict()


def _is_strict() -> bool:
    """Whether neither the environment nor a setting of PyTorch lets the CPU round float32 before it multiplies."""
    if any(os.environ.get(name, _STRICT).upper() != _STRICT for name in _MODES):
        return False
    kinds = [getattr(torch.backends.mkldnn, name, None) for name in ("conv", "matmul")]
    settings = [getattr(kind, "fp32_precision", None) for kind in kinds]
    if None in settings:  # before PyTorch 2.9
        return torch.get_float32_matmul_precision() != "medium"
    return all(setting in {"none", "ieee"} for setting in settings)
