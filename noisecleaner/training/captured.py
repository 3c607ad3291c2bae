"""Steps captured as CUDA graphs: a step of many small kernels costs what they take, not what launching them takes.

The first steps of a kind are taken as they are. The next one is recorded once, with all that it changes in place
(parameters, momentum, weights and history of rows), and from there on replayed on other rows. Random numbers come from
the device's own generator, which a graph knows: replayed after the same seed, it draws what a plain step draws.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from noisecleaner.texts import counted

#: Steps of a kind before it is captured: the first ones choose kernels and ask for memory, and may wait for the device.
_PLAIN = 3
#: What PyTorch says of a call that waits for the device.
_WAITS = "called a synchronizing CUDA operation"

#: Takes a step on what it looks at, and returns its loss, a scalar.
Take = Callable[[tuple[Tensor, ...]], Tensor]


@dataclass(frozen=True, eq=False)
class _Graph:
    """A captured step.

    Args:
        graph: what to replay.
        drawn: where it looks, of the shapes that it was captured with.
        loss: where it leaves its loss, a scalar.
    """

    graph: torch.cuda.CUDAGraph
    drawn: tuple[Tensor, ...]
    loss: Tensor


class CapturedSteps:
    """Takes steps, and replays those that it has captured.

    Args:
        device: where steps compute; only on a GPU with CUDA is anything captured.
        allowed: False takes every step plainly: some part of it asks the host.

    """

    def __init__(self, device: torch.device, *, allowed: bool = True) -> None:
        self._capturing = allowed and device.type == "cuda"
        self._taken: Counter[Hashable] = Counter()
        self._graphs: dict[Hashable, _Graph] = {}
        self._memory = torch.cuda.graph_pool_handle() if self._capturing else None
        self._refusals: list[str] = []

    def warnings(self) -> list[str]:
        """Say once why steps that might be captured are not."""
        said, self._refusals = self._refusals, []
        return said

    def take(self, kind: Hashable, drawn: tuple[Tensor, ...], take: Take) -> Tensor:
        """Take a step.

        Args:
            kind: steps of one kind, on tensors of the same shapes, compute the same.
            drawn: what the step looks at, of any shape; it is not changed.
            take: the step. On the device it may change nothing but tensors that outlive it, in place.

        Returns:
            The loss, a scalar of its own.
        """
        key = (kind, *(tensor.shape for tensor in drawn))
        if not self._capturing:
            return take(drawn)
        if key not in self._graphs:
            self._taken[key] += 1
            if self._taken[key] < _PLAIN:
                return take(drawn)
            if self._taken[key] == _PLAIN:
                return self._watched(drawn, take)
            if not self._capture(key, drawn, take):
                return take(drawn)
        return self._replay(self._graphs[key], drawn)

    def _watched(self, drawn: tuple[Tensor, ...], take: Take) -> Tensor:
        """Take a step plainly, and see whether it waits for the device: a graph cannot."""
        before = torch.cuda.get_sync_debug_mode()
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            try:
                loss = take(drawn)
            finally:
                torch.cuda.set_sync_debug_mode(before)
        waits = sum(_WAITS in str(warning.message) for warning in said)
        if waits:
            self._refuse(f"a step waits for the device ({counted(waits, 'time')})")
        return loss

    def _capture(self, key: Hashable, drawn: tuple[Tensor, ...], take: Take) -> bool:
        """Record a step without taking it; say whether that went well."""
        kept, graph = tuple(tensor.clone() for tensor in drawn), torch.cuda.CUDAGraph()
        stream = torch.cuda.current_stream(drawn[0].device)
        try:
            # other threads may go on reading images meanwhile
            with torch.cuda.graph(graph, pool=self._memory, stream=stream, capture_error_mode="thread_local"):
                loss = take(kept)
        except RuntimeError as error:
            self._refuse(str(error).strip().splitlines()[0])
            return False
        self._graphs[key] = _Graph(graph, kept, loss)
        return True

    def _replay(self, captured: _Graph, drawn: tuple[Tensor, ...]) -> Tensor:
        for place, tensor in zip(captured.drawn, drawn, strict=True):
            place.copy_(tensor, non_blocking=True)
        captured.graph.replay()
        return captured.loss.clone()

    def _refuse(self, reason: str) -> None:
        self._capturing = False
        self._refusals.append(f"Training is slower than it could be, as its steps cannot be captured: {reason}.")


@contextmanager
def own_stream(device: torch.device) -> Iterator[None]:
    """Compute on a stream of its own, as capturing asks; on other devices than CUDA's nothing changes."""
    if device.type != "cuda":
        yield
        return
    outside = torch.cuda.current_stream(device)
    inside = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    inside.wait_stream(outside)
    with torch.cuda.stream(inside):
        yield
    outside.wait_stream(inside)
