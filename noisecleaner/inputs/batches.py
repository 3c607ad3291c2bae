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
from noisecleaner.inputs.held import Held
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
        held: the same inputs on a device of its own memory, see `on_device`; batches are gathered there then.
    """

    array: npt.NDArray[Any]
    given: IntArray
    trusted: IntArray
    device: torch.device
    augmented: bool = False
    flips: bool = True
    probabilities: bool = False
    held: Held | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Let another process map the array's file, where it is one, instead of sending it all rows."""
        mapped = isinstance(self.array, np.memmap) and self.array.filename
        state = {**vars(self), "held": None}
        return {**state, "array": str(mapped)} if mapped else state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Map the array's file again."""
        mapped = isinstance(state["array"], str)
        vars(self).update(state, array=np.load(state["array"], mmap_mode="r") if mapped else state["array"])

    def overridden(self, rows: IntArray) -> Data:
        """Return the same with the given labels of some rows, shape [n], replaced by those that they may steer with."""
        given = self.given.copy()
        given[rows] = self.trusted[rows]
        return replace(self, given=given)

    def on_device(self) -> Data:
        """Bring the inputs of all rows to a GPU that has room for them; else return the same."""
        if self.held is not None or not Held.fits(self.array, self.device):
            return self
        return replace(self, held=Held.of(self.array, self.device, change=logarithms if self.probabilities else None))

    def source(self, rows: IntArray) -> Batch:
        """Make a batch of source rows, shape [batch], augmented if asked for."""
        return self.source_of(self.raw(rows, self.given[rows]))

    def target(self, rows: IntArray) -> Batch:
        """Make a batch of trusted rows, shape [batch], with their verified labels, or the given ones of a clean set."""
        return self.target_of(self.raw(rows, self.steering(rows)))

    def steering(self, rows: IntArray | slice = slice(None)) -> IntArray:
        """Class index of the labels that rows, of any shape, have in a trusted batch, in their shape; of all rows."""
        verified = self.trusted[rows]
        return np.where(verified >= 0, verified, self.given[rows])

    def inputs(self, rows: IntArray) -> Tensor:
        """Bring rows to the device: pixels [n, 3, size, size], vectors or log probabilities [n, width], as float32."""
        return self.readied(self._values(rows))

    def raw(self, rows: IntArray, labels: IntArray) -> Batch:
        """Bring rows to the device as they are kept; for `source_of` and `target_of`.

        Args:
            rows: shape [batch].
            labels: their class indices, shape [batch].
        """
        own, numbers = (torch.from_numpy(array).to(self.device) for array in (labels, rows))
        return Batch(inputs=self._values(rows), labels=own, rows=numbers)

    def source_of(self, raw: Batch) -> Batch:
        """Make a source batch of rows as they are kept."""
        inputs = self.readied(raw.inputs)
        return replace(raw, inputs=augment(inputs, self.flips, raw.share) if self.augmented else inputs)

    def target_of(self, raw: Batch) -> Batch:
        """Make a trusted batch of rows as they are kept."""
        return replace(raw, inputs=self.readied(raw.inputs))

    def readied(self, values: Tensor) -> Tensor:
        """Turn rows as they are kept into what networks take: pixels [n, size, size, 3] or vectors [n, width]."""
        return readied(values)

    def kept(self, rows: IntArray) -> npt.NDArray[Any]:
        """Read rows as they are kept, probabilities as their logarithms, shape [n, ...]."""
        picked: npt.NDArray[Any] = self.array[rows]
        return logarithms(picked) if self.probabilities else picked

    def _values(self, rows: IntArray) -> Tensor:
        if self.held is not None:
            return self.held.values[torch.from_numpy(rows).to(self.device)]
        return torch.from_numpy(self.kept(rows)).to(self.device)


def inputs_of(values: npt.NDArray[Any], device: torch.device) -> Tensor:
    """Bring pixels [n, size, size, 3] (as [n, 3, size, size]) or vectors [n, width] to a device, as float32."""
    return readied(torch.from_numpy(values).to(device))


def readied(values: Tensor) -> Tensor:
    """Turn pixels [n, size, size, 3] (into [n, 3, size, size]) or vectors [n, width] into float32."""
    return (values.permute(0, 3, 1, 2) if values.dim() == 4 else values).float()
