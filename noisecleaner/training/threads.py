"""How many threads a step takes: a small head on the CPU is not worth sharing out, but blocks of rows are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import torch
from torch import nn

from noisecleaner.threads import cores, in_threads

Item = TypeVar("Item")
Result = TypeVar("Result")
_SMALL = 300_000  # parameters of a network whose steps are too short to be shared out to threads


def small(*modules: nn.Module) -> bool:
    """Whether steps are too short to be shared out to threads: those of a small head on the CPU.

    A convolution is no head: it has few parameters, and long to work on them. Heads of several folds have three axes.
    """
    parameters = [p for module in modules for p in module.parameters()]
    head = all(p.dim() <= 3 and p.device.type == "cpu" for p in parameters)
    return head and sum(p.numel() for p in parameters) < _SMALL


def few_threads(*modules: nn.Module) -> AbstractContextManager[None]:
    """Use one thread for a small head: on a busy machine, waiting for a second one takes four times as long."""
    return _threads(1 if small(*modules) else torch.get_num_threads())


@dataclass(frozen=True)
class Team:
    """Threads that each compute by themselves.

    Args:
        size: how many; where it is one, the caller's own.
    """

    size: int = 1

    def over(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Apply a function to items, and return what comes of it in their order; the size changes no bit of it."""
        if self.size == 1:
            return map(function, items)
        alone = partial(torch.set_num_threads, 1)
        return in_threads(function, items, threads=self.size, ahead=2 * self.size, name="team", start=alone)


#: The caller's thread, and no other.
ALONE = Team()


@contextmanager
def team() -> Iterator[Team]:
    """Let blocks of some thousand rows be computed at once, in as many threads as PyTorch may take, and no more.

    NumPy's and PyTorch's own threads share out every single product and wait for each other after it: on two cores they
    were 1.4 times as fast as one. Of many cores a quarter is taken, and four at least: memory has no more to give.
    """
    from threadpoolctl import threadpool_limits

    size = max(1, min(torch.get_num_threads(), max(4, cores() // 4)))
    with _threads(1), threadpool_limits(1):
        yield Team(size)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Let PyTorch's operations take so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
