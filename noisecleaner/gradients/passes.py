"""What a pass through a network leaves behind beside its output: the random state and running statistics."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

#: They ask about a tensor, or make one of its kind, and have no derivative.
_QUESTIONS = frozenset(
    {"dim", "size", "stride", "numel", "__len__", "__get__", "is_contiguous", "is_floating_point", "get_device"}
    | {"new_empty", "new_zeros", "new_ones", "new_full", "empty_like", "zeros_like", "ones_like", "full_like", "detach"}
)


class UnfollowedError(Exception):
    """The derivative of an operation is not known; nothing that was computed so far may be used."""


def has_kernels(*names: str) -> bool:
    """Whether PyTorch has some kernels of its own that it does not promise to keep."""
    return all(hasattr(torch.ops.aten, name) for name in names)


def asks(func: Callable[..., Any]) -> bool:
    """Whether a function asks about a tensor: by its name, or for an attribute."""
    return func.__name__ in _QUESTIONS


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


def with_derivatives() -> AbstractContextManager[None]:
    """Let attention be computed such that PyTorch's forward mode has its derivative: the fused kernels have none."""
    return sdpa_kernel(SDPBackend.MATH)


class Rehearsals:
    """Which kinds of passes could be followed to their end, so that later ones take the right way at once.

    A pass that is known to end well needs no copies of running statistics and random state, which would cost a step on
    a GPU many launches, and which one that is captured may not take. What decides is the network's code, which looks at
    the mode, the shape of a sample and the format. (If it looks at the numbers, too, and a later pass cannot be
    followed, what that has changed stays.)
    """

    def __init__(self) -> None:
        self._ended: dict[Hashable, bool] = {}

    @contextmanager
    def rehearsed(self, network: nn.Module, inputs: Tensor) -> Iterator[None]:
        """Let a pass of inputs [n, ...] through a network run, undone where it is the first one and cannot be followed.

        Raises:
            UnfollowedError: the pass, or an earlier one of its kind, could not be followed.
        """
        autocast = torch.is_autocast_enabled(inputs.device.type)
        kind = (network.training, inputs.shape[1:], inputs.dtype, inputs.device, autocast)
        if not self._ended.get(kind, True):
            raise UnfollowedError("an earlier pass of its kind could not be followed")
        if kind in self._ended:
            yield
            return
        try:
            with undone(network, inputs):
                yield
        except UnfollowedError:
            self._ended[kind] = False
            raise
        self._ended[kind] = True


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
