"""What brings the rows of a step to the device: from the host as they are asked for, ahead of time, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from noisecleaner.arrays import IntArray
from noisecleaner.inputs.batches import Data
from noisecleaner.inputs.held import Held, brought
from noisecleaner.networks.network import Batch, Share

#: What a step looks at: tensors on the device, in the order that its feed knows.
Drawn = tuple[Tensor, ...]
#: What the source batch and the trusted batch of a step are of larger ones.
Shares = tuple[Share | None, Share | None]
#: The source rows and the trusted rows of a step by its number, each of shape [its rows].
RowsOf = Callable[[int], tuple[IntArray, IntArray]]


class Feed(Protocol):
    """Brings what a step looks at to the device, and makes batches of it there."""

    def running(self) -> AbstractContextManager[None]:
        """What holds while steps are taken."""
        ...

    def drawn(self, number: int) -> Drawn:
        """What step `number` looks at; a GPU may still be copying it."""
        ...

    def batches(self, drawn: Drawn, shares: Shares = (None, None)) -> tuple[Batch, Batch]:
        """The source batch and the trusted batch of a step: draws random numbers on the device, asks the host nothing.

        Args:
            drawn: raw batches or row numbers, of any shape; it is not changed.
            shares: what each is of a larger one, where several processes share it.
        """
        ...

    def forget(self) -> None:
        """Ask for rows anew: which rows steer has changed."""
        ...


def feed_of(data: Data, rows_of: RowsOf, *, epoch: int) -> Feed:
    """Choose how rows come to the device.

    Args:
        data: what batches are made of.
        rows_of: the rows of a step.
        epoch: steps of an epoch, within which the rows of later steps are known.
    """
    if data.device.type != "cuda":
        return HostFeed(data, rows_of)
    return PinnedFeed(data, rows_of, epoch=epoch) if data.held is None else HeldFeed(data, rows_of, epoch=epoch)


@dataclass
class HostFeed:
    """Reads the rows of a step when it is taken.

    Args:
        data: what batches are made of.
        rows_of: the rows of a step.
    """

    data: Data
    rows_of: RowsOf

    def running(self) -> AbstractContextManager[None]:
        """Nothing needs to hold."""
        return nullcontext()

    def drawn(self, number: int) -> Drawn:
        """Read raw batches: inputs, labels and rows of the source, then of the target."""
        source, target = self.rows_of(number)
        data = self.data
        both = (data.raw(source, data.given[source]), data.raw(target, data.steering(target)))
        return tuple(tensor for raw in both for tensor in (raw.inputs, raw.labels, raw.rows))

    def batches(self, drawn: Drawn, shares: Shares = (None, None)) -> tuple[Batch, Batch]:
        """Augment source rows, and turn all into what networks take; for shapes see `drawn`."""
        source, target = (
            Batch(inputs=inputs, labels=labels, rows=rows, share=share)
            for (inputs, labels, rows), share in zip((drawn[:3], drawn[3:]), shares, strict=True)
        )
        return self.data.source_of(source), self.data.target_of(target)

    def forget(self) -> None:
        """Nothing was asked for ahead."""


class PinnedFeed(HostFeed):
    """Reads the rows of the next step, and copies them to a GPU, while this one runs.

    Args:
        data: what batches are made of; too large for the GPU.
        rows_of: the rows of a step.
        epoch: steps of an epoch.
    """

    def __init__(self, data: Data, rows_of: RowsOf, *, epoch: int) -> None:
        super().__init__(data, rows_of)
        self._epoch = epoch
        self._ahead: tuple[int, Future[tuple[Drawn, torch.cuda.Event]]] | None = None
        self._threads: ThreadPoolExecutor | None = None
        self._stream = torch.cuda.Stream(data.device)  # type: ignore[no-untyped-call]  # torch leaves it untyped

    @contextmanager
    def running(self) -> Iterator[None]:
        """A thread reads."""
        with ThreadPoolExecutor(1, "feed") as self._threads:
            yield
        self.forget()

    def drawn(self, number: int) -> Drawn:
        """Take what was read ahead, and begin to read for the next step."""
        ahead = self._ahead if self._ahead is not None and self._ahead[0] == number else (number, self._begin(number))
        drawn, copied = ahead[1].result()
        current = torch.cuda.current_stream(self.data.device)
        current.wait_event(copied)
        for tensor in drawn:
            tensor.record_stream(current)
        following = number + 1
        # which rows steer in another epoch is not known yet
        self._ahead = (following, self._begin(following)) if following % self._epoch else None
        return drawn

    def forget(self) -> None:
        """Read for the next step when it comes."""
        self._ahead = None

    def _begin(self, number: int) -> Future[tuple[Drawn, torch.cuda.Event]]:
        source, target = self.rows_of(number)
        assert self._threads is not None  # noqa: S101  # steps are taken while the feed is running
        return self._threads.submit(self._copied, source, target)

    def _copied(self, source: IntArray, target: IntArray) -> tuple[Drawn, torch.cuda.Event]:
        data, copied = self.data, torch.cuda.Event()  # type: ignore[no-untyped-call]  # likewise
        with torch.cuda.stream(self._stream):
            arrays = (
                *(data.kept(source), data.given[source], source),
                *(data.kept(target), data.steering(target), target),
            )
            drawn = tuple(brought(torch.from_numpy(array), data.device) for array in arrays)
            copied.record(self._stream)
        return drawn, copied


class HeldFeed:
    """Lets a GPU that holds all rows gather them by their numbers, which it gets once for each epoch.

    Args:
        data: what batches are made of, on its device.
        rows_of: the rows of a step.
        epoch: steps of an epoch.
    """

    def __init__(self, data: Data, rows_of: RowsOf, *, epoch: int) -> None:
        self._data, self._rows_of, self._steps = data, rows_of, epoch
        self._given = brought(torch.from_numpy(data.given), data.device)
        self._steering = brought(torch.from_numpy(data.steering()), data.device)
        self._epoch, self._drawn = -1, list[Drawn]()

    @property
    def _held(self) -> Held:
        assert self._data.held is not None  # noqa: S101  # `feed_of` has looked
        return self._data.held

    def running(self) -> AbstractContextManager[None]:
        """Nothing needs to hold."""
        return nullcontext()

    def drawn(self, number: int) -> Drawn:
        """The numbers of the source rows and of the trusted rows."""
        epoch, position = divmod(number, self._steps)
        if epoch != self._epoch:
            numbers = range(epoch * self._steps, (epoch + 1) * self._steps)
            self._epoch, self._drawn = epoch, _together([self._rows_of(step) for step in numbers], self._data.device)
        return self._drawn[position]

    def batches(self, drawn: Drawn, shares: Shares = (None, None)) -> tuple[Batch, Batch]:
        """Gather rows by their numbers, each of shape [rows], and augment those of the source."""
        source, target = drawn
        values, data = self._held.values, self._data
        return (
            data.source_of(Batch(inputs=values[source], labels=self._given[source], rows=source, share=shares[0])),
            data.target_of(Batch(inputs=values[target], labels=self._steering[target], rows=target, share=shares[1])),
        )

    def forget(self) -> None:
        """Ask for the rows of this epoch's steps anew."""
        self._epoch = -1


def _together(steps: Sequence[tuple[IntArray, IntArray]], device: torch.device) -> list[Drawn]:
    """Bring the rows of several steps to a device in one copy."""
    rows = [np.concatenate(pair) for pair in steps]
    bounds = np.cumsum([0, *map(len, rows)])
    all_rows = brought(torch.from_numpy(np.concatenate(rows)), device)
    drawn: list[Drawn] = []
    for (first, last), (source, _) in zip(pairwise(bounds.tolist()), steps, strict=True):
        drawn.append((all_rows[first : first + len(source)], all_rows[first + len(source) : last]))
    return drawn
