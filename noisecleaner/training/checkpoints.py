"""Checkpoints of a training run: all that it has changed, in one safetensors file."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import damaged, read_arrays, write_arrays
from noisecleaner.ranks.group import ALONE, Ranks


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
        ranks: the processes that train the run; the leader alone writes, and all of them read.
    """

    def __init__(self, path: Path, seconds: float, ranks: Ranks = ALONE) -> None:
        self.path, self._seconds, self._ranks = path, seconds, ranks
        self._written = time.monotonic()

    def due(self) -> bool:
        """Whether the last one was written long enough ago; asked by all processes at the same step."""
        return self._ranks.any(time.monotonic() - self._written > self._seconds)

    def save(self, kept: Kept, step: int) -> None:
        """Write what is kept after the first `step` steps; it appears whole, and replaces the one before."""
        tensors = kept.state_dict()  # of several processes, all put it together
        if self._ranks.leads:
            write_arrays(self.path, {n: tensor.cpu().numpy() for n, tensor in tensors.items()}, {"step": step})
        self._ranks.wait()  # nobody shall end before it is written
        self._written = time.monotonic()

    def restore(self, kept: Kept) -> int:
        """Load the file if there is one; return the number of steps that are done.

        Raises:
            NoisecleanerError: the file is damaged, or of a learner that keeps other things, as another version's may;
                or not all processes see the same one.
        """
        step = self._restored(kept)
        if not self._ranks.same(step):
            raise NoisecleanerError(
                f"All {self._ranks.size} processes go on from {self.path}, but not all of them see the same file.",
                "Put the run directory where every machine sees it under the same path.",
            )
        return step

    def _restored(self, kept: Kept) -> int:
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
