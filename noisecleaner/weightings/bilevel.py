"""Deep Bilevel Learning (Jenni and Favaro, 2018): weights ω of mini-batches; needs no trusted rows."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from noisecleaner.gradients.alignment import Direction, alignments, at, direction, directional_derivative, with_gradient
from noisecleaner.networks.network import Batch, Network
from noisecleaner.settings import Meta
from noisecleaner.weightings import Step, unit
from noisecleaner.weightings._meta_gradient import MetaGradientWeighting


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
        """Weight the mini-batches of a batch."""
        parts = self._deal(source.labels)
        if len(parts) == 1 and not len(target.rows):
            return self.warm_up(network, source, target)
        parameters = {name: network.get_parameter(name) for name in self.covered}
        along, shown = self._validate(network, source, target, parts[0])
        compared = parts[len(shown) :]
        # where v covers all, the step is made of the gradients that are compared, and needs no backward pass of its own
        whole = len(parameters) == len(list(network.parameters()))
        outputs, derivatives, losses, weights = [], [], [], []
        total = {name: torch.zeros_like(v) for name, v in along.items()} if whole else {}
        for part in compared:
            output, derivative = directional_derivative(network, source.inputs[part], along)
            losses.append(functional.cross_entropy(output, source.labels[part]))
            gradient = direction(losses[-1], parameters, keep_graph=not whole)
            weights.append(self._weight(along, gradient))
            for name, of_step in total.items():
                of_step.addcmul_(weights[-1], gradient[name])
            outputs.append(output.detach())
            derivatives.append(derivative)
        raw = torch.stack(weights)
        size = self._size(raw)
        omega = raw / size
        logits = torch.cat([*shown, *outputs])
        self._record(source, compared, torch.cat(outputs), torch.cat(derivatives), omega)
        loss = (omega * torch.stack(losses)).sum()
        if whole:
            loss = with_gradient(loss.detach(), parameters, {name: g / size for name, g in total.items()})
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

    def _deal(self, labels: Tensor) -> list[Tensor]:
        """Deal the rows of a batch, shape [n], to mini-batches in turn, in random order within a class."""
        shuffled = torch.randperm(len(labels)).to(labels.device)
        if self.equal_labels:
            shuffled = shuffled[labels[shuffled].argsort(stable=True)]
        return [shuffled[first :: self.batches] for first in range(min(self.batches, len(shuffled)))]

    def _weight(self, along: Direction, gradient: Direction) -> Tensor:
        """Compute ω of eq. 10, before it is normalised, from the gradients of validation and of a mini-batch."""
        return _product(along, gradient) / (_product(gradient, gradient) / self.lambda_hat + self.mu_hat)

    def _size(self, weights: Tensor) -> Tensor:
        """What to divide by, so that the absolute weights sum to 1; 1 where all are zero, or not normalised.

        Its reciprocal would be infinite where gradients have all but vanished.
        """
        size = weights.abs().sum()
        return torch.where(size > 0, size, 1) if self.normalised else torch.ones_like(size)

    def _record(
        self, source: Batch, parts: Sequence[Tensor], logits: Tensor, derivative: Tensor, weights: Tensor
    ) -> None:
        """Keep for each row the weight of its mini-batch, and how well the row itself agrees with validation."""
        rows = torch.cat(list(parts))
        agrees = at(alignments(logits, derivative), source.labels[rows])
        counts = torch.tensor([len(part) for part in parts], device=weights.device)
        self.record(source.rows[rows], (len(parts) * weights).repeat_interleave(counts), alignment=unit(agrees))


def _product(first: Direction, second: Direction) -> Tensor:
    return torch.stack([(first[name] * second[name]).sum() for name in first]).sum()
