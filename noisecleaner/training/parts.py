"""One of several processes takes its part of every step: which rows, what is summed up, and what it knows afterwards.

Each row comes once in an epoch, so each belongs to one process in it, which keeps its weights and its history. What the
processes know of rows is put together at the end of an epoch, and for a checkpoint; nothing is rounded then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn

from noisecleaner.arrays import IntArray
from noisecleaner.inputs.batches import Data
from noisecleaner.networks.network import Network, Share
from noisecleaner.ranks.group import Ranks
from noisecleaner.training.evaluation import predict
from noisecleaner.training.state import State

#: Layers that keep means and variances of what they have seen.
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)
#: Rows of a source batch and of a trusted batch, over all processes.
Sizes = tuple[int, int]


class Parts:
    """What a learner asks of the processes that take its steps together; alone, it changes nothing.

    Args:
        ranks: the processes.
        state: what is trained.
        source: the source rows of a step by its number, over all processes, shape [its rows].
    """

    def __init__(self, ranks: Ranks, state: State, source: Callable[[int], IntArray]) -> None:
        self.ranks, self._state, self._source = ranks, state, source
        self._sizes: dict[int, Sizes] = {}
        self._taken: list[int] = []
        self._statistics = list(running_statistics(state.network))

    def own(self, number: int, source: IntArray, target: IntArray) -> tuple[IntArray, IntArray]:
        """The rows of a step's two batches that this process looks at, each of shape [its rows]."""
        if self.ranks.alone:
            return source, target
        self._sizes[number] = (len(source), len(target))
        return source[self.ranks.part(len(source))], target[self.ranks.part(len(target))]

    def begin(self, number: int) -> Sizes | None:
        """Note that a step is taken; return the sizes of its batches where they are shared."""
        if self.ranks.alone:
            return None
        self._taken.append(number)
        return self._sizes.pop(number)

    def shares(self, sizes: Sizes | None) -> tuple[Share | None, Share | None]:
        """What this process's batches are of the whole ones."""
        if sizes is None:
            return None, None
        source, target = (Share(size=n, first=self.ranks.part(n).start, ranks=self.ranks) for n in sizes)
        return source, target

    def add_up(self, gradients: list[Tensor], share: Share | None) -> None:
        """Sum up gradients of any shapes, and put the mean of the running statistics of batch norm in place of each.

        Args:
            gradients: of this process's part of the loss; sums afterwards.
            share: what the source batch is of the whole one.
        """
        if share is None:
            return
        part = self.ranks.part(share.size)
        for statistic in self._statistics:
            statistic.mul_((part.stop - part.start) / share.size)
        self.ranks.add_up([*gradients, *self._statistics])

    def merge(self) -> None:
        """Put together what the processes know of the rows of the steps since the last time."""
        if self.ranks.alone or not self._taken:
            return
        batches = [self._source(number) for number in self._taken]
        parts = [self.ranks.part(len(rows)) for rows in batches]
        own = np.concatenate([rows[part] for rows, part in zip(batches, parts, strict=True)])
        tensors = list(self._state.of_rows())
        mine = torch.from_numpy(own).to(tensors[0].device)
        theirs = torch.from_numpy(np.setdiff1d(np.concatenate(batches), own)).to(tensors[0].device)
        for tensor in tensors:
            if self.ranks.leads:  # who also speaks for the rows of no step
                tensor[theirs] = 0
            else:
                kept = tensor[mine]
                tensor.zero_()
                tensor[mine] = kept
        self.ranks.add_up(tensors)
        self._taken.clear()

    def logits(self, data: Data, rows: IntArray, batch_size: int) -> Tensor:
        """What the network says of rows [n], shape [n, classes], on the CPU; the processes share the batches."""
        network = self._state.network
        if self.ranks.alone:
            return torch.cat([logits for _, logits in predict(network, data, rows, batch_size)])
        batches = self.ranks.part(-(-len(rows) // batch_size))
        own = slice(batches.start * batch_size, batches.stop * batch_size)
        found = torch.cat([logits for _, logits in predict(network, data, rows[own], batch_size)])
        said = found.new_zeros(len(rows), found.shape[1])
        said[own] = found
        return self.ranks.total(said)


def running_statistics(network: Network) -> Iterator[Tensor]:
    """The running means and variances of a network's batch norms, each of shape [channels]."""
    for module in network.modules():
        if isinstance(module, NORMS):
            yield from (kept for kept in (module.running_mean, module.running_var) if kept is not None)
