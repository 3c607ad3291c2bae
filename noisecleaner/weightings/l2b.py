"""L2B, Learning to Bootstrap (Zhou et al., 2024): weights alpha of the given label and beta of the pseudo label."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from noisecleaner.gradients.alignment import alignments, at
from noisecleaner.networks.network import Batch, Network
from noisecleaner.weightings import Step, weighted_loss
from noisecleaner.weightings._meta_gradient import MetaGradientWeighting, common_size, normalised, over, unit


class LearningToBootstrap(MetaGradientWeighting):
    """Algorithm 1 and eq. 3 to 10.

    Each step looks one gradient step ahead from zero weights: how fast the trusted loss falls with a weight is
    that weight (eq. 7), cut at zero (eq. 8) and normalised in the batch (eq. 9), where the step sizes lambda
    and eta cancel. Kept for a row is the mean of n alpha and n beta over its visits to batches of n rows, so
    that the mean of alpha + beta is 1 whatever the batch.

    Args:
        rows: how many rows the run has.
        network: the network that will be trained.
        warmup: epochs of plain training first (section 4.2 takes 10 of 300). None takes 1 for a head on vectors, and
            `late` of the epochs where a backbone is trained end to end.
        weights: "both"; or an ablation of Table 8: "given" (beta = 0), "pseudo" (alpha = 0), or "convex", where
            alpha + beta = 1 for every row, so that rows are not weighed against each other.
        normalise: how weights come to sum to 1 in a batch: "cut" at zero first (eq. 8 and 9); or one of figure 3, which
            leaves none at zero: "sigmoid", or the "softmax" over all 2 n of them. The paper does not say of which unit:
            here of a(c) over their root mean square in the batch, so that the step sizes cancel in all three.
    """

    # A batch's weights depend most of all on which classes have just been favoured: with a backbone on 6,000 rows of
    # CIFAR-10N they parted right from wrong labels at AUROC 0.53 to 0.62, and a step was five times as large as a plain
    # one. So the network learned next to nothing more: of 14 epochs 7, 10 or 12 plain ones each ended at what these had
    # taught (also with smaller steps, a tighter clip, all verified rows in a step, or `weights` "convex").
    late = 0.9
    stacks = shareable = True

    def __init__(
        self,
        rows: int,
        network: Network,
        *,
        warmup: int | None = None,
        weights: Literal["both", "given", "pseudo", "convex"] = "both",
        normalise: Literal["cut", "sigmoid", "softmax"] = "cut",
    ) -> None:
        super().__init__(rows, network, warmup=warmup)
        if weights == "convex" and normalise != "cut":
            raise ValueError("weights=convex weighs within a row: it goes with normalise=cut alone")
        self.weights, self.normalise = weights, normalise

    def step(self, network: Network, source: Batch, target: Batch) -> Step:
        """Weight the losses on the given and the pseudo label (eq. 10) by how fast the trusted loss falls (eq. 7)."""
        ahead = self.look_ahead(network, source, target)
        logits, agrees = ahead.value, alignments(ahead)
        pseudo = logits.max(dim=-1).indices
        given = source.only(at(agrees, source.labels))
        alpha, beta = self._weigh(source, given=given, pseudo=source.only(at(agrees, pseudo)))
        size = source.size
        self.record_batch(source, alpha * size, beta=beta * size, alignment=unit(given, source))
        return Step(loss=weighted_loss(logits, (source.labels, alpha), (pseudo, beta)), logits=logits.detach())

    def _weigh(self, source: Batch, *, given: Tensor, pseudo: Tensor) -> tuple[Tensor, Tensor]:
        """Turn a(given) and a(pseudo) into alpha and beta, which together sum to 1 (eq. 8 and 9); each of shape [n]."""
        given, pseudo = self._positive(source, given=given, pseudo=pseudo)
        if self.weights == "convex":
            alpha = torch.where(given + pseudo > 0, given / (given + pseudo), torch.full_like(given, 0.5))
            return source.only(alpha) / source.size, source.only(1 - alpha) / source.size
        nothing = torch.zeros_like(given)
        alpha, beta = normalised(
            nothing if self.weights == "pseudo" else given,
            nothing if self.weights == "given" else pseudo,
            batch=source,
        )
        return alpha, beta

    def _positive(self, source: Batch, *, given: Tensor, pseudo: Tensor) -> tuple[Tensor, Tensor]:
        """Make a(given) and a(pseudo), each of shape [n], what is divided by its sum."""
        if self.normalise == "cut":
            return given.relu(), pseudo.relu()
        size = common_size(given, pseudo, source)
        positive = torch.sigmoid if self.normalise == "sigmoid" else torch.exp
        return source.only(positive(over(given, size))), source.only(positive(over(pseudo, size)))

    def beta(self) -> Tensor:
        """Weight of each row's pseudo label, on the scale of alpha; NaN where it was never weighted. Shape [rows]."""
        return self.beta_sum / self.visits
