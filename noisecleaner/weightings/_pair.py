"""What weightings share that train two networks, each on rows that the other has divided into right and wrong ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from noisecleaner.networks.network import Batch, Network
from noisecleaner.weightings import Weighting


@dataclass(frozen=True, kw_only=True, eq=False)
class Divided:
    """What one of two networks looks at in a step.

    Args:
        labelled: n rows whose labels the other network takes for right, as views that are augmented anew.
        unlabelled: rows whose labels it does not take for right, likewise; perhaps none.
        target: rows that steer; empty for rules that ask for none.
        since: epochs since the warm-up, with the part of this one that is done.
    """

    labelled: Sequence[Batch]
    unlabelled: Sequence[Batch]
    target: Batch
    since: float


class PairWeighting(Weighting):
    """The contract of a rule for two networks: `training/pairs.py` asks `divide` and `teach` in place of `step`.

    Args:
        rows: how many rows the run has.
        network: both networks as one, see `networks/twins.py`.
        warmup: epochs of plain training first; None takes a share, `late`.
        threshold: probability of being right from which on a row is among the labelled ones.
        views: times that a row is augmented in a step.

    Attributes:
        steered: whether steps need a trusted batch.
        right: what each network last took for the probability that a label is right, shape [2, rows].
    """

    networks: ClassVar[int] = 2
    needs_trusted = False
    of_rows = (*Weighting.of_rows, "aligned")
    steered: bool = False

    def __init__(self, rows: int, network: Network, *, warmup: int | None, threshold: float, views: int) -> None:
        super().__init__(rows, network, warmup=warmup)
        if not 0 <= threshold <= 1:
            raise ValueError("p_threshold must be from 0 to 1")
        if views < 1:
            raise ValueError("views must be at least 1")
        self.threshold, self.views = threshold, views
        self.right: Tensor
        self.aligned: Tensor
        self.register_buffer("right", torch.zeros(2, rows))
        self.register_buffer("aligned", torch.zeros(rows))

    def divide(self, number: int, rows: Tensor, right: Tensor) -> None:
        """Take over how one network divides the rows for the other, and record it.

        Args:
            number: of the network that looked, 0 or 1.
            rows: their numbers, shape [n].
            right: the probability that their labels are right, shape [n].
        """
        right = right.to(self.right)
        self.right[number, rows] = right
        visits, labelled = torch.ones_like(right), self._is_labelled(right)
        for kept, said in (
            (self.alpha_sum, right),
            (self.beta_sum, 1 - right),
            (self.positive, labelled.to(right)),
            (self.visits, visits),
        ):
            kept.index_add_(0, rows, said.to(kept))

    def labelled(self, number: int, rows: Tensor) -> Tensor:
        """Whether network `number` learns from the labels of rows [n], as the other one says; shape [n]."""
        return self._is_labelled(self.right[1 - number, rows])

    def _is_labelled(self, right: Tensor) -> Tensor:
        """Rows from the threshold on, or the likeliest where all are below; shape [n]."""
        return right >= right.max().clamp(max=self.threshold)

    def teach(self, number: int, own: Network, other: Network, divided: Divided) -> Tensor:
        """Make the loss of a step of one network, of shape [].

        Args:
            number: of the network that is trained, 0 or 1.
            own: that network.
            other: the other one, which stays as it is.
            divided: what it looks at.
        """
        raise NotImplementedError

    def beta(self) -> Tensor:
        """What does not count of each row's given label, but of what networks say; NaN without. Shape [rows]."""
        return self.beta_sum / self.visits

    def alignment(self) -> Tensor:
        """Mean a(given) over the steps in which a row's label was weighed; NaN where it never was. Shape [rows]."""
        return self.alignment_sum / self.aligned
