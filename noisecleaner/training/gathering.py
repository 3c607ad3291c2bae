"""Vectors of a step, gathered and standardised; on a CPU always in the same memory, which stays in its caches."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from noisecleaner.inputs.batches import Data
from noisecleaner.networks.heads import Standardise


class Gathering:
    """Makes what a linear head sees of rows.

    Args:
        data: whose vectors.
        trunk: standardises them, on the device of the data.
    """

    def __init__(self, data: Data, trunk: nn.Module) -> None:
        self._data, self._trunk = data, trunk
        (self._standardise,) = (module for module in trunk.modules() if isinstance(module, Standardise))
        self._raw, self._ready = dict[int, np.ndarray](), dict[int, Tensor]()

    @torch.no_grad()
    def on_device(self, rows: Tensor) -> Tensor:
        """Gather rows, by their numbers [n] on the device, there, shape [n, width]; the device holds all of them."""
        assert self._data.held is not None  # noqa: S101  # callers have looked
        features: Tensor = self._trunk(self._data.readied(self._data.held.values[rows]))
        return features

    @torch.no_grad()
    def from_host(self, rows: Tensor, slot: int) -> Tensor:
        """Read rows, by their numbers [n], shape [n, width].

        Args:
            rows: their numbers.
            slot: what is returned is overwritten when this slot is used again.
        """
        numbers = rows.cpu().numpy()
        if self._data.device.type != "cpu":
            features: Tensor = self._trunk(self._data.inputs(numbers))
            return features
        array, like = self._data.array, self._standardise.mean
        raw = self._raw.get(slot)
        if raw is None or len(raw) != len(numbers):
            raw = self._raw[slot] = np.empty((len(numbers), array.shape[1]), array.dtype)
            self._ready[slot] = torch.empty(raw.shape, dtype=like.dtype)
        np.take(array, numbers, axis=0, out=raw, mode="clip")
        return self._standardise.in_place(self._ready[slot].copy_(torch.from_numpy(raw)))
