"""Deep Bilevel Learning (Jenni and Favaro, 2018): weights ω of mini-batches; needs no trusted rows."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from noisecleaner.gradients.alignment import Direction, alignments, at, direction, with_gradient
from noisecleaner.gradients.grouped import grouped_pass
from noisecleaner.gradients.groups import GroupGradients
from noisecleaner.gradients.passes import Rehearsals, UnfollowedError
from noisecleaner.gradients.tangents import Dual
from noisecleaner.networks.network import Batch, Network
from noisecleaner.settings import Meta
from noisecleaner.weightings import Step
from noisecleaner.weightings._meta_gradient import MetaGradientWeighting, unit


@dataclass(frozen=True, kw_only=True, eq=False)
class _Compared:
    """Mini-batches that have been compared with validation.

    Args:
        places: of their rows in the batch, one mini-batch behind the other, shape [rows].
        sizes: rows of each.
        logits: [rows, classes], and how they move along the validation gradient.
        losses: mean cross-entropy of each, shape [mini-batches].
        gradients: of these losses.
    """

    places: Tensor
    sizes: list[int]
    logits: Dual
    losses: Tensor
    gradients: GroupGradients


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
        self._grouped = Rehearsals()
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
        compared = self._compare(network, source, parts[len(shown) :], validation)
        raw = self._weights(compared.gradients, validation)
        omega = raw / self._size(raw)
        self._record(source, compared, omega)
        loss = (omega * compared.losses).sum()
        if self._whole(network):
            parameters = {name: network.get_parameter(name) for name in self.covered}
            gradient = compared.gradients.weighted(omega)
            loss = with_gradient(loss.detach(), parameters=parameters, gradient=gradient)
        logits = torch.cat([*shown, compared.logits.value])
        return Step(loss=loss, logits=logits[torch.cat(parts).argsort()])

    def _whole(self, network: Network) -> bool:
        """Whether v covers all: the step is made of the gradients that are compared then, without one of its own."""
        return len(self.covered) == len(list(network.parameters()))

    def _validate(
        self, network: Network, source: Batch, target: Batch, first: Tensor
    ) -> tuple[Direction, list[Tensor]]:
        """Return the validation gradient and, where the first mini-batch gave it, the logits of that."""
        if len(target.rows):
            return self.along_trusted(network, target), []
        logits = network(source.inputs[first])
        loss = functional.cross_entropy(logits, source.labels[first])
        return direction(loss, {name: network.get_parameter(name) for name in self.covered}), [logits.detach()]

    def _compare(self, network: Network, source: Batch, parts: list[Tensor], validation: Direction) -> _Compared:
        """Find the gradients of mini-batches: all in one pass, or one by one where that cannot be followed."""
        try:
            return self._compare_at_once(network, source, parts, validation)
        except UnfollowedError:
            return self._compare_one_by_one(network, source, parts, validation)

    def _compare_at_once(
        self, network: Network, source: Batch, parts: list[Tensor], validation: Direction
    ) -> _Compared:
        places, sizes = torch.cat(parts), [len(part) for part in parts]
        moving, groups = grouped_pass(
            network,
            source.inputs[places],
            sizes=sizes,
            along=validation,
            rehearsals=self._grouped,
            full_precision=self.full_precision,
        )
        losses = _means(functional.cross_entropy(moving.value, source.labels[places], reduction="none"), sizes)
        gradients = groups.gradients(losses.sum(), keep_graph=not self._whole(network))
        logits = Dual(value=moving.value.detach(), tangent=moving.tangent)
        return _Compared(places=places, sizes=sizes, logits=logits, losses=losses, gradients=gradients)

    def _compare_one_by_one(
        self, network: Network, source: Batch, parts: list[Tensor], validation: Direction
    ) -> _Compared:
        parameters = {name: network.get_parameter(name) for name in self.covered}
        logits, losses, gradients = list[Dual](), list[Tensor](), list[Direction]()
        for part in parts:
            moving = self.moving(network, source.inputs[part], validation)
            losses.append(functional.cross_entropy(moving.value, source.labels[part]))
            gradients.append(direction(losses[-1], parameters, keep_graph=not self._whole(network)))
            logits.append(Dual(value=moving.value.detach(), tangent=moving.tangent))
        joined = Dual(
            value=torch.cat([each.value for each in logits]), tangent=torch.cat([each.tangent for each in logits])
        )
        return _Compared(
            places=torch.cat(parts),
            sizes=[len(part) for part in parts],
            logits=joined,
            losses=torch.stack(losses),
            gradients=GroupGradients({n: torch.stack([g[n] for g in gradients]) for n in parameters}),
        )

    def _deal(self, labels: Tensor) -> list[Tensor]:
        """Deal the rows of a batch, shape [n], to mini-batches in turn, in random order within a class."""
        shuffled = torch.randperm(len(labels), device=labels.device)
        if self.equal_labels:
            shuffled = shuffled[labels[shuffled].argsort(stable=True)]
        return [shuffled[first :: self.batches] for first in range(min(self.batches, len(shuffled)))]

    def _weights(self, own: GroupGradients, validation: Direction) -> Tensor:
        """Compute ω of eq. 10, before it is normalised, from the gradients of mini-batches and of validation."""
        return own.products(validation) / (own.squares() / self.lambda_hat + self.mu_hat)

    def _size(self, weights: Tensor) -> Tensor:
        """What to divide by, so that the absolute weights sum to 1; 1 where all are zero, or not normalised.

        Its reciprocal would be infinite where gradients have all but vanished.
        """
        size = weights.abs().sum()
        return torch.where(size > 0, size, 1) if self.normalised else torch.ones_like(size)

    def _record(self, source: Batch, compared: _Compared, omega: Tensor) -> None:
        """Keep for each row the weight of its mini-batch, and how well the row itself agrees with validation."""
        rows, sizes = compared.places, compared.sizes
        agrees = at(alignments(compared.logits), source.labels[rows])
        alpha = torch.cat([weight.expand(size) for weight, size in zip(omega, sizes, strict=True)])
        self.record(source.rows[rows], len(sizes) * alpha, alignment=unit(agrees))


def _means(values: Tensor, sizes: list[int]) -> Tensor:
    """The mean of each mini-batch of values [rows], one behind the other; shape [mini-batches]."""
    return torch.stack([part.mean() for part in torch.split(values, sizes)])
