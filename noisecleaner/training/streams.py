"""Random numbers: each comes from (seed, stream, number), so a resumed run draws what an unbroken one would have drawn.

First parameters, and which rows belong to which fold, come from the seed alone.

The numbers of the streams are part of what a seed means: change one, and every run is another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from enum import IntEnum

import numpy as np
import torch


class Stream(IntEnum):
    """What draws, and what `number` counts."""

    #: What is drawn on the device within a step: augmentation, dropout, mini-batches. Counts steps.
    DEVICE = 0
    #: The order of the source rows. Counts epochs.
    SOURCE = 1
    #: The trusted rows of a step. Counts steps.
    TRUSTED = 2
    #: The rows that regularisers look at in a step. Counts steps.
    REGULARISERS = 3
    #: What a second round draws where a network was trained end to end: images and patches (0), and parts (1).
    VIEWS = 4
    #: The order of the rows whose labels one of two networks learns, and of the others. Counts the turns of both.
    DIVISION = 5


def generator(seed: int, stream: Stream, number: int) -> np.random.Generator:
    """Make the generator of one step or epoch, which no other stream, number or seed shares."""
    return np.random.default_rng((seed, int(stream), number))


def seed_device(seed: int, number: int, device: torch.device) -> None:
    """Seed what step `number` draws by torch's own generators (`Stream.DEVICE`)."""
    words = np.random.SeedSequence((seed, int(Stream.DEVICE), number)).generate_state(1, np.uint64)
    mixed = int(words[0] >> np.uint64(1))
    # `torch.manual_seed` takes longer than a step, as it prepares every device
    torch.default_generator.manual_seed(mixed)
    if device.type == "cuda":
        torch.cuda.default_generators[_number(device)].manual_seed(mixed)
    elif device.type != "cpu":
        torch.manual_seed(mixed)


def forked(device: torch.device) -> AbstractContextManager[None]:
    """Put the random numbers of the CPU and of one device back at the end of the block."""
    return torch.random.fork_rng(devices=[_number(device)] if device.type == "cuda" else [])


def _number(device: torch.device) -> int:
    return torch.cuda.current_device() if device.index is None else device.index


@contextmanager
def first_parameters(seed: int) -> Iterator[None]:
    """Let new modules start from parameters that depend on the seed alone; the caller's generator stays as it is."""
    with torch.random.fork_rng(devices=[]):  # modules are made on the CPU
        torch.default_generator.manual_seed(seed)
        yield


def fold_seed(seed: int, *, folds: int, number: int) -> int:
    """The seed of the steps of one fold of several, number 0 to folds - 1: no two folds take the same."""
    return seed * folds + number
