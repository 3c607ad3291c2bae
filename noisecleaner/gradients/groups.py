"""What a pass keeps to tell the gradients of groups of a batch apart, and those gradients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from noisecleaner.gradients.passes import UnfollowedError


class GroupGradients:
    """The gradients of the losses of groups.

    Args:
        gradients: by parameter, of shape [groups, *shape of the parameter].
    """

    def __init__(self, gradients: Mapping[str, Tensor]) -> None:
        self._gradients = gradients

    def squares(self) -> Tensor:
        """The squared length of each group's gradient, shape [groups]."""
        lengths = [torch.linalg.vector_norm(_rows(g), dim=1) for g in self._gradients.values()]
        return torch.stack(lengths).square().sum(dim=0)

    def products(self, along: Mapping[str, Tensor]) -> Tensor:
        """The product of each group's gradient with v, by parameter and in its shape; shape [groups]."""
        found = [_rows(g) @ _rows(along[name].to(g).unsqueeze(0), like=g)[0] for name, g in self._gradients.items()]
        return torch.stack(found).sum(dim=0)

    def weighted(self, weights: Tensor) -> dict[str, Tensor]:
        """The sum of the groups' gradients under weights [groups], by parameter and in its shape."""
        return {name: _summed(g, weights.to(g)) for name, g in self._gradients.items()}


#: From [groups, outputs, inputs, height, width] to the order of memory with the channels last, and back.
_LAST, _BACK = (0, 1, 3, 4, 2), (0, 3, 1, 2)


def _is_last(gradients: Tensor) -> bool:
    return gradients.dim() == 5 and not gradients.is_contiguous() and gradients.permute(_LAST).is_contiguous()


def _rows(gradients: Tensor, like: Tensor | None = None) -> Tensor:
    """A row of numbers for each group, [groups, numbers], in the order of memory (of another tensor)."""
    last = _is_last(gradients if like is None else like)
    return (gradients.permute(_LAST) if last else gradients).flatten(1)


def _summed(gradients: Tensor, weights: Tensor) -> Tensor:
    total, shape = weights @ _rows(gradients), gradients.shape[1:]
    if not _is_last(gradients):
        return total.view(shape)
    return total.view(shape[0], *shape[2:], shape[1]).permute(_BACK)


class Groups:
    """What a pass keeps to tell gradients of groups apart.

    Args:
        sizes: rows of each group, one behind the other in the batch.
        parameters: by name, whose gradients are asked for.
    """

    def __init__(self, sizes: Sequence[int], parameters: Mapping[str, Tensor]) -> None:
        self.sizes, self.parameters = list(sizes), parameters
        self.collecting = False
        self._asked = {id(p) for p in parameters.values()}
        self._views: dict[int, Tensor] = {}
        self._copies: dict[int, list[Tensor]] = {}
        self._own: dict[int, Tensor] = {}
        self._mapped: set[int] = set()

    def __contains__(self, tensor: object) -> bool:
        """Whether a tensor is a parameter whose gradients are asked for, or a view of one."""
        return id(tensor) in self._asked or id(tensor) in self._views

    @property
    def rows(self) -> int:
        """Rows of the batch."""
        return sum(self.sizes)

    def map(self, parameter: Tensor) -> None:
        """Note that a layer keeps the gradients of a parameter, of any shape, itself.

        Raises:
            UnfollowedError: what it was given is a view.
        """
        if id(parameter) not in self._asked:
            raise UnfollowedError("a layer with a view of a parameter")
        self._mapped.add(id(parameter))

    def copies(self, parameter: Tensor) -> list[Tensor]:
        """A view of a parameter, of its shape, for each group."""
        if id(parameter) not in self._copies:
            self._copies[id(parameter)] = [parameter.view_as(parameter) for _ in self.sizes]
        return self._copies[id(parameter)]

    def put(self, view: Tensor, copies: list[Tensor]) -> Tensor:
        """Take a view of a parameter, of any shape, for one, with the same view of its copies; return the view."""
        self._views[id(view)], self._copies[id(view)] = view, copies
        return view

    def keep(self, parameter: Tensor, gradients: Tensor | None) -> None:
        """Add gradients [groups, *shape] of a parameter, of which there are several where it is used several times."""
        if gradients is not None:
            before = self._own.get(id(parameter))
            gradients = gradients.to(parameter.dtype)
            self._own[id(parameter)] = gradients if before is None else before + gradients

    def check(self) -> None:
        """Refuse a network that uses a parameter out of sight.

        Raises:
            UnfollowedError: it does.
        """
        seen = self._mapped | self._copies.keys()
        if not all(id(parameter) in seen for parameter in self.parameters.values()):
            raise UnfollowedError("a parameter was used by a function that cannot be seen")

    def gradients(self, loss: Tensor, *, keep_graph: bool) -> GroupGradients:
        """Propagate back the sum of the groups' losses, of shape []; the graph stays for another time if it is kept."""
        asked = self.parameters.values()
        copied = [p for p in asked if id(p) in self._copies]
        ends = [copy for p in copied for copy in self._copies[id(p)]]
        self.collecting = True
        try:
            with torch.autocast(loss.device.type, enabled=False):
                found = torch.autograd.grad(
                    loss,
                    [*ends, *(p for p in asked if id(p) in self._mapped)],
                    retain_graph=keep_graph,
                    allow_unused=True,
                )
        finally:
            self.collecting = False
        for parameter, own in zip(copied, _chunks(found[: len(ends)], len(self.sizes)), strict=True):
            filled = [torch.zeros_like(parameter) if g is None else g for g in own]
            self.keep(parameter, torch.stack(filled))
        return GroupGradients({name: self._own[id(p)] for name, p in self.parameters.items()})


def _chunks(values: Sequence[Any], size: int) -> Iterable[Sequence[Any]]:
    return (values[first : first + size] for first in range(0, len(values), size))
