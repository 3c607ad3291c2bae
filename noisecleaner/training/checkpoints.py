"""Checkpoints of a training run: all that it has changed, in one safetensors file."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from noisecleaner.files import damaged, read_arrays, write_arrays


class Kept(Protocol):
    """What a checkpoint holds: tensors by name, as of a `nn.Module`."""

    def state_dict(self) -> Mapping[str, Tensor]:
        """All that steps have changed."""
        ...

    def load_state_dict(self, tensors: Mapping[str, Tensor], /) -> object:
        """Take over what `state_dict` returned, of whatever shape and type each tensor is."""
        ...


class Checkpoint:
    """The file that a training run goes on from.

    Args:
        path: the file; it need not be there.
        seconds: least time between two checkpoints.
    """

    def __init__(self, path: Path, seconds: float) -> None:
        self.path, self._seconds = path, seconds
        self._written = time.monotonic()

    def due(self) -> bool:
        """Whether the last one was written long enough ago."""
        return time.monotonic() - self._written > self._seconds

    def save(self, kept: Kept, step: int) -> None:
        """Write what is kept after the first `step` steps; it appears whole, and replaces the one before."""
        write_arrays(self.path, {n: tensor.cpu().numpy() for n, tensor in kept.state_dict().items()}, {"step": step})
        self._written = time.monotonic()

    def restore(self, kept: Kept) -> int:
        """Load the file if there is one; return the number of steps that are done.

        Raises:
            NoisecleanerError: the file is damaged, or of a learner that keeps other things, as another version's may.
        """
        if not self.path.exists():
            return 0
        arrays, metadata = read_arrays(self.path)
        try:
            kept.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
        except RuntimeError as error:  # what torch says of tensors that are missing, too many, or of another shape
            raise damaged(self.path, "its tensors do not fit") from error
        return int(metadata["step"])

    def remove(self) -> None:
        """Remove the file, when the run is done."""
        self.path.unlink(missing_ok=True)
