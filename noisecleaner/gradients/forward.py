"""Forward-mode derivatives that ride on the recorded pass: one pass gives logits to train on, and t = J v beside.

`torch.func.jvp` would compute the layers a second time, and PyTorch's dual numbers, recorded, would keep the
derivatives' graph. Here a `TorchFunctionMode` sees each operation of a network's forward pass, lets autograd record it
as ever, and computes the derivative next to it, unrecorded and freed as soon as it is used. An exact pass so costs one
forward pass more than a plain one in float32 on the CPU (`bilinear.py`), two elsewhere, and hardly any memory.

A layer's rule is written down where that saves work (`forward_rules.py`); everything else goes through PyTorch's own
forward mode, operation by operation. What cannot be followed (a scripted module, a tensor changed behind a view's back)
raises `UnfollowedError`, and the caller takes the slow way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.autograd.graph import saved_tensors_hooks
from torch.overrides import TorchFunctionMode

from noisecleaner.gradients.attention import PARTS
from noisecleaner.gradients.forward_rules import RULES
from noisecleaner.gradients.passes import (
    Rehearsals,
    UnfollowedError,
    asks,
    changes,
    same_random_state,
    with_derivatives,
)
from noisecleaner.gradients.tangents import Dual, Tangents

_Function = Callable[..., Any]
#: Functions without a rule that draw no random numbers, so that none have to be put back.
_DRAWN_NEVER = frozenset(
    {"norm", "vector_norm", "normalize", "addcmul", "exp", "log", "sqrt", "rsqrt", "square", "abs", "pow", "__pow__"}
    | {"rsub", "__rsub__", "reciprocal", "__rtruediv__", "einsum", "where", "masked_fill", "clamp", "var", "std"}
    | {"leaky_relu", "elu", "celu", "selu", "softplus", "mish", "prelu", "log_softmax", "logsumexp", "interpolate"}
    | {"amax", "amin", "max", "min", "cumsum", "gather", "index_select", "instance_norm", "local_response_norm"}
    | {"__setitem__", "copy_", "zero_"}
)


def follow(
    network: nn.Module,
    inputs: Tensor,
    along: Mapping[Tensor, Tensor],
    rehearsals: Rehearsals | None = None,
    *,
    full_precision: bool = False,
) -> Dual:
    """Call a network, and carry the tangents of its parameters along.

    Args:
        network: any module; it is called once, so that running statistics and random numbers advance as ever.
        inputs: a batch of n samples.
        along: parameter -> v, of the same shape.
        rehearsals: of earlier passes through the network.
        full_precision: see `Tangents`.

    Returns:
        Logits, recorded by autograd where that is on, with t = J v, both of shape [n, classes].

    Raises:
        UnfollowedError: some operation cannot be followed; running statistics and random state are as they were.
    """
    tangents = Tangents(along, full_precision=full_precision)
    with (rehearsals or Rehearsals()).rehearsed(network, inputs):
        with ForwardMode(tangents), saved_tensors_hooks(alias, original):
            logits: Tensor = network(inputs)
        return tangents.result(logits)


class ForwardMode(TorchFunctionMode):
    """While active, every tensor that depends on a parameter with a tangent gets one as well.

    Args:
        tangents: of the parameters; those of other tensors are added.
    """

    def __init__(self, tangents: Tangents) -> None:
        super().__init__()
        self.tangents = tangents

    def __torch_function__(
        self, func: _Function, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Do what was asked for, and the derivative of it."""
        given = dict(kwargs or {})
        rule = RULES.get(func)
        if (rule is None and asks(func)) or not any(t in self.tangents for t in _tensors((args, given))):
            return func(*args, **given)
        result = NotImplemented
        if rule is not None and args and "out" not in given:
            result = rule(self.tangents, func, *args, **given)
        if result is NotImplemented and func in PARTS:
            with self:
                result = PARTS[func](*args, **given)
        return self._by_dual_numbers(func, args, given) if result is NotImplemented else result

    def _by_dual_numbers(self, func: _Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Let PyTorch's forward mode do the derivative, on a second computation of this one operation."""
        if "out" in kwargs:
            raise UnfollowedError(f"{func.__name__} writes into a tensor")
        changed = args[0] if _changes(func) else None
        moved = self._derivative(func, args, kwargs, changed)
        result = func(*args, **kwargs)
        outputs = [changed] if isinstance(changed, Tensor) else list(_tensors(result))
        for output, tangent in zip(outputs, moved, strict=True):
            self.tangents.put(output, tangent=tangent)
        return result

    @torch.no_grad()
    def _derivative(
        self, func: _Function, args: tuple[Any, ...], kwargs: dict[str, Any], changed: Any
    ) -> list[Tensor | None]:
        """Tangents of the results, or of the tensor that is changed in place; draws no random numbers for good."""

        def dual(value: Any) -> Any:
            if not isinstance(value, Tensor):
                return value
            primal, tangent = value.detach(), self.tangents.of(value)
            if value is changed:
                primal = primal.clone()
                tangent = torch.zeros_like(primal) if tangent is None else tangent.clone()
            return primal if tangent is None else forward_ad.make_dual(primal, tangent)  # type: ignore[no-untyped-call]

        drawn = nullcontext() if func.__name__ in _DRAWN_NEVER else same_random_state(_tensors((args, kwargs)))
        with drawn, with_derivatives(), forward_ad.dual_level():
            duals, named = _mapped(dual, args), _mapped(dual, kwargs)
            result = func(*duals, **named)
            outputs = [duals[0]] if isinstance(changed, Tensor) else list(_tensors(result))
            return [forward_ad.unpack_dual(output).tangent for output in outputs]  # type: ignore[no-untyped-call]


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


def alias(saved: Tensor) -> tuple[Tensor, int]:
    """Let autograd keep another tensor, of any shape, on the same memory: its own would keep its tangent, too."""
    return (saved if saved.is_leaf else saved.detach()), changes(saved)


def original(kept: tuple[Tensor, int]) -> Tensor:
    """Give autograd back what `alias` let it keep, of any shape."""
    tensor, version = kept
    if changes(tensor) != version:  # what autograd itself would have said
        raise RuntimeError("A tensor that the gradient needs was changed in place by an operation after it.")
    return tensor
