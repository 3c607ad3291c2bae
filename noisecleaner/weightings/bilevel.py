"""Deep Bilevel Learning (Jenni and Favaro, 2018): weights ω of mini-batches; needs no trusted rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from noisecleaner.gradients.alignment import Direction, alignments, at, direction, directional_derivative, with_gradient
from noisecleaner.gradients.tangents import Dual
from noisecleaner.networks.network import Batch, Network
from noisecleaner.settings import Meta
from noisecleaner.weightings import Step
from noisecleaner.weightings._meta_gradient import MetaGradientWeighting, unit


@dataclass(frozen=True, kw_only=True, eq=False)
class _MiniBatch:
    """A mini-batch that has been compared with validation.

    Args:
        part: places of its rows in the batch, shape [m].
        logits: [m, classes] without a graph, and how they move along the validation gradient.
        loss: mean cross-entropy, a scalar.
        weight: ω before it is normalised, a scalar.
    """

    part: Tensor
    logits: Dual
    loss: Tensor
    weight: Tensor


class DeepBilevel(MetaGradientWeighting):
    """Section 4 and eq. 10 and 11: a batch is dealt into mini-batches of one label distribution.

    One of them is the validation mini-batch (all train where trusted rows validate). A mini-batch counts as far as
    its gradient agrees with the validation gradient. Kept for a row is (number of mini-batches) times the mean
    weight of those that held it, so that 1 is an average row; it may be negative.

    Args:
        rows: how many rows the run has.
        network: the network that will be trained.
        warmup: epochs of plain training first.
        batches: mini-batches that are compared (the paper's k).
        lambda_hat: the larger, the less a mini-batch with large gradients is held back.
        mu_hat: above 0; the larger, the less the size of gradients matters.
        equal_labels: deal equal label distributions (False: the ablation of Table 1 c).
        normalised: scale the weights so that their absolute values sum to 1 (False: the ablation of Table 1 a).
    """

    needs_trusted = False

    def __init__(
        self,
        rows: int,
        network: Network,
        *,
        warmup: int = 0,
        batches: int = 8,
        lambda_hat: float = 1.0,
        mu_hat: float = 0.01,
        equal_labels: bool = True,
        normalised: bool = True,
    ) -> None:
        super().__init__(rows, network, warmup=warmup)
        if batches < 2:
            raise ValueError("batches must be at least 2")
        if lambda_hat <= 0 or mu_hat <= 0:
            raise ValueError("lambda_hat and mu_hat must be above 0")
        self.batches, self.lambda_hat, self.mu_hat = batches, lambda_hat, mu_hat
        self.equal_labels, self.normalised = equal_labels, normalised
        self.group = batches if equal_labels else 1
        self.least_batch = 2 * batches

    def approximate(self, network: Network, meta: Meta) -> None:
        """Compare the gradients of fewer layers; a validation gradient serves for one step alone."""
        if meta.every > 1 or meta.momentum > 0:
            raise ValueError("every batch has a validation mini-batch of its own")
        super().approximate(network, meta)

    def step(self, network: Network, source: Batch, target: Batch) -> Step:
        """Weight the mini-batches of a batch (eq. 10), and step along the sum of their gradients (eq. 11)."""
        parts = self._deal(source.labels)
        if len(parts) == 1 and not len(target.rows):
            return self.warm_up(network, source, target)
        validation, shown = self._validate(network, source, target, parts[0])
        # where v covers all, the step is made of the gradients that are compared, and needs no backward pass of its own
        whole = len(self.covered) == len(list(network.parameters()))
        total = {name: torch.zeros_like(v) for name, v in validation.items()} if whole else {}
        compared = [
            self._compare(network, source, part, validation=validation, total=total) for part in parts[len(shown) :]
        ]
        raw = torch.stack([each.weight for each in compared])
        size = self._size(raw)
        omega = raw / size
        self._record(source, compared, omega)
        loss = (omega * torch.stack([each.loss for each in compared])).sum()
        if whole:
            parameters = {name: network.get_parameter(name) for name in self.covered}
            gradient = {name: of_step / size for name, of_step in total.items()}
            loss = with_gradient(loss.detach(), parameters=parameters, gradient=gradient)
        logits = torch.cat([*shown, *(each.logits.value for each in compared)])
        return Step(loss=loss, logits=logits[torch.cat(parts).argsort()])

    def _validate(
        self, network: Network, source: Batch, target: Batch, first: Tensor
    ) -> tuple[Direction, list[Tensor]]:
        """Return the validation gradient and, where the first mini-batch gave it, the logits of that."""
        if len(target.rows):
            return self.along_trusted(network, target), []
        logits = network(source.inputs[first])
        loss = functional.cross_entropy(logits, source.labels[first])
        return direction(loss, {name: network.get_parameter(name) for name in self.covered}), [logits.detach()]

    def _compare(
        self, network: Network, source: Batch, part: Tensor, *, validation: Direction, total: Direction
    ) -> _MiniBatch:
        """Weigh a mini-batch by its gradient, and add ω times that to a total that has parts."""
        moving = directional_derivative(network, source.inputs[part], validation)
        loss = functional.cross_entropy(moving.value, source.labels[part])
        parameters = {name: network.get_parameter(name) for name in self.covered}
        gradient = direction(loss, parameters, keep_graph=not total)
        weight = self._weight(validation=validation, own=gradient)
        for name, of_step in total.items():
            of_step.addcmul_(weight, gradient[name])
        logits = Dual(value=moving.value.detach(), tangent=moving.tangent)
        return _MiniBatch(part=part, logits=logits, loss=loss, weight=weight)

    def _deal(self, labels: Tensor) -> list[Tensor]:
        """Deal the rows of a batch, shape [n], to mini-batches in turn, in random order within a class."""
        shuffled = torch.randperm(len(labels)).to(labels.device)
        if self.equal_labels:
            shuffled = shuffled[labels[shuffled].argsort(stable=True)]
        return [shuffled[first :: self.batches] for first in range(min(self.batches, len(shuffled)))]

    def _weight(self, *, validation: Direction, own: Direction) -> Tensor:
        """Compute ω of eq. 10, before it is normalised, from the gradients of validation and of a mini-batch."""
        return _product(validation, own) / (_product(own, own) / self.lambda_hat + self.mu_hat)

    def _size(self, weights: Tensor) -> Tensor:
        """What to divide by, so that the absolute weights sum to 1; 1 where all are zero, or not normalised.

        Its reciprocal would be infinite where gradients have all but vanished.
        """
        size = weights.abs().sum()
        return torch.where(size > 0, size, 1) if self.normalised else torch.ones_like(size)

    def _record(self, source: Batch, compared: Sequence[_MiniBatch], omega: Tensor) -> None:
        """Keep for each row the weight of its mini-batch, and how well the row itself agrees with validation."""
        rows = torch.cat([each.part for each in compared])
        logits = Dual(
            value=torch.cat([each.logits.value for each in compared]),
            tangent=torch.cat([each.logits.tangent for each in compared]),
        )
        agrees = at(alignments(logits), source.labels[rows])
        counts = torch.tensor([len(each.part) for each in compared], device=omega.device)
        self.record(source.rows[rows], (len(compared) * omega).repeat_interleave(counts), alignment=unit(agrees))


def _product(first: Direction, second: Direction) -> Tensor:
    return torch.stack([(first[name] * second[name]).sum() for name in first]).sum()
