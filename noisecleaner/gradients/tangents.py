"""Forward-mode derivatives that ride on the recorded pass: one pass gives logits to train on, and t = J v beside.

`torch.func.jvp` would compute the layers a second time, and PyTorch's dual numbers, recorded, would keep the
derivatives' graph. Here a `TorchFunctionMode` sees each operation of a network's forward pass, lets autograd record it
as ever, and computes the derivative next to it, unrecorded and freed as soon as it is used. An exact pass so costs one
forward pass more than a plain one in float32 on the CPU (`bilinear.py`), two elsewhere, and hardly any memory.

A layer's rule is written down where that saves work; everything else goes through PyTorch's own forward mode,
operation by operation. What cannot be followed (a scripted module, a tensor changed behind a view's back) raises
`UnfollowedError`, and the caller takes the slow way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.autograd.function import once_differentiable
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

from noisecleaner.gradients import bilinear
from noisecleaner.gradients.passes import UnfollowedError, same_random_state, undone

_Function = Callable[..., Any]
#: They ask about a tensor, and have no derivative.
_QUESTIONS = frozenset({"dim", "size", "stride", "numel", "__get__", "__len__", "is_contiguous", "is_floating_point"})
#: Outputs of a linear layer up to which a product with few columns is slow.
_NARROW = 64
_aten = torch.ops.aten


class Tangents(TorchFunctionMode):
    """While active, every tensor that depends on a parameter with a tangent has one as well.

    Args:
        along: parameter -> its tangent, of the same shape.
    """

    def __init__(self, along: Mapping[Tensor, Tensor]) -> None:
        super().__init__()
        #: Memory that a layer may use while it is at work.
        self.spare = torch.empty(0, dtype=torch.float32)
        self._known = WeakTensorKeyDictionary()
        self._unseen = {id(parameter) for parameter in along}
        for parameter, tangent in along.items():
            self.put(parameter, tangent)

    def of(self, tensor: Any) -> Tensor | None:
        """The tangent of a tensor, None where it is zero.

        Raises:
            UnfollowedError: the tensor was changed in place by an operation on another view of it.
        """
        found = self._known.get(tensor) if isinstance(tensor, Tensor) else None  # type: ignore[no-untyped-call]
        if found is None:
            return None
        tangent, version = found
        if version != tensor._version:
            raise UnfollowedError("a tensor was changed in place through a view")
        self._unseen.discard(id(tensor))
        return tangent  # type: ignore[no-any-return]  # the dictionary is untyped

    def put(self, tensor: Tensor, tangent: Tensor | None) -> Tensor:
        """Give a tensor its tangent, and return the tensor."""
        if tangent is not None:
            self._known[tensor] = (tangent, tensor._version)
        return tensor

    def result(self, logits: Tensor) -> Tensor:
        """The tangent of the network's output.

        Raises:
            UnfollowedError: some parameter was used out of sight.
        """
        tangent = self.of(logits)
        if self._unseen or tangent is None:
            raise UnfollowedError("a parameter was used by a function that cannot be seen")
        return tangent

    def __torch_function__(
        self, func: _Function, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Do what was asked for, and the derivative of it."""
        given = dict(kwargs or {})
        if func.__name__ in _QUESTIONS or not any(t in self._known for t in _tensors((args, given))):
            return func(*args, **given)
        rule = _RULES.get(func)
        if rule is not None:
            return rule(self, func, *args, **given)
        return self._generic(func, args, given)

    def _generic(self, func: _Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Let PyTorch's forward mode do the derivative, on a second computation of this one operation."""
        if "out" in kwargs:
            raise UnfollowedError(f"{func.__name__} writes into a tensor")
        changed = args[0] if _changes(func) else None
        tangents = self._derivative(func, args, kwargs, changed)
        result = func(*args, **kwargs)
        outputs = [changed] if isinstance(changed, Tensor) else list(_tensors(result))
        for output, tangent in zip(outputs, tangents, strict=True):
            self.put(output, tangent)
        return result

    @torch.no_grad()
    def _derivative(
        self, func: _Function, args: tuple[Any, ...], kwargs: dict[str, Any], changed: Any
    ) -> list[Tensor | None]:
        """Tangents of the results, or of the tensor that is changed in place; draws no random numbers for good."""

        def dual(value: Any) -> Any:
            if not isinstance(value, Tensor):
                return value
            primal, tangent = value.detach(), self.of(value)
            if value is changed:
                primal = primal.clone()
                tangent = torch.zeros_like(primal) if tangent is None else tangent.clone()
            return primal if tangent is None else forward_ad.make_dual(primal, tangent)  # type: ignore[no-untyped-call]

        with same_random_state(_tensors((args, kwargs))), forward_ad.dual_level():
            duals, named = _mapped(dual, args), _mapped(dual, kwargs)
            result = func(*duals, **named)
            outputs = [duals[0]] if isinstance(changed, Tensor) else list(_tensors(result))
            return [forward_ad.unpack_dual(output).tangent for output in outputs]  # type: ignore[no-untyped-call]


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


def _linear(mode: Tangents, func: _Function, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    dweight, dbias = mode.of(weight), mode.of(bias)
    # autocast would leave the backward pass with two formats
    plain = x.dim() == 2 and mode.of(x) is None and not torch.is_autocast_enabled(x.device.type)
    if not plain or len(weight) > _NARROW or bias is None or dweight is None or dbias is None:
        return _bilinear(mode, func, x, weight, bias)
    output, tangent = _WithTangent.apply(x, weight, bias, dweight, dbias)
    return mode.put(output, tangent)


def _bilinear(
    mode: Tangents, func: _Function, x: Tensor, weight: Tensor, bias: Tensor | None = None, *rest: Any, **named: Any
) -> Tensor:
    """A linear layer or convolution: its map of the input's tangent, and the tangent's map of the input."""

    def layer(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return func(x, weight, bias, *rest, **named)  # type: ignore[no-any-return]  # a layer gives a tensor

    output = layer(x, weight, bias)
    dx, dweight, dbias = mode.of(x), mode.of(weight), mode.of(bias)
    moved = bilinear.derivative(layer, output, x, dx, weight, dweight, bias, dbias, mode.spare)
    return mode.put(output, moved)


def _relu(mode: Tangents, func: _Function, x: Tensor, inplace: bool = False) -> Tensor:
    tangent = mode.of(x)
    output: Tensor = func(x, inplace)
    with torch.no_grad():
        return mode.put(output, _aten.threshold_backward(tangent, output, 0))


def _batch_norm(
    mode: Tangents,
    func: _Function,
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """With x^ = (x - m) s of a channel, y = w x^ + b moves by w s (x' - mean(x') - x^ mean(x^ x')) + w' x^ + b'.

    For each channel that is A x' + B x + C: both means come from the kernel that sums up gradients, and the rest is
    elementwise. The kernel for gradients of the input would do as well, at more than twice the time on the CPU.
    """
    output, mean, scale = torch.native_batch_norm(
        x, weight, bias, running_mean, running_var, training, momentum or 0.0, eps
    )
    dx, dweight, dbias = mode.of(x), mode.of(weight), mode.of(bias)
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
        tangent = torch.addcmul(shift, x, slope)
        if dx is not None:
            tangent.addcmul_(dx, by_dx)
    return mode.put(output, tangent.to(output))


def _max_pool(
    mode: Tangents, func: _Function, x: Tensor, kernel_size: Any, *rest: Any, return_indices: bool = False, **named: Any
) -> Any:
    output, indices = functional.max_pool2d_with_indices(x, kernel_size, *rest, **named)
    tangent = mode.of(x)
    assert tangent is not None  # noqa: S101  # the pooled tensor is the only one that can have a tangent
    with torch.no_grad():
        mode.put(output, _picked(tangent, indices))
    return (output, indices) if return_indices else output


def _picked(values: Tensor, indices: Tensor) -> Tensor:
    """Take the pixels of each channel that max pooling took."""
    if indices.dim() == 4 and indices.is_contiguous(memory_format=torch.channels_last):
        # in the order of memory, which takes a third of the time
        values, flat = (t.permute(0, 2, 3, 1).flatten(1, 2) for t in (values, indices))
        return values.gather(1, flat).view(len(flat), *indices.shape[2:], -1).permute(0, 3, 1, 2)
    return values.flatten(-2).gather(-1, indices.flatten(-2)).view_as(indices)


def _linear_map(mode: Tangents, func: _Function, x: Tensor, *rest: Any, **named: Any) -> Any:
    """An operation that is linear in its only tensor: the tangent takes the same way."""
    output = func(x, *rest, **named)
    with torch.no_grad():
        return mode.put(output, func(mode.of(x), *rest, **named))


def _sum(mode: Tangents, func: _Function, first: Any, second: Any, **named: Any) -> Any:
    if named or not isinstance(first, Tensor) or not isinstance(second, Tensor):
        return mode._generic(func, (first, second), named)
    before = mode.of(first), mode.of(second)
    output: Tensor = func(first, second)
    with torch.no_grad():
        known = [tangent for tangent in before if tangent is not None]
        tangent = known[0] + known[1] if len(known) == 2 else known[0]
        return mode.put(output, tangent.expand_as(output))


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


def _changes(func: _Function) -> bool:
    """Whether a function changes its first argument: `add_`, `__iadd__`, `__setitem__`."""
    name = func.__name__
    return name == "__setitem__" or name.startswith("__i") or (name.endswith("_") and not name.endswith("__"))


def _tensors(values: Any) -> Iterator[Tensor]:
    """All tensors in nested tuples, lists and dictionaries, in order."""
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, Mapping):
        for value in values.values():
            yield from _tensors(value)
    elif isinstance(values, (tuple, list)):
        for value in values:
            yield from _tensors(value)


def _mapped(change: _Function, values: Any) -> Any:
    """The same nesting, with each leaf changed."""
    if isinstance(values, dict):
        return {name: _mapped(change, value) for name, value in values.items()}
    if isinstance(values, (tuple, list)):
        return type(values)(_mapped(change, value) for value in values)
    return change(values)


def follow(network: nn.Module, inputs: Tensor, along: Mapping[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Call a network, and carry the tangents of its parameters along.

    Args:
        network: any module; it is called once, so that running statistics and random numbers advance as ever.
        inputs: a batch of n samples.
        along: parameter -> v.

    Returns:
        Logits, recorded by autograd where that is on, and t = J v without a graph, both of shape [n, classes].

    Raises:
        UnfollowedError: some operation cannot be followed; running statistics and random state are as they were.
    """
    mode = Tangents(along)
    with undone(network, inputs):
        with mode, saved_tensors_hooks(_alias, _original):
            logits: Tensor = network(inputs)
        return logits, mode.result(logits)


def _alias(saved: Tensor) -> tuple[Tensor, int]:
    """Let autograd keep another tensor on the same memory: one that it kept itself would keep its tangent, too."""
    return (saved if saved.is_leaf else saved.detach()), saved._version


def _original(kept: tuple[Tensor, int]) -> Tensor:
    tensor, version = kept
    if tensor._version != version:  # what autograd itself would have said
        raise RuntimeError("A tensor that the gradient needs was changed in place by an operation after it.")
    return tensor
