"""Regularisers: one file = one paper's term = one `--regulariser`; each composes with every weighting.

A regulariser looks at rows beside the labelled ones (unlabelled rows of the target, or rows with a task-irrelevant
label) and changes the loss that a weighting made of a batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn

from noisecleaner.arrays import IntArray
from noisecleaner.errors import NoisecleanerError
from noisecleaner.networks.network import Batch, Network
from noisecleaner.registry import check_types, class_in


@dataclass(frozen=True, kw_only=True)
class Side:
    """What is known beside the labels.

    Args:
        unlabelled: numbers of the rows of the target that have no label, shape [m].
        irrelevant: index of each row's task-irrelevant label, -1 where it has none, shape [rows].
        names: the task-irrelevant labels.
    """

    unlabelled: IntArray = field(default_factory=lambda: np.empty(0, np.int64))
    irrelevant: IntArray = field(default_factory=lambda: np.empty(0, np.int64))
    names: tuple[str, ...] = ()


class Regulariser(nn.Module):
    """The contract of a regulariser. Its state lives in parameters and buffers, so that a checkpoint holds it.

    Args:
        side: what is known beside the labels.
        network: the network that will be trained.

    Attributes:
        needs: which rows it looks at.
        optimiser: of its own parameters, where it has some; it steps on them in `regularise`.
    """

    needs: ClassVar[Literal["unlabelled", "irrelevant"]]
    optimiser: torch.optim.Optimizer | None = None

    def draw(self, rng: np.random.Generator, size: int) -> tuple[IntArray, ...]:
        """Choose the rows that it wants to see in the next step.

        Args:
            rng: of this step alone.
            size: rows of a batch.

        Returns:
            The rows of each batch, shape [m]; no batches where the step needs none.
        """
        raise NotImplementedError

    def regularise(self, loss: Tensor, network: Network, source: Batch, drawn: Sequence[Tensor]) -> Tensor:
        """Change the loss of a step.

        Args:
            loss: scalar; what the weighting made of the source batch.
            network: in train mode; the running statistics of batch norm must stay as they are.
            source: the source batch.
            drawn: the inputs [m, ...] of the rows that `draw` chose, batch by batch.

        Returns:
            The loss to step on, scalar.
        """
        raise NotImplementedError


def some_of(rows: IntArray, most: int, rng: np.random.Generator) -> IntArray:
    """Draw some of the rows, at most so many and none twice; ascending, shape [m]."""
    return np.sort(rng.choice(rows, min(most, len(rows)), replace=False))


def regulariser_class(name: str) -> type[Regulariser]:
    """Import the regulariser that a file of this folder defines.

    Raises:
        NoisecleanerError: there is no such file.
    """
    return class_in("regularisers", name, Regulariser, parameter="`Regularisation.regularisers`")


def check_options(name: str, options: Mapping[str, Any]) -> None:
    """Check a regulariser's options, before anything is read.

    Raises:
        NoisecleanerError: it has no such option, or its value has another type.
    """
    check_types(regulariser_class(name), options, parameter="`Regularisation.regularisers`", name=name)


def build(name: str, *, side: Side, network: Network, options: Mapping[str, Any] | None = None) -> Regulariser:
    """Make a regulariser with its options.

    Args:
        name: a file of this folder.
        side: what is known beside the labels.
        network: the network that will be trained.
        options: the regulariser's own; those left out have their defaults.

    Raises:
        NoisecleanerError: an option is out of range, or it does not suit the network or the rows.
    """
    cls: Any = regulariser_class(name)  # each file's class has options of its own
    try:
        regulariser: Regulariser = cls(side, network, **(options or {}))
    except ValueError as error:
        raise NoisecleanerError(
            f"`regularisers={{{name!r}: {{}}}}` cannot work here: {error}.",
            "See `methods()` for its options, and the README for what it needs.",
        ) from error
    return regulariser
