"""Checkpoints of a training run: all that it has changed, in one safetensors file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from noisecleaner.files import read_arrays, write_arrays


def save(checkpoint: Path, kept: nn.Module, optimisers: Sequence[torch.optim.Optimizer], number: int) -> None:
    """Write a checkpoint after the first `number` steps; it appears whole, and replaces the one before."""
    arrays = {f"kept.{name}": tensor.cpu().numpy() for name, tensor in kept.state_dict().items()}
    for which, optimiser in enumerate(optimisers):
        for index, slots in optimiser.state_dict()["state"].items():
            arrays |= {f"optimiser.{which}.{index}.{k}": v.cpu().numpy() for k, v in slots.items() if v is not None}
    write_arrays(checkpoint, arrays, {"step": number})


def restore(checkpoint: Path, kept: nn.Module, optimisers: Sequence[torch.optim.Optimizer]) -> int:
    """Load a checkpoint if there is one; return the number of steps that are done."""
    if not checkpoint.exists():
        return 0
    arrays, meta = read_arrays(checkpoint)
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    kept.load_state_dict({k.removeprefix("kept."): v for k, v in tensors.items() if k.startswith("kept.")})
    for which, optimiser in enumerate(optimisers):
        slots: dict[int, dict[str, Tensor]] = {}
        for name in (n for n in tensors if n.startswith(f"optimiser.{which}.")):
            _, _, index, slot = name.split(".", 3)
            slots.setdefault(int(index), {})[slot] = tensors[name]
        optimiser.load_state_dict({**optimiser.state_dict(), "state": slots})
    return int(meta["step"])
