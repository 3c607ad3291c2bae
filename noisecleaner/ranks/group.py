"""The processes as a value that is handed down: sums over all of them, agreement, messages. One alone needs none."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from noisecleaner.progress import Interrupts
from noisecleaner.ranks.board import Board

#: How long one is deaf to signals while others are awaited, and how long a step that they may not cut in two waits.
_SLICE, _PATIENCE_SECONDS = timedelta(seconds=0.5), 10.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Ranks:
    """One of several processes that do the same step at the same time; by default the only one.

    Every operation is called by all of them in the same order; alone it costs nothing and changes nothing.

    Args:
        rank: number of this process; 0 leads.
        size: how many there are.
        local_size: how many there are on this machine.
        device: where this process computes, None where it is alone and computes wherever it is told.
        board: where they leave word; None for one alone.
        interrupts: the wish of this process to stop, for which it does not wait long for one that has come to a halt.
    """

    rank: int = 0
    size: int = 1
    local_size: int = 1
    device: torch.device | None = None
    board: Board | None = field(default=None, repr=False)
    interrupts: Interrupts = field(default_factory=Interrupts, repr=False)

    @property
    def alone(self) -> bool:
        """Whether there is no other process."""
        return self.size == 1

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.rank == 0

    def part(self, count: int) -> slice:
        """Which of so many rows of a batch are this process's: parts follow each other and differ by one at most."""
        return slice(count * self.rank // self.size, count * (self.rank + 1) // self.size)

    def total(self, tensor: Tensor) -> Tensor:
        """The sum of a tensor over all processes, in its shape; alone it is the tensor itself."""
        if self.alone:
            return tensor
        total = tensor.detach().clone(memory_format=torch.contiguous_format)
        self._all_reduce(total, dist.ReduceOp.SUM)
        return total

    @torch.no_grad()
    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Put the sums over all processes into tensors of any shapes and of one format, by one operation."""
        if self.alone or not tensors:
            return
        flat = self.total(torch.cat([tensor.reshape(-1) for tensor in tensors]))
        for tensor, part in zip(tensors, torch.split(flat, [t.numel() for t in tensors]), strict=True):
            tensor.copy_(part.view_as(tensor))

    def any(self, wish: bool) -> bool:
        """Whether some process says so."""
        return wish if self.alone else bool(self.total(torch.tensor(int(wish))))

    def same(self, number: int) -> bool:
        """Whether all processes name the same number."""
        if self.alone:
            return True
        ends = torch.tensor([number, -number])
        self._all_reduce(ends, dist.ReduceOp.MIN)
        return bool(ends[0] == -ends[1])

    def wait(self) -> None:
        """Go on when all are here."""
        self.any(False)

    def shared(self, leaders: Callable[[], Any]) -> Any:
        """What the leader makes, at every process; it may be anything that can be pickled.

        Args:
            leaders: makes it; called by the leader alone.
        """
        if self.alone:
            return leaders()
        box = [leaders() if self.leads else None]
        self.wait()  # in what follows one is deaf to signals
        with self._unbroken():
            dist.broadcast_object_list(box, src=0, device=torch.device("cpu"))
        return box[0]

    def send(self, tensor: Tensor) -> None:
        """Give a tensor of any shape, in the CPU's memory, to the leader, who knows its shape and format."""
        with self._unbroken():
            self._waited(dist.isend(tensor, dst=0))

    def receive(self, tensor: Tensor, source: int) -> Tensor:
        """Fill a tensor of any shape, in the CPU's memory, with what a process sends; return it."""
        with self._unbroken():
            self._waited(dist.irecv(tensor, src=source))
        return tensor

    def _all_reduce(self, tensor: Tensor, how: Any) -> None:
        with self._unbroken():
            if tensor.device.type == "cpu":
                self._waited(dist.all_reduce(tensor, how, async_op=True))
            else:  # the host does not wait for it
                dist.all_reduce(tensor, how)

    def _waited(self, work: dist.Work | None) -> None:
        """Wait for an operation; when it takes long a signal counts that is held back, and what others failed of."""

        def look() -> None:
            self.interrupts.raise_pending()
            if self.board is not None and self.board.failed():
                self.board.raise_failure()

        waited(work, look)

    @contextmanager
    def _unbroken(self) -> Iterator[None]:
        """Say why an operation broke off: torch only knows that a connection was closed, or that time ran out."""
        try:
            yield
        except RuntimeError as error:
            assert self.board is not None  # noqa: S101  # several processes have one
            raise self.board.after_break() from error


def waited(work: dist.Work | None, long: Callable[[], None] = lambda: None) -> None:
    """Wait for an operation on tensors in the CPU's memory such that signals are heard: torch itself is deaf to them.

    Args:
        work: the operation; None where this process takes no part.
        long: called now and then when it takes long; may raise.

    Raises:
        RuntimeError: the operation broke off.
    """
    began = time.monotonic()
    while work is not None:
        try:
            work.wait(_SLICE)
            return
        except RuntimeError:
            if work.is_completed():
                raise
        if time.monotonic() - began > _PATIENCE_SECONDS:
            long()


#: The only process.
ALONE = Ranks()
