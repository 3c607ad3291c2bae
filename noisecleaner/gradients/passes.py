"""What a pass through a network leaves behind beside its output: the random state and running statistics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import Tensor, nn
from torch.func import functional_call


class UnfollowedError(Exception):
    """The derivative of an operation is not known; nothing that was computed so far may be used."""


def has_kernels(*names: str) -> bool:
    """Whether PyTorch has some kernels of its own that it does not promise to keep."""
    return all(hasattr(torch.ops.aten, name) for name in names)


def changes(tensor: Tensor) -> int:
    """How often a tensor of any shape has been changed in place.

    Raises:
        UnfollowedError: PyTorch does not tell: the counter is its own, too.
    """
    try:
        return int(tensor._version)
    except (AttributeError, RuntimeError) as error:
        raise UnfollowedError("changes of a tensor are not counted") from error


def same_random_state(tensors: Iterable[Tensor]) -> AbstractContextManager[None]:
    """Put the random state of the CPU, and of the devices of tensors of any shape, back at the end of the block."""
    devices = sorted({t.device.index or 0 for t in tensors if t.device.type == "cuda"})
    return torch.random.fork_rng(devices=devices)


@contextmanager
def undone(network: nn.Module, inputs: Tensor) -> Iterator[None]:
    """Put running statistics and the random state back if a pass, of any shape, ends with an `UnfollowedError`."""
    buffers = [(buffer, buffer.clone()) for buffer in network.buffers()]
    on_cpu = torch.get_rng_state()
    on_device = torch.cuda.get_rng_state(inputs.device) if inputs.device.type == "cuda" else None
    try:
        yield
    except UnfollowedError:
        torch.set_rng_state(on_cpu)
        if on_device is not None:
            torch.cuda.set_rng_state(on_device, inputs.device)
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
        raise


def with_spare_buffers(module: nn.Module, inputs: Tensor, parameters: Mapping[str, Tensor] | None = None) -> Tensor:
    """Call a module on clones of its buffers, so that batch norm's running statistics stay as they are.

    Args:
        module: the network, or a part of it.
        inputs: a batch [n, ...].
        parameters: values to use instead of the module's own, by name and in their shapes.

    Returns:
        What the module makes of the inputs: logits [n, classes] or features [n, width].
    """
    buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}
    outputs: Tensor = functional_call(module, {**buffers, **(parameters or {})}, (inputs,))
    return outputs
