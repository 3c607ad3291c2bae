"""Row numbers -> batches on the device: pixels, augmented where they train, or vectors, with their labels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from noisecleaner.arrays import IntArray
from noisecleaner.inputs.augment import augment
from noisecleaner.inputs.probabilities import logarithms
from noisecleaner.networks.network import Batch


@dataclass(frozen=True, kw_only=True)
class Data:
    """What batches are made of.

    Args:
        array: inputs of all rows, shape [rows, …]: uint8 pixels [rows, size, size, 3] or vectors [rows, width].
        given: class index of the given label, -1 where there is none, shape [rows].
        trusted: class index of the label that a row may steer with, below 0 where there is none, shape [rows].
        device: where the network is.
        augmented: whether source pixels are augmented.
        flips: whether a mirrored image keeps its label.
        probabilities: whether the vectors are class probabilities, of which networks take the logarithms.
    """

    array: npt.NDArray[Any]
    given: IntArray
    trusted: IntArray
    device: torch.device
    augmented: bool = False
    flips: bool = True
    probabilities: bool = False

    def __getstate__(self) -> dict[str, Any]:
        """Let another process map the array's file, where it is one, instead of sending it all rows."""
        mapped = isinstance(self.array, np.memmap) and self.array.filename
        return {**vars(self), "array": str(mapped)} if mapped else dict(vars(self))

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Map the array's file again."""
        mapped = isinstance(state["array"], str)
        vars(self).update(state, array=np.load(state["array"], mmap_mode="r") if mapped else state["array"])

    def overridden(self, rows: IntArray) -> Data:
        """Return the same with the given labels of some rows, shape [n], replaced by those that they may steer with."""
        given = self.given.copy()
        given[rows] = self.trusted[rows]
        return replace(self, given=given)

    def source(self, rows: IntArray) -> Batch:
        """Make a batch of source rows, shape [batch], augmented if asked for."""
        inputs = self.inputs(rows)
        return self._batch(augment(inputs, self.flips) if self.augmented else inputs, self.given[rows], rows)

    def target(self, rows: IntArray) -> Batch:
        """Make a batch of trusted rows, shape [batch], with their verified labels, or the given ones of a clean set."""
        verified = self.trusted[rows]
        return self._batch(self.inputs(rows), np.where(verified >= 0, verified, self.given[rows]), rows)

    def inputs(self, rows: IntArray) -> Tensor:
        """Bring rows to the device: pixels [n, 3, size, size], vectors or log probabilities [n, width], as float32."""
        picked = self.array[rows]
        return inputs_of(logarithms(picked) if self.probabilities else picked, self.device)

    def _batch(self, inputs: Tensor, labels: IntArray, rows: IntArray) -> Batch:
        device = self.device
        return Batch(inputs=inputs, labels=torch.from_numpy(labels).to(device), rows=torch.from_numpy(rows).to(device))


def inputs_of(values: npt.NDArray[Any], device: torch.device) -> Tensor:
    """Bring pixels [n, size, size, 3] (as [n, 3, size, size]) or vectors [n, width] to a device, as float32."""
    picked = torch.from_numpy(values).to(device)
    return (picked.permute(0, 3, 1, 2) if picked.dim() == 4 else picked).float()
