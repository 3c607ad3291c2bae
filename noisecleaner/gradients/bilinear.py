"""The derivative of a linear layer or convolution by one product, where its formula has two.

Such a layer maps W and x to y = W x + b, which moves by W x' + V x + b' along V, x' and b'. As y is there already, one
product more tells, for any step h:

    (W / h + V) (x + h x') + b / h + b' - y / h = W x' + V x + b' + h V x'

The last term grows with h, and the rounding of y / h as h falls. Where h makes both as large, each is at most
sqrt(eps) (|W| |x'| + |V| |x|), 0.00035 of it in float32. Beside norms in float32 that is little: t of PreActResNet-18
is off by 0.0002 to 0.0007 of its length with two products, and by 0.0003 to 0.0009 with one. CIFAR-10 Quick has no
norms; see `distance` in `bench approximations`. In bfloat16, whose sqrt(eps) is 0.09, and in float64 two products stay.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable

import torch
from torch import Tensor

#: Maps inputs, a weight and a bias to outputs, linearly in the inputs and in the weight.
Layer = Callable[[Tensor, Tensor, Tensor | None], Tensor]
#: Rows of a batch that show how large its numbers are.
_SHOWN = 8
#: Multiplications up to which two products are as fast.
_FEW = 2**22
#: Variables of oneDNN, which computes layers on the CPU, and their value that lets it round nothing.
_MODES, _STRICT = ("ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE"), "STRICT"


@torch.no_grad()
def derivative(
    layer: Layer,
    output: Tensor,
    x: Tensor,
    dx: Tensor | None,
    weight: Tensor,
    dweight: Tensor | None,
    bias: Tensor | None,
    dbias: Tensor | None,
    spare: Tensor,
) -> Tensor | None:
    """Return how a layer's output moves, W x' + V x + b'; None where it does not.

    Args:
        layer: a linear layer or convolution.
        output: y, of any shape.
        x: inputs [n, ...].
        dx: x', of the same shape; None for zero, as for the others.
        weight: W [outputs, ...].
        dweight: V.
        bias: b [outputs].
        dbias: b'.
        spare: a float32 tensor that is not needed, whose memory may be used; it may be empty.
    """
    if dx is not None and dweight is not None and _is_large(output, weight) and _in_float32(x):
        h = balanced_step(x, dx, weight, dweight)
        if h is not None:
            return one_product(layer, output, h, x, dx, weight, dweight, bias, dbias, spare)
    return two_products(layer, x, dx, weight, dweight, dbias)


def two_products(
    layer: Layer, x: Tensor, dx: Tensor | None, weight: Tensor, dweight: Tensor | None, dbias: Tensor | None
) -> Tensor | None:
    """Compute the derivative as it stands."""
    moved = None if dx is None else layer(dx, weight, None)
    if dweight is None and dbias is None:
        return moved
    turned = layer(x, torch.zeros_like(weight) if dweight is None else dweight, dbias)
    return turned if moved is None else moved.add_(turned)


def one_product(
    layer: Layer,
    output: Tensor,
    h: float,
    x: Tensor,
    dx: Tensor,
    weight: Tensor,
    dweight: Tensor,
    bias: Tensor | None,
    dbias: Tensor | None,
    spare: Tensor,
) -> Tensor:
    """Compute it up to h V x' and the rounding of y / h."""
    shift = None if bias is None else bias / h
    if shift is not None and dbias is not None:
        shift += dbias
    # fresh memory for each layer's sum would take several times as long as the sum
    along = torch.add(x, dx, alpha=h, out=spare.resize_(0))
    moved = layer(along, torch.add(dweight, weight, alpha=1 / h), shift)
    return moved.sub_(output, alpha=1 / h)


def balanced_step(x: Tensor, dx: Tensor, weight: Tensor, dweight: Tensor) -> float | None:
    """Return the h whose two errors are as large, sqrt(eps |W| |x| / (|V| |x'|)), judged by a few rows.

    None where these rows tell nothing, since they are all zero or not finite.
    """
    some = slice(None, None, max(1, len(x) // _SHOWN))
    sizes = [float(torch.linalg.vector_norm(t)) for t in (x[some], weight, dx[some], dweight)]
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
