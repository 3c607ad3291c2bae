"""How many threads a step takes: a small head on the CPU is not worth sharing out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import nn

from noisecleaner.threads import cores

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


@contextmanager
def a_quarter_of_threads() -> Iterator[None]:
    """Let products of matrices of some thousand rows take a quarter of the cores, and four at least.

    With all sixteen of a machine the second round of 10,000 rows took twice as long as with four: 4.8 s, and 2.3 s.
    """
    from threadpoolctl import threadpool_limits

    most = max(4, cores() // 4)
    if most >= cores():
        yield
        return
    with _threads(min(most, torch.get_num_threads())), threadpool_limits(most):
        yield


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Let PyTorch's operations take so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
