"""SOSELETO (Litany and Freedman, 2018): a weight alpha in [0, 1.1] for each row, moved by every visit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from noisecleaner.gradients.alignment import Direction, alignments, at
from noisecleaner.gradients.backward import separable, weighted_pass
from noisecleaner.gradients.passes import Rehearsals, UnfollowedError, with_spare_buffers
from noisecleaner.networks.network import Batch, Network
from noisecleaner.networks.stacked import leading
from noisecleaner.settings import Meta
from noisecleaner.weightings import Step, cross_entropies, mean_cross_entropy, weighted_loss
from noisecleaner.weightings._meta_gradient import MetaGradientWeighting, unit

#: Section 4: "in practice clip them to be in the slightly expanded range [0, 1.1]".
_CEILING = 1.1


@dataclass(frozen=True, kw_only=True, eq=False)
class _Weighted:
    """A source batch that has passed the network.

    Args:
        logits: [n, classes].
        loss: the mean under alpha, a scalar to be propagated back.
        agrees: a(given), shape [n], known after that.
    """

    logits: Tensor
    loss: Tensor
    agrees: Callable[[], Tensor]


class Soseleto(MetaGradientWeighting):
    """Algorithm 1 and eq. 3 to 5.

    The step on the shared features theta and the source classifier phi_s uses the weights as they are (eq. 3);
    then alpha_j <- clip(alpha_j + lambda_alpha lambda_p <dL_t/dtheta, grad loss_j>, 0, 1.1) (eq. 5). The trusted
    rows train a classifier phi_t of their own and reach theta only through alpha.

    Args:
        rows: how many rows the run has.
        network: the network that will be trained; its head is phi_s.
        warmup: epochs of plain training first. None takes none for a head on vectors and in a transfer, and half of the
            epochs where a backbone is trained end to end: before, v says little (AUROC 0.771 of label quality instead
            of 0.767 on 6,000 rows of CIFAR-10N).
        lambda_alpha: the product lambda_alpha lambda_p / n of eq. 5. None chooses it at every visit in the
            spirit of section 3.2, whose bound asks for an update of norm sqrt(n): the update of a batch is
            scaled to the root mean square `rate`.
        rate: how far a visit moves alpha, root mean square, where `lambda_alpha` is None.
        classifier: "separate" as in the paper, and always so in a transfer (section 4.3); "shared" lets
            phi_t = phi_s take part in theta, which needs equal label sets and is the only way when the head is all
            that is trained; "auto" chooses.
    """

    transfers = True
    stacks = shareable = True
    of_rows = (*MetaGradientWeighting.of_rows, "weight")
    early, late = 0, 0.5

    def __init__(
        self,
        rows: int,
        network: Network,
        *,
        warmup: int | None = None,
        lambda_alpha: float | None = None,
        rate: float = 0.1,
        classifier: Literal["auto", "separate", "shared"] = "auto",
    ) -> None:
        super().__init__(rows, network, warmup=warmup)
        if rate <= 0 or (lambda_alpha is not None and lambda_alpha <= 0):
            raise ValueError("rate must be above 0, and so must lambda_alpha")
        if classifier == "separate" and not network.trains_features:
            raise ValueError(
                "classifier=separate needs features that are trained (`Model(frozen=False)`, or `Model.hidden`)"
            )
        self.lambda_alpha, self.rate, self.transferring = lambda_alpha, rate, False
        self._separable: bool | None = None
        self._weighing = Rehearsals()
        self._classifier = classifier
        separate = classifier == "separate" or (classifier == "auto" and network.trains_features)
        self.target_head: nn.Module | None = None
        if separate:
            self._separate(network, deepcopy(network.head))
        self.weight: Tensor
        self.register_buffer("weight", torch.ones(*leading(network), rows))

    def for_target(self, network: Network, classes: int) -> None:
        """Give the target a classifier phi_t for its own classes (section 4.3).

        Raises:
            ValueError: no features are trained, through which alone the target could reach the source.
        """
        if not network.trains_features:
            raise ValueError(
                "a transfer needs features that are trained (`Model(frozen=False)`, or `Model(hidden=128)`)"
            )
        self._separate(network, _fresh(network.head, classes).to(next(network.head.parameters())))
        self.transferring = True
        self.warmup = self.warmup or 0

    def approximate(self, network: Network, meta: Meta) -> None:
        """Let v cover fewer layers, or serve for several steps, in which phi_t waits.

        Where v covers the classifier alone, "auto" lets phi_t = phi_s: the target could reach nothing else.
        """
        super().approximate(network, meta)
        if meta.layers == "last" and self._classifier == "auto":
            self.target_head = None
        if self.target_head is not None:
            self._separate(network, self.target_head)

    def target_network(self, network: Network) -> Network:
        """The features with phi_t in a transfer; else the source network, whose labels are the target's."""
        if not self.transferring or self.target_head is None:
            return network
        return Network(trunk=network.trunk, head=self.target_head)

    def step(self, network: Network, source: Batch, target: Batch) -> Step:
        """Weight a batch with the alphas as they are (eq. 3); they move when the loss has been propagated back."""
        along, target_loss = self._trusted(network, target)
        alpha = self.weight[..., source.rows]
        weighted = self._weigh(network, source, along, alpha)
        agrees = weighted.agrees  # alone: `settle` is kept for longer than the logits and their graph

        def settle() -> None:
            self._move(source, alpha=alpha, agrees=agrees())

        return Step(loss=weighted.loss + target_loss, logits=weighted.logits.detach(), settle=settle)

    def warm_up(self, network: Network, source: Batch, target: Batch) -> Step:
        """Train plainly, and phi_t on the features as they are."""
        plain = super().warm_up(network, source, target)
        return Step(loss=plain.loss + self._classifier_loss(network, target), logits=plain.logits)

    def alpha(self) -> Tensor:
        """The weights as they stand, in [0, 1.1]; NaN where a row was never visited. Shape [rows], or [folds, rows]."""
        return torch.where(self.visits > 0, self.weight, torch.nan)

    def _separate(self, network: Network, head: nn.Module) -> None:
        """Give the target a classifier phi_t of its own; it takes no part in theta."""
        self.target_head = head
        names = tuple(name for name in self.covered if name.startswith("trunk."))
        if not names:
            raise ValueError("a target classifier of its own has no covered layer in common with the source")
        self.cover(network, names)

    def _weigh(self, network: Network, source: Batch, along: Direction, alpha: Tensor) -> _Weighted:
        """Call the network in the way that is cheapest for it (`gradients/backward.py`)."""
        if self._separable is None:
            self._separable = source.folds is None and separable(network, source.inputs)
        if self._separable:
            try:
                logits, products = weighted_pass(
                    network, source.inputs, weights=alpha, along=along, rehearsals=self._weighing
                )
            except UnfollowedError:
                self._separable = False
            else:
                loss = source.portion(products.mean(cross_entropies(logits, source.labels)))
                return _Weighted(logits=logits, loss=loss, agrees=products.values)
        ahead = self.moving(network, source.inputs, along)
        agrees = source.only(at(alignments(ahead), source.labels))
        if source.folds is None:
            loss = source.mean(alpha * cross_entropies(ahead.value, source.labels))
        else:
            loss = weighted_loss(ahead.value, (source.labels, source.only(alpha) / source.folds.size))
        return _Weighted(logits=ahead.value, loss=loss, agrees=lambda: agrees)

    def _move(self, source: Batch, *, alpha: Tensor, agrees: Tensor) -> None:
        """Take the step of eq. 5, for rows with alpha and a(given), each of shape [n]; those of no fold agree by 0."""
        scaled = unit(agrees, source)
        moved = self.rate * scaled if self.lambda_alpha is None else self.lambda_alpha * agrees
        self.weight[..., source.rows] = (alpha + moved).clamp(0, _CEILING)
        self.record_batch(source, alpha, alignment=scaled)

    def _trusted(self, network: Network, target: Batch) -> tuple[Direction, Tensor]:
        """Return v = dL_t/dtheta, and the loss that trains phi_t alone."""
        if self.target_head is None:
            return self.along_trusted(network, target), target.inputs.new_zeros(())
        head, seen = self.target_head, list[Tensor]()

        def loss(parameters: Mapping[str, Tensor]) -> Tensor:
            trunk = {n.removeprefix("trunk."): p for n, p in parameters.items() if n.startswith("trunk.")}
            seen.append(with_spare_buffers(network.trunk, target.inputs, trunk))
            return mean_cross_entropy(head(seen[0]), target)

        along = self.along(network, target, loss)
        if not seen:  # an old v serves, and phi_t waits for the next trusted batch
            return along, target.inputs.new_zeros(())
        # the same features without a graph, so that the trusted rows pass the trunk once
        return along, mean_cross_entropy(head(seen[0].detach()), target)

    def _classifier_loss(self, network: Network, target: Batch) -> Tensor:
        """The loss that trains phi_t alone; zero where phi_t is phi_s, or no row steers yet (rows of low loss)."""
        if self.target_head is None or not len(target.rows):
            return target.inputs.new_zeros(())
        with torch.no_grad():
            features = with_spare_buffers(network.trunk, target.inputs)
        return mean_cross_entropy(self.target_head(features), target)


def _fresh(head: nn.Module, classes: int) -> nn.Module:
    """Make a classifier of the same layers for other classes: phi may be "possibly last few layers" (section 3.1)."""
    if isinstance(head, nn.Linear):
        return nn.Linear(head.in_features, classes)
    *layers, last = deepcopy(head).children()
    for layer in layers:
        if isinstance(layer, nn.Linear):
            layer.reset_parameters()
    return nn.Sequential(*layers, _fresh(last, classes))
