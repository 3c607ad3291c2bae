"""Deep Bilevel Learning (Jenni and Favaro, 2018): weights ω of mini-batches; needs no trusted rows."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from noisecleaner.alignment import Direction, alignments, at, direction, directional_derivative, with_spare_buffers
from noisecleaner.weightings import Batch, Network, Step, Weighting, unit


class DeepBilevel(Weighting):
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

    def step(self, network: Network, source: Batch, target: Batch) -> Step:
        """Weight the mini-batches of a batch."""
        parts = self._deal(source.labels)
        if len(parts) == 1 and not len(target.rows):
            return self.warm_up(network, source, target)
        outputs = [network(source.inputs[part]) for part in parts]
        losses = [
            functional.cross_entropy(output, source.labels[part]) for output, part in zip(outputs, parts, strict=True)
        ]
        logits = torch.cat(outputs).detach()[torch.cat(parts).argsort()]
        if len(target.rows):
            validation = functional.cross_entropy(with_spare_buffers(network, target.inputs), target.labels)
        else:
            validation, losses, parts = losses[0], losses[1:], parts[1:]
        parameters = dict(network.named_parameters())
        along = direction(validation, parameters)
        weights = self._weights(along, [direction(loss, parameters, keep_graph=True) for loss in losses])
        self._record(network, source, along, parts, weights)
        return Step((weights * torch.stack(losses)).sum(), logits)

    def _deal(self, labels: Tensor) -> list[Tensor]:
        """Deal the rows of a batch, shape [n], to mini-batches in turn, in random order within a class."""
        shuffled = torch.randperm(len(labels)).to(labels.device)
        if self.equal_labels:
            shuffled = shuffled[labels[shuffled].argsort(stable=True)]
        return [shuffled[first :: self.batches] for first in range(min(self.batches, len(shuffled)))]

    def _weights(self, along: Direction, gradients: Sequence[Direction]) -> Tensor:
        """Compute ω of eq. 10 from the validation gradient and those of the mini-batches, shape [mini-batches]."""
        agrees = torch.stack([_product(along, gradient) for gradient in gradients])
        squares = torch.stack([_product(gradient, gradient) for gradient in gradients])
        weights = agrees / (squares / self.lambda_hat + self.mu_hat)
        total = weights.abs().sum()
        return torch.where(total > 0, weights / total, weights) if self.normalised else weights

    def _record(
        self, network: Network, source: Batch, along: Direction, parts: Sequence[Tensor], weights: Tensor
    ) -> None:
        """Keep for each row the weight of its mini-batch, and how well the row itself agrees with validation."""
        rows = torch.cat(list(parts))
        agrees = at(alignments(*directional_derivative(network, source.inputs[rows], along)), source.labels[rows])
        counts = torch.tensor([len(part) for part in parts], device=weights.device)
        self.record(source.rows[rows], (len(parts) * weights).repeat_interleave(counts), alignment=unit(agrees))


def _product(first: Direction, second: Direction) -> Tensor:
    return torch.stack([(first[name] * second[name]).sum() for name in first]).sum()
