"""How normalised tensors move: rules of batch, layer and group norm for `forward.py`.

With x^ = (x - m) s, where m and 1 / s are mean and deviation of what is normalised together, y = w x^ + b moves by
w s (x' - mean(x') - x^ mean(x^ x')) + w' x^ + b'. The first part is what the kernel for gradients of the input makes of
w x': the derivative of x^ is a symmetric matrix.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from noisecleaner.gradients.tangents import Tangents

_Function = Callable[..., Any]
_aten = torch.ops.aten
#: What a channel is scaled with at least, so that it can be divided by.
_TINY = 1e-20


class _BatchNorm(NamedTuple):
    """What `functional.batch_norm` takes behind the running statistics."""

    weight: Tensor | None = None
    bias: Tensor | None = None
    training: bool = False
    momentum: float = 0.1
    eps: float = 1e-5


def batch_norm(
    tangents: Tangents,
    func: _Function,
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    *rest: Any,
    **named: Any,
) -> Tensor:
    """Batch norm of [n, channels, ...].

    For each channel the derivative is A x' + B x + C: both means come from the kernel that sums up gradients, and the
    rest is elementwise. The kernel for gradients of the input would do as well, at more than twice the time on the CPU;
    on a GPU it takes a fifth (`_in_one_kernel`).
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
        if dx is not None and x.device.type == "cuda":
            return tangents.put(output, tangent=_in_one_kernel(_Terms(by_dx, slope, shift), dx=dx, x=x, mean=mean))
        by_dx, slope, shift = (t.view(-1, *[1] * (x.dim() - 2)) for t in (by_dx, slope, shift - mean * slope))
        tangent = torch.addcmul(shift, x, slope)
        if dx is not None:
            tangent.addcmul_(dx, by_dx)
    return tangents.put(output, tangent=tangent.to(output))


def _in_one_kernel(terms: _Terms, *, dx: Tensor, x: Tensor, mean: Tensor) -> Tensor:
    """Compute A x' + B (x - m) + C of each channel in one pass over the maps, where PyTorch sums up gradients in one.

    The kernel for gradients of the input of a synchronised batch norm computes (x' - s - (x - m) t) A, with s and t of
    the caller's choice: here -C / A and -B / A.
    """
    # where A is as good as zero, the other terms come through all the same
    by_dx = torch.where(terms.by_dx.abs() < _TINY, _TINY, terms.by_dx)
    one, count = torch.ones_like(mean), torch.ones(1, dtype=torch.int32, device=x.device)
    sums = (-terms.shift / by_dx, -terms.slope / by_dx)
    return torch.batch_norm_backward_elemt(dx.to(x), x, mean, one, by_dx, *sums, count)


class _Terms(NamedTuple):
    """A, B and C, each of shape [channels]."""

    by_dx: Tensor
    slope: Tensor
    shift: Tensor


def layer_norm(
    tangents: Tangents,
    func: _Function,
    x: Tensor,
    shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Layer norm of [..., *shape]."""
    output: Tensor = func(x, shape, weight, bias, eps)
    with torch.no_grad():
        given, parts = x.to(output), _Affine.of(tangents, weight, bias, like=output)
        turned, mean, scale = torch.native_layer_norm(given, shape, parts.dweight, parts.dbias, eps)
        tangent, dx = turned if parts.moves else None, tangents.of(x)
        if dx is not None:
            saved = (list(shape), mean, scale, None, None, [True, False, False])
            straight = _aten.native_layer_norm_backward(dx.to(output), given, *saved)[0]
            tangent = parts.joined(straight, turned)
        return tangents.put(output, tangent=tangent)


def group_norm(
    tangents: Tangents,
    func: _Function,
    x: Tensor,
    groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Group norm of [n, channels, ...]."""
    output: Tensor = func(x, groups, weight, bias, eps)
    with torch.no_grad():
        given, parts = x.to(output), _Affine.of(tangents, weight, bias, like=output)
        sizes = (len(x), x.shape[1], x[0, 0].numel(), groups)
        turned, mean, scale = torch.native_group_norm(given, parts.dweight, parts.dbias, *sizes, eps)
        tangent, dx = turned if parts.moves else None, tangents.of(x)
        if dx is not None:
            saved = (mean, scale, None, *sizes, [True, False, False])
            straight = _aten.native_group_norm_backward(dx.to(output), given, *saved)[0]
            tangent = parts.joined(straight, turned, shape=(-1, *[1] * (x.dim() - 2)))
        return tangents.put(output, tangent=tangent)


class _Affine(NamedTuple):
    """Scale and shift behind a norm, and how they move; None for what is not there or stands still."""

    weight: Tensor | None
    dweight: Tensor | None
    dbias: Tensor | None

    @classmethod
    def of(cls, tangents: Tangents, weight: Tensor | None, bias: Tensor | None, *, like: Tensor) -> _Affine:
        """Look the tangents up, all in the format of a tensor."""
        dweight, dbias = tangents.of(weight), tangents.of(bias)
        if dbias is not None and dweight is None:
            dweight = torch.zeros_like(dbias)
        formatted = (None if t is None else t.to(like) for t in (weight, dweight, dbias))
        return cls(*formatted)

    @property
    def moves(self) -> bool:
        """Whether one of them moves."""
        return self.dweight is not None

    def joined(self, straight: Tensor, turned: Tensor, *, shape: tuple[int, ...] | None = None) -> Tensor:
        """Put together how x^ moves, and w' x^ + b'; the scale is brought to a shape that broadcasts."""
        weight = self.weight if self.weight is None or shape is None else self.weight.view(shape)
        if not self.moves:
            return straight if weight is None else straight.mul_(weight)
        return turned.add_(straight) if weight is None else turned.addcmul_(straight, weight)
