"""Tensors that move, and how: dual numbers, as values and as a table beside a pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from noisecleaner.gradients.passes import UnfollowedError, changes


@dataclass(frozen=True, kw_only=True, eq=False)
class Dual:
    """A tensor and its derivative along a direction: the dual number value + tangent eps.

    Args:
        value: of any shape; autograd may have recorded it.
        tangent: of the same shape, without a graph.
    """

    value: Tensor
    tangent: Tensor


class Tangents:
    """The tangents of all tensors that depend on a parameter with a tangent; a tensor's goes when the tensor goes.

    Args:
        along: parameter -> its tangent, of the same shape.
        joined: whether a layer may be computed together with its tangent.
        full_precision: whether the tangents of layers in float32 keep all of its digits; see `bilinear.py`.

    Attributes:
        spare: float32 memory that a layer may use while it is at work.
    """

    def __init__(self, along: Mapping[Tensor, Tensor], *, joined: bool = True, full_precision: bool = False) -> None:
        self.joined, self.full_precision = joined, full_precision
        self.spare = torch.empty(0, dtype=torch.float32)
        self._known = WeakTensorKeyDictionary()
        self._unseen = {id(parameter) for parameter in along}
        for parameter, tangent in along.items():
            self.put(parameter, tangent=tangent)

    def __contains__(self, tensor: Tensor) -> bool:
        """Whether a tensor has a tangent; it may be out of date, which `of` would tell."""
        return tensor in self._known

    def of(self, tensor: Any) -> Tensor | None:
        """The tangent of a tensor, of the same shape; None where it is zero, and for what is no tensor.

        Raises:
            UnfollowedError: the tensor was changed in place by an operation on another view of it.
        """
        known = self._known.get(tensor) if isinstance(tensor, Tensor) else None  # type: ignore[no-untyped-call]
        if known is None:
            return None
        tangent, version = known
        if version != changes(tensor):
            raise UnfollowedError("a tensor was changed in place through a view")
        self._unseen.discard(id(tensor))
        return tangent  # type: ignore[no-any-return]  # the dictionary is untyped

    def put(self, tensor: Tensor, *, tangent: Tensor | None) -> Tensor:
        """Give a tensor its tangent, of the same shape, and return the tensor."""
        if tangent is not None:
            self._known[tensor] = (tangent, changes(tensor))
        return tensor

    def result(self, logits: Tensor) -> Dual:
        """The network's output, of any shape, with its tangent.

        Raises:
            UnfollowedError: some parameter was used out of sight.
        """
        tangent = self.of(logits)
        if self._unseen or tangent is None:
            raise UnfollowedError("a parameter was used by a function that cannot be seen")
        return Dual(value=logits, tangent=tangent)
