"""How tensors move through what has no parameters: sums, products, maps that are linear, activations, dropout.

Rules of `forward.py`, see `forward_rules.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from noisecleaner.gradients.tangents import Tangents

_Function = Callable[..., Any]
_aten = torch.ops.aten


def linear_map(tangents: Tangents, func: _Function, x: Any, *rest: Any, **named: Any) -> Any:
    """An operation that is linear in its first argument, of any shape, and takes only shape and format from others."""
    dx = tangents.of(x)
    output = func(x, *rest, **named)
    if dx is None:
        return output
    with torch.no_grad():
        moved = func(dx, *rest, **named)
        if isinstance(output, Tensor):
            return tangents.put(output, tangent=moved)
        for part, tangent in zip(output, moved, strict=True):
            tangents.put(part, tangent=tangent)
    return output


def padding(tangents: Tangents, func: _Function, x: Tensor, pad: Any, mode: str = "constant", value: Any = None) -> Any:
    """`functional.pad` of a tensor of any shape: linear but for what it is padded with, which stands still."""
    output: Tensor = func(x, pad, mode, value)
    with torch.no_grad():
        return tangents.put(output, tangent=func(tangents.of(x), pad, mode))


def joining(tangents: Tangents, func: _Function, tensors: Any, *rest: Any, **named: Any) -> Any:
    """`torch.cat` and `torch.stack` of tensors of any shape."""
    moved = [tangents.of(tensor) for tensor in tensors]
    output: Tensor = func(tensors, *rest, **named)
    with torch.no_grad():
        filled = [torch.zeros_like(t) if d is None else d for t, d in zip(tensors, moved, strict=True)]
        return tangents.put(output, tangent=func(filled, *rest, **named).to(output.dtype))


def total(tangents: Tangents, func: _Function, first: Any, second: Any, **named: Any) -> Any:
    """A sum of tensors of any shape, or, in place, one that the first becomes."""
    if named:
        return NotImplemented
    before = tangents.of(first), tangents.of(second)
    output: Tensor = func(first, second)
    with torch.no_grad():
        return _put(tangents, output, _added([tangent for tangent in before if tangent is not None]))


def difference(tangents: Tangents, func: _Function, first: Any, second: Any, **named: Any) -> Any:
    """A difference of tensors of any shape."""
    if named:
        return NotImplemented
    before, less = tangents.of(first), tangents.of(second)
    output: Tensor = func(first, second)
    with torch.no_grad():
        tangent = _minus(before, less)
        return _put(tangents, output, tangent)


def _added(parts: Sequence[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else parts[0] + parts[1]


def _put(tangents: Tangents, output: Tensor, tangent: Tensor) -> Tensor:
    """Give an output its tangent, which may be of a shape that broadcasts, in another format."""
    return tangents.put(output, tangent=tangent.to(output.dtype).expand_as(output))


def _minus(first: Tensor | None, second: Tensor | None) -> Tensor:
    if second is None:
        assert first is not None  # noqa: S101  # a rule is asked where one of them moves
        return first
    return second.neg() if first is None else first - second


def product(tangents: Tangents, func: _Function, first: Any, second: Any, **named: Any) -> Any:
    """A product, element by element, of any shape."""
    if named:
        return NotImplemented
    left, right = tangents.of(first), tangents.of(second)
    with torch.no_grad():  # before a product in place changes the first factor
        parts = [a * b for a, b in ((left, second), (right, first)) if a is not None]
        tangent = _added(parts)
    output: Tensor = func(first, second)
    return _put(tangents, output, tangent)


def quotient(tangents: Tangents, func: _Function, first: Any, second: Any, **named: Any) -> Any:
    """A quotient, element by element, of any shape."""
    if named:
        return NotImplemented
    above, below = tangents.of(first), tangents.of(second)
    output: Tensor = func(first, second)
    with torch.no_grad():
        parts = [] if above is None else [above / second]
        if below is not None:
            parts.append(output * below / -second)
        return _put(tangents, output, _added(parts))


def matrix_product(tangents: Tangents, func: _Function, first: Tensor, second: Tensor) -> Tensor:
    """A product of matrices [..., n, m] and [..., m, k]."""
    left, right = tangents.of(first), tangents.of(second)
    output: Tensor = func(first, second)
    with torch.no_grad():
        parts = [func(*factors) for factors, d in (((left, second), left), ((first, right), right)) if d is not None]
        return tangents.put(output, tangent=parts[0] if len(parts) == 1 else parts[0].add_(parts[1]))


def softmax(tangents: Tangents, func: _Function, x: Tensor, dim: int | None = None, *rest: Any, **named: Any) -> Any:
    """Softmax in any shape: its derivative is a symmetric matrix, which the kernel for gradients applies."""
    if dim is None:
        return NotImplemented
    output: Tensor = func(x, dim, *rest, **named)
    tangent = tangents.of(x)
    assert tangent is not None  # noqa: S101  # nothing else can have one
    with torch.no_grad():
        moved = _aten._softmax_backward_data(tangent.to(output.dtype), output, dim, output.dtype)
        return tangents.put(output, tangent=moved)


@dataclass(frozen=True)
class Activation:
    """A function of one number, by the kernel for its gradients.

    Args:
        kernel: its name; it takes the gradient and a tensor.
        of_output: whether that tensor is the output, rather than the input.
        limits: what the kernel asks for behind them, with the values that the function has where it is not told.
    """

    kernel: str
    of_output: bool = False
    limits: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, tangents: Tangents, func: _Function, x: Tensor, *rest: Any, **named: Any) -> Any:
        """Move x, of any shape, and what it becomes."""
        dx = tangents.of(x)
        assert dx is not None  # noqa: S101  # nothing else can have a tangent
        behind = dict(self.limits)
        behind.update(zip(behind, rest, strict=False))
        behind.update({name: value for name, value in named.items() if name in behind})
        kernel = getattr(_aten, self.kernel)
        if self.of_output:
            output: Tensor = func(x, *rest, **named)
            with torch.no_grad():
                return tangents.put(output, tangent=kernel(dx.to(output.dtype), output, **behind))
        with torch.no_grad():  # before the function changes x in place
            tangent = kernel(dx.to(x.dtype), x, **behind)
        output = func(x, *rest, **named)
        return tangents.put(output, tangent=tangent.to(output.dtype))


def dropout(
    tangents: Tangents, func: _Function, x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Any:
    """Dropout in any shape: one draw for a tensor and its tangent, with the numbers that PyTorch would draw."""
    dx = tangents.of(x)
    if not training or p == 0:
        return tangents.put(func(x, p, training, inplace), tangent=dx)
    if not 0 < p < 1 or dx is None:
        return NotImplemented
    if x.device.type == "cuda" and not inplace:
        output, kept = torch.native_dropout(x, p, True)
        with torch.no_grad():
            return tangents.put(output, tangent=_aten.native_dropout_backward(dx, kept, 1 / (1 - p)))
    with torch.no_grad():
        noise = torch.empty_like(x).bernoulli_(1 - p).div_(1 - p)
        tangent = dx * noise
    return tangents.put(x.mul_(noise) if inplace else x * noise, tangent=tangent)


def _methods(*names: str) -> tuple[_Function, ...]:
    """The functions that `torch` and tensors have by these names."""
    found = [getattr(owner, name, None) for owner in (torch, Tensor) for name in names]
    return tuple(each for each in found if each is not None)


_MAPS = (
    *_methods("reshape", "permute", "transpose", "swapaxes", "movedim", "flatten", "unflatten", "squeeze", "unsqueeze"),
    *_methods("chunk", "split", "unbind", "narrow", "select", "roll", "flip", "clone", "mean", "sum", "neg", "t"),
    *_methods("view", "view_as", "reshape_as", "expand", "expand_as", "contiguous", "repeat", "to", "type_as", "float"),
    *_methods("double", "half", "bfloat16", "__getitem__", "__neg__"),
    *(getattr(Tensor, name).__get__ for name in ("T", "mT", "H", "mH")),
    *(getattr(functional, f"{kind}_pool{n}d") for kind in ("avg", "adaptive_avg") for n in (1, 2, 3)),
)
RULES: Mapping[_Function, _Function] = {
    **dict.fromkeys(_MAPS, linear_map),
    **dict.fromkeys(_methods("cat", "concat", "stack"), joining),
    **dict.fromkeys(_methods("add", "__add__", "__radd__", "add_", "__iadd__"), total),
    **dict.fromkeys(_methods("sub", "__sub__"), difference),
    **dict.fromkeys(_methods("mul", "multiply", "__mul__", "__rmul__", "mul_", "__imul__"), product),
    **dict.fromkeys(_methods("div", "__truediv__"), quotient),
    **dict.fromkeys(_methods("matmul", "bmm", "__matmul__"), matrix_product),
    **dict.fromkeys((*_methods("softmax"), functional.softmax), softmax),
    functional.pad: padding,
    functional.dropout: dropout,
    functional.gelu: Activation("gelu_backward", limits={"approximate": "none"}),
    functional.silu: Activation("silu_backward"),
    functional.hardswish: Activation("hardswish_backward"),
    functional.hardsigmoid: Activation("hardsigmoid_backward"),
    functional.hardtanh: Activation("hardtanh_backward", limits={"min_val": -1.0, "max_val": 1.0}),
    **dict.fromkeys((*_methods("sigmoid"), functional.sigmoid), Activation("sigmoid_backward", of_output=True)),
    **dict.fromkeys((*_methods("tanh"), functional.tanh), Activation("tanh_backward", of_output=True)),
}
#: What the rules call that PyTorch does not promise to keep.
KERNELS: Mapping[_Function, tuple[str, ...]] = {
    **{layer: (rule.kernel,) for layer, rule in RULES.items() if isinstance(rule, Activation)},
    **{layer: ("_softmax_backward_data",) for layer, rule in RULES.items() if rule is softmax},
    functional.dropout: ("native_dropout", "native_dropout_backward"),
}
