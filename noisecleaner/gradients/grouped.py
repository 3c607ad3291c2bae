"""Gradients of groups of a batch, all in one pass: each group is treated as if it were a batch of its own.

A linear layer or convolution maps the batch at once, forward and back, and only its own gradient is formed group by
group. Where rows of a batch see each other, in batch norm, each group is normalised by its own statistics, which also
move the running ones, one group after the other. What else has parameters gets a view of them for each group, so that
autograd tells the gradients apart.

Three modes see each function, from the top: `_Split` takes the batch apart, `ForwardMode` carries tangents along, and
`_Collect` puts a layer in place whose backward pass keeps the gradients of groups.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from noisecleaner.gradients.attention import PARTS
from noisecleaner.gradients.backward_rules import VIEWS
from noisecleaner.gradients.forward import ForwardMode, alias, original
from noisecleaner.gradients.groups import Groups
from noisecleaner.gradients.layers import Bilinear, cast, convolution, linear
from noisecleaner.gradients.passes import Rehearsals, UnfollowedError, asks
from noisecleaner.gradients.tangents import Dual, Tangents

_Function = Callable[..., Any]
_LAYERS = frozenset({functional.linear, functional.conv1d, functional.conv2d, functional.conv3d})
#: Functions of a batch, rows first, and of parameters: called for each group.
_OF_BATCHES = frozenset(
    {functional.batch_norm, functional.layer_norm, functional.group_norm, functional.instance_norm, functional.prelu}
    | {torch.add, torch.mul, torch.prelu}
    | {getattr(Tensor, name) for name in ("add", "mul", "__add__", "__radd__", "__mul__", "__rmul__")}
)


def grouped_pass(
    network: nn.Module,
    inputs: Tensor,
    *,
    sizes: Sequence[int],
    along: Mapping[str, Tensor],
    rehearsals: Rehearsals | None = None,
    full_precision: bool = False,
) -> tuple[Dual, Groups]:
    """Call a network on groups that are batches of their own, and carry tangents along.

    Args:
        network: in train mode, or not.
        inputs: the groups [n, ...], one behind the other.
        sizes: rows of each.
        along: v by the name of the parameters whose gradients are asked for.
        rehearsals: of earlier passes of this kind through the network.
        full_precision: see `Tangents`.

    Returns:
        Logits, recorded, and how they move along v, both [n, classes]; and what gives the gradients of groups.

    Raises:
        UnfollowedError: something cannot be followed; random state and running statistics are as they were.
    """
    parameters = dict(network.named_parameters())
    groups = Groups(sizes, {name: parameters[name] for name in along})
    tangents = Tangents({parameters[name]: v for name, v in along.items()}, joined=False, full_precision=full_precision)
    with (rehearsals or Rehearsals()).rehearsed(network, inputs):
        with _Collect(groups), ForwardMode(tangents), _Split(groups), saved_tensors_hooks(alias, original):
            logits: Tensor = network(inputs)
        groups.check()
        return tangents.result(logits), groups


class _Split(TorchFunctionMode):
    """Calls a function for each group where it must not see others, or where gradients must be told apart."""

    def __init__(self, groups: Groups) -> None:
        super().__init__()
        self.groups = groups

    def __torch_function__(
        self, func: _Function, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Call a function, in as many parts as it takes."""
        given, values = dict(kwargs or {}), [*args, *(kwargs or {}).values()]
        asked = [value for value in values if value in self.groups]
        if func is functional.batch_norm or (asked and func in _OF_BATCHES):
            return self._by_groups(func, args, given)
        if not asked:
            return func(*args, **given)
        return self._with_parameters(func, args, given, asked)

    def _with_parameters(
        self, func: _Function, args: tuple[Any, ...], given: dict[str, Any], asked: list[Tensor]
    ) -> Any:
        """Call a function that takes parameters and no rows, or all rows at once."""
        result: Any = NotImplemented
        if func in PARTS:
            with self:
                result = PARTS[func](*args, **given)
        if asks(func):
            result = func(*args, **given)
        if result is not NotImplemented and not (asks(func) and isinstance(result, Tensor)):
            return result
        if func in _LAYERS:
            for parameter in asked:
                self.groups.map(parameter)
            return func(*args, **given)
        if func is Tensor.expand:
            return self._spread(*args)
        if func in VIEWS:
            copies = [func(copy, *args[1:], **given) for copy in self.groups.copies(args[0])]
            return self.groups.put(func(*args, **given), copies)
        raise UnfollowedError(f"no rule for the parameters of {func.__name__}")

    def _by_groups(self, func: _Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        split = [self._parts(value) for value in args]
        named = {name: self._parts(value) for name, value in kwargs.items()}
        parts = []
        for number in range(len(self.groups.sizes)):
            given = {name: value[number] for name, value in named.items()}
            parts.append(func(*(value[number] for value in split), **given))
        return torch.cat(parts)

    def _parts(self, value: Any) -> Sequence[Any]:
        """What each group takes of an argument: its copy of a parameter, its rows of a batch, or the same."""
        if value in self.groups:
            return self.groups.copies(value)
        if isinstance(value, Tensor) and value.dim() > 1:
            if len(value) != self.groups.rows:
                raise UnfollowedError("a layer sees parts of samples, or several together")
            return torch.split(value, self.groups.sizes)
        return [value] * len(self.groups.sizes)

    def _spread(self, parameter: Tensor, *sizes: Any) -> Tensor:
        """The same parameter for each sample, such as the token of a class."""
        spread = torch.Size(sizes[0] if len(sizes) == 1 else sizes)
        if parameter.dim() != len(spread) or len(parameter) != 1 or spread[0] != self.groups.rows:
            raise UnfollowedError("a parameter that is not the same for each sample")
        copies = zip(self.groups.copies(parameter), self.groups.sizes, strict=True)
        return torch.cat([copy.expand(size, *spread[1:]) for copy, size in copies])


class _Collect(TorchFunctionMode):
    """Puts layers in place whose backward pass keeps the gradients of groups."""

    def __init__(self, groups: Groups) -> None:
        super().__init__()
        self.groups = groups

    def __torch_function__(
        self, func: _Function, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Call a function, or the layer that stands for it."""
        given = dict(kwargs or {})
        recorded = func in _LAYERS and torch.is_grad_enabled()
        if not recorded or not any(value in self.groups for value in (*args, *given.values())):
            return func(*args, **given)
        layer, x, weight, bias = (linear if func is functional.linear else convolution)(*args, **given)
        if len(x) != self.groups.rows:
            raise UnfollowedError("a layer sees parts of samples, or several together")
        kept = tuple(p if p in self.groups else None for p in (weight, bias))
        return _Kept.apply(self.groups, layer, kept, cast(x), cast(weight), cast(bias))


class _Kept(torch.autograd.Function):
    """A linear layer or convolution that keeps the gradients of groups while they are collected."""

    @staticmethod
    def forward(
        ctx: Any,
        groups: Groups,
        layer: Bilinear,
        kept: tuple[Tensor | None, Tensor | None],
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
    ) -> Tensor:
        ctx.groups, ctx.layer, ctx.kept = groups, layer, kept
        ctx.save_for_backward(x, weight)
        return layer.output(x, weight=weight, bias=bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        x, weight = ctx.saved_tensors
        groups, layer, shifted = ctx.groups, ctx.layer, ctx.needs_input_grad[5]
        below = layer.below(gradient, x=x, weight=weight) if ctx.needs_input_grad[3] else None
        if not groups.collecting:
            own, shift = layer.own(gradient, x=x, weight=weight, shifted=shifted)
            return None, None, None, below, own, shift
        own, shift = layer.own_by_groups(gradient, x=x, weight=weight, sizes=groups.sizes, shifted=shifted)
        for parameter, gradients in zip(ctx.kept, (own, shift), strict=True):
            if parameter is not None:
                groups.keep(parameter, gradients)
        return None, None, None, below, None, None
