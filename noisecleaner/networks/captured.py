"""Calls captured as CUDA graphs: many small kernels cost what they take, not what launching them one by one takes.

The first calls of a kind are made as they are. The next one is recorded once, with all that it changes in place (a
training step: parameters, momentum, weights and history of rows), and from there on replayed on other tensors. Random
numbers come from the device's own generator, which a graph knows: replayed after the same seed, it draws what a plain
call draws.
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

#: Calls of a kind before it is captured: the first ones choose kernels and ask for memory, and may wait for the device.
_PLAIN = 3
#: What PyTorch says of a call that waits for the device.
_WAITS = "called a synchronizing CUDA operation"

#: Makes a tensor of tensors, all on the device.
Call = Callable[[tuple[Tensor, ...]], Tensor]


@dataclass(frozen=True, eq=False)
class _Graph:
    """A captured call.

    Args:
        graph: what to replay.
        taken: where it looks, of the shapes that it was captured with.
        made: where it leaves what it makes, of any shape.
    """

    graph: torch.cuda.CUDAGraph
    taken: tuple[Tensor, ...]
    made: Tensor


class CapturedCalls:
    """Makes calls, and replays those that it has captured.

    Args:
        device: where they compute; only on a GPU with CUDA is anything captured.
        allowed: False makes every call plainly: some part of it asks the host.
    """

    def __init__(self, device: torch.device, *, allowed: bool = True) -> None:
        self._capturing = allowed and device.type == "cuda"
        self._calls: Counter[Hashable] = Counter()
        self._graphs: dict[Hashable, _Graph] = {}
        self._memory = torch.cuda.graph_pool_handle() if self._capturing else None
        self._refusals: list[str] = []
        self._device = device
        self._stream = torch.cuda.Stream(device) if self._capturing else None  # type: ignore[no-untyped-call]  # torch's

    @contextmanager
    def running(self) -> Iterator[None]:
        """Compute on a stream of their own, as capturing asks: calls are made inside of this."""
        if self._stream is None:
            yield
            return
        outside = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(outside)
        with torch.cuda.stream(self._stream):
            yield
        outside.wait_stream(self._stream)

    def refusals(self) -> list[str]:
        """Say once why calls that might be captured are not."""
        said, self._refusals = self._refusals, []
        return said

    def call(self, kind: Hashable, taken: tuple[Tensor, ...], call: Call) -> Tensor:
        """Make a call, or replay it.

        Args:
            kind: calls of one kind, on tensors of the same shapes, compute the same.
            taken: what the call looks at, of any shape; it is not changed.
            call: on the device it may change nothing but tensors that outlive it, in place.

        Returns:
            What the call makes, of any shape, in memory of its own.
        """
        if not self._capturing:
            return call(taken)
        key = (kind, *((tensor.shape, tensor.dtype) for tensor in taken))
        if key not in self._graphs:
            self._calls[key] += 1
            if self._calls[key] < _PLAIN:
                return call(taken)
            if self._calls[key] == _PLAIN:
                return self._watched(taken, call)
            if not self._capture(key, taken, call):
                return call(taken)
        return self._replay(self._graphs[key], taken)

    def _watched(self, taken: tuple[Tensor, ...], call: Call) -> Tensor:
        """Make a call plainly, and see whether it waits for the device: a graph cannot."""
        before = torch.cuda.get_sync_debug_mode()
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            try:
                made = call(taken)
            finally:
                torch.cuda.set_sync_debug_mode(before)
        waits = sum(_WAITS in str(warning.message) for warning in said)
        if waits:
            self._refuse(f"they wait for the device ({counted(waits, 'time')})")
        return made

    def _capture(self, key: Hashable, taken: tuple[Tensor, ...], call: Call) -> bool:
        """Record a call without making it; say whether that went well."""
        kept, graph = tuple(tensor.clone() for tensor in taken), torch.cuda.CUDAGraph()
        stream = torch.cuda.current_stream(taken[0].device)
        try:
            # other threads may go on reading images meanwhile
            with torch.cuda.graph(graph, pool=self._memory, stream=stream, capture_error_mode="thread_local"):
                made = call(kept)
        except RuntimeError as error:
            self._refuse(str(error).strip().splitlines()[0])
            return False
        self._graphs[key] = _Graph(graph, kept, made)
        return True

    def _replay(self, captured: _Graph, taken: tuple[Tensor, ...]) -> Tensor:
        for place, tensor in zip(captured.taken, taken, strict=True):
            place.copy_(tensor, non_blocking=True)
        captured.graph.replay()
        return captured.made.clone()

    def _refuse(self, reason: str) -> None:
        self._capturing = False
        self._refusals.append(reason)
