"""All that a training run changes: network, weighting, history; and what a checkpoint keeps of an optimiser."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from noisecleaner.gradients.alignment import at
from noisecleaner.networks.network import Batch, Network
from noisecleaner.regularisers import Regulariser
from noisecleaner.training.clean_set import CleanSet
from noisecleaner.weightings import Weighting


class MarginHistory(nn.Module):
    """The margin of every row, averaged over its visits (the area under the margin of Pleiss et al., 2020).

    Args:
        rows: how many rows the run has.
    """

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.margin_sum: Tensor
        self.visits: Tensor
        self.register_buffer("margin_sum", torch.zeros(rows))
        self.register_buffer("visits", torch.zeros(rows))

    def add(self, batch: Batch, logits: Tensor) -> None:
        """Add one visit of a batch of n rows, with its logits [n, classes], or [folds, n, classes]."""
        if batch.folds is None:
            margin, visits = margins(logits, batch.labels), torch.ones_like(logits[:, 0])
        else:
            visits = batch.folds.recorded
            margin = margins(batch.folds.picked(logits), batch.folds.picked(batch.labels)) * visits
        self.margin_sum.index_add_(0, batch.rows, margin)
        self.visits.index_add_(0, batch.rows, visits.to(self.visits))

    def margin(self) -> Tensor:
        """The mean margin, NaN where a row was never visited. Shape [rows]."""
        return self.margin_sum / self.visits


class State(nn.Module):
    """All that a training run changes, in named parts, so that a checkpoint is one `state_dict`.

    Args:
        network: what is trained.
        weighting: the rule, with the weights of every row.
        rows: how many rows the run has.
        averaged: keep the mean of the network over the epochs. For a linear head its logits are the mean
            logits, which rank wrong labels better than those of the last epoch.
        low_loss: choose the rows that steer by their losses.
        regularisers: what changes the weighting's loss, in this order.
    """

    def __init__(
        self,
        network: Network,
        weighting: Weighting,
        *,
        rows: int,
        averaged: bool = False,
        low_loss: bool = False,
        regularisers: Sequence[Regulariser] = (),
    ) -> None:
        super().__init__()
        self.network = network
        self.weighting = weighting
        self.history = MarginHistory(rows)
        self.average = AveragedModel(network) if averaged else None
        self.clean_set = CleanSet(rows) if low_loss else None
        self.regularisers: Sequence[Regulariser] = nn.ModuleList(regularisers)  # type: ignore[assignment]  # it is one

    def of_rows(self) -> Iterator[Tensor]:
        """All that is kept of rows, each of shape [rows]: it changes at a row's visits, and with these alone."""
        yield from (self.history.margin_sum, self.history.visits)
        yield from (self.weighting.get_buffer(name) for name in self.weighting.of_rows)

    def outcome(self) -> Network:
        """The network to keep: the average over the epochs if there is one; in a transfer the target's."""
        outcome = self.weighting.target_network(self.network) if self.average is None else self.average.module
        assert isinstance(outcome, Network)  # noqa: S101  # narrows the type that AveragedModel hides
        return outcome


def placed(state: State, device: torch.device) -> State:
    """Bring a state to a device, its convolutions in the layout of the pixels, channels last: that is faster."""
    return state.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def margins(logits: Tensor, labels: Tensor) -> Tensor:
    """Logit of the label minus the best other logit: [n, classes] and [n] -> [n]."""
    others = logits.scatter(1, labels.unsqueeze(1), -torch.inf)
    return at(logits, labels) - others.amax(dim=1)


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """What an optimiser remembers of its parameters, as `NUMBER.SLOT`."""
    slots = optimiser.state_dict()["state"]
    return {f"{n}.{slot}": value for n, own in slots.items() for slot, value in own.items() if value is not None}


def load_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Take over what `optimiser_tensors` returned."""
    slots: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        number, slot = name.split(".", 1)
        slots.setdefault(int(number), {})[slot] = tensor
    optimiser.load_state_dict({**optimiser.state_dict(), "state": slots})
