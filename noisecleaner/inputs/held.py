"""All inputs in the memory of a GPU, where they fit: a batch is gathered there, and nothing waits for the host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

#: The share of a GPU's free memory that inputs may take: a network, its maps and its graphs need the rest.
_SHARE = 0.4
#: Bytes that are read and copied together.
_BLOCK = 1 << 26


@dataclass(frozen=True, eq=False)
class Held:
    """Inputs of all rows on a device.

    Args:
        values: uint8 pixels [rows, size, size, 3], or vectors [rows, width] as they are kept, log probabilities too.
    """

    values: Tensor

    @staticmethod
    def fits(array: npt.NDArray[Any], device: torch.device) -> bool:
        """Whether a device has memory of its own with room for inputs of all rows, of shape [rows, ...]."""
        if device.type != "cuda":
            return False
        free, _ = torch.cuda.mem_get_info(device)
        # what PyTorch has asked for and does not use is free, too
        free += torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return array.nbytes <= _SHARE * free

    @staticmethod
    def of(
        array: npt.NDArray[Any],
        device: torch.device,
        *,
        change: Callable[[npt.NDArray[Any]], npt.NDArray[Any]] | None = None,
    ) -> Held:
        """Copy inputs to a device, block by block.

        Args:
            array: of all rows, shape [rows, ...].
            device: where they go.
            change: what is made of a block of rows first, in the same shape; nothing by default.
        """
        rows = max(1, _BLOCK // max(1, array[:1].nbytes))
        values: Tensor | None = None
        for first in range(0, len(array), rows):
            block = np.array(array[first : first + rows])  # a map that may not be written to would be warned of
            copied = torch.from_numpy(block if change is None else change(block)).to(device)
            if values is None:
                values = copied.new_empty(array.shape)
            values[first : first + rows] = copied
        return Held(torch.empty(array.shape, device=device) if values is None else values)


def brought(tensor: Tensor, device: torch.device) -> Tensor:
    """Bring a tensor of any shape from the host to a device without waiting for it."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)
