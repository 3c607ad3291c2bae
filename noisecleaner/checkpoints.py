"""Checkpoints of a training run: all that it has changed, in one safetensors file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from noisecleaner.files import read_arrays, write_arrays


def save(checkpoint: Path, state: nn.Module, optimisers: Sequence[torch.optim.Optimizer], number: int) -> None:
    """Write a checkpoint after the first `number` steps; it appears whole, and replaces the one before."""
    arrays = {f"state.{name}": tensor.cpu().numpy() for name, tensor in state.state_dict().items()}
    for which, optimiser in enumerate(optimisers):
        for index, slots in optimiser.state_dict()["state"].items():
            arrays |= {f"optimiser.{which}.{index}.{k}": v.cpu().numpy() for k, v in slots.items() if v is not None}
    write_arrays(checkpoint, arrays, {"step": number})


def restore(checkpoint: Path, state: nn.Module, optimisers: Sequence[torch.optim.Optimizer]) -> int:
    """Load a checkpoint if there is one; return the number of steps that are done."""
    if not checkpoint.exists():
        return 0
    arrays, meta = read_arrays(checkpoint)
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    state.load_state_dict({k.removeprefix("state."): v for k, v in tensors.items() if k.startswith("state.")})
    for which, optimiser in enumerate(optimisers):
        slots: dict[int, dict[str, Tensor]] = {}
        for name in (n for n in tensors if n.startswith(f"optimiser.{which}.")):
            _, _, index, slot = name.split(".", 3)
            slots.setdefault(int(index), {})[slot] = tensors[name]
        optimiser.load_state_dict({**optimiser.state_dict(), "state": slots})
        _lay_out(optimiser)
    return int(meta["step"])


def _lay_out(optimiser: torch.optim.Optimizer) -> None:
    """Give momentum the memory layout of its parameter: a fused step walks through both as they lie in memory."""
    for parameter, slots in optimiser.state.items():
        for name, value in slots.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                slots[name] = torch.empty_like(parameter).copy_(value)
