"""DivideMix (Li et al., 2020): two networks, each of which learns the labels that the other takes for right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypedDict, Unpack

import torch
from torch import Tensor

from noisecleaner.gradients.alignment import alignments, direction, directional_derivative, entropies
from noisecleaner.gradients.passes import Rehearsals
from noisecleaner.networks.network import Batch, Network
from noisecleaner.weightings import Step
from noisecleaner.weightings._meta_gradient import normalised, trusted_loss, unit
from noisecleaner.weightings._mixmatch import (
    Mixup,
    collapse,
    mean_prediction,
    one_hot,
    ramp,
    refined,
    sharpened,
    soft_cross_entropies,
    squared_distances,
)
from noisecleaner.weightings._pair import Divided, PairWeighting


class DivideMix(PairWeighting):
    """Algorithm 1, and on top of it L2B (Zhou et al., 2024, section 4.3).

    After a warm-up, a mixture of two Gaussians over the losses of one network says of each row how probably its label
    is right. The other network trains on rows of a high probability with labels that both sides refine, and on all
    others with labels that both networks guess; all of them mixed up with each other (MixMatch). An epoch trains one
    network, then the other. Either takes as many steps as with other methods, half of each batch from either kind of
    rows; the paper's epoch lasts until each labelled row was seen once.

    Args:
        rows: how many rows the run has.
        network: both networks as one.
        warmup: epochs of plain training first (the paper: 10 of 300). None takes `late` of the epochs.
        penalty: subtract the entropy of what the network says from the warm-up's loss (eq. 2), for labels that are
            mistaken for others in a regular way.
        p_threshold: probability of being right from which on a label is learned from.
        weights: what weighs the labelled rows' losses: the "mixture" alone; or "l2b", where alpha and beta weigh the
            losses on the given labels and on the network's own by how fast the loss on trusted rows falls (L2B, eq. 7
            to 10), in place of co-refinement. Without verified rows, rows that the mixture calls clean are the trusted
            ones.
        mixing: how labels are guessed and rows mixed, see `MixMatch`.
    """

    # A network that has learned little divides rows by which classes it favours: on 3,000 images (cifar-quick, 20
    # epochs) accuracy stayed below the 0.35 that 10 plain epochs had given, also without guesses. So short runs are
    # mostly plain.
    late = 0.7

    def __init__(
        self,
        rows: int,
        network: Network,
        *,
        warmup: int | None = None,
        penalty: bool = False,
        p_threshold: float = 0.5,
        weights: Literal["mixture", "l2b"] = "mixture",
        **mixing: Unpack[MixMatchOptions],
    ) -> None:
        self.mixing = MixMatch(**mixing)
        super().__init__(rows, network, warmup=warmup, threshold=p_threshold, views=self.mixing.views)
        self.penalty, self.steered = penalty, weights == "l2b"
        self.rehearsals = Rehearsals()

    def warm_up(self, network: Network, source: Batch, target: Batch) -> Step:
        """Train plainly, with the entropy subtracted where that was asked for (eq. 1 and 2)."""
        if not self.penalty:
            return super().warm_up(network, source, target)
        logits = network(source.inputs)
        given = soft_cross_entropies(logits, one_hot(source.labels, logits)).mean()
        return Step(loss=given - entropies(logits).mean(), logits=logits.detach())

    def teach(self, number: int, own: Network, other: Network, divided: Divided) -> Tensor:
        """L = L_X + lambda_u L_U + L_reg of mixed rows (eq. 10 to 13), of shape []; arguments are the contract's."""
        targets = self._targets(number, own, other, divided)
        own.train()
        inputs = torch.cat([view.inputs for view in (*divided.labelled, *divided.unlabelled)])
        mixup = Mixup.drawn(len(inputs), self.mixing.mixup_alpha, inputs.device)
        mixed, first = mixup.of(inputs), sum(len(view.rows) for view in divided.labelled)
        target = mixup.of(targets.whole(targets.refined))
        if self.steered:
            logits, labelled = self._weighed(own, mixed, mixup, targets, divided)
        else:
            logits = own(mixed)
            labelled = soft_cross_entropies(logits[:first], target[:first]).mean()
        loss = labelled + collapse(logits)
        if len(inputs) == first:
            return loss
        guessed = squared_distances(logits[first:], target[first:]).mean()
        return loss + self.mixing.weight(divided.since) * guessed

    @torch.no_grad()
    def _targets(self, number: int, own: Network, other: Network, divided: Divided) -> _Targets:
        """Let networks say what labels should be: its own of labelled rows, both of the others (eq. 3 to 6)."""
        own.eval()
        other.eval()
        labelled, unlabelled, temperature = divided.labelled, divided.unlabelled, self.mixing.temperature
        predicted = mean_prediction([own(view.inputs) for view in labelled])
        given = one_hot(labelled[0].labels, predicted)
        right = self.right[1 - number, labelled[0].rows].to(predicted)
        guessed = predicted[:0]
        if len(unlabelled[0].rows):
            guessed = mean_prediction([network(view.inputs) for view in unlabelled for network in (own, other)])
        return _Targets(
            given=given,
            predicted=sharpened(predicted, temperature),
            refined=sharpened(refined(given, predicted, right), temperature),
            guessed=sharpened(guessed, temperature),
            views=self.views,
        )

    def _weighed(
        self, own: Network, mixed: Tensor, mixup: Mixup, targets: _Targets, divided: Divided
    ) -> tuple[Tensor, Tensor]:
        """Weigh the mixed labelled rows' losses on both labels by L2B; return logits [n, classes] and their loss."""
        values = dict(own.named_parameters())
        v = direction(trusted_loss(own, divided.target, values), values)
        moving = directional_derivative(own, mixed, v, self.rehearsals, full_precision=self.full_precision)
        rows = torch.cat([view.rows for view in divided.labelled])
        first = len(rows)
        agrees, logits = alignments(moving)[:first], moving.value
        given, pseudo = (mixup.of(targets.whole(labels))[:first] for labels in (targets.given, targets.predicted))
        # a(q) of a soft label is the mean of a(c), as q sums to 1
        a_given, a_pseudo = ((labels * agrees).sum(dim=1) for labels in (given, pseudo))
        alpha, beta = normalised(a_given, a_pseudo)
        self._align(rows, unit(a_given))
        on_given, on_pseudo = (soft_cross_entropies(logits[:first], labels) for labels in (given, pseudo))
        return logits, (alpha * on_given + beta * on_pseudo).sum()

    def _align(self, rows: Tensor, alignment: Tensor) -> None:
        """Record a(given) of rows, both of shape [n]; a row may occur more than once."""
        self.alignment_sum.index_add_(0, rows, alignment.to(self.alignment_sum))
        self.aligned.index_add_(0, rows, torch.ones_like(alignment).to(self.aligned))


class MixMatchOptions(TypedDict, total=False):
    """Options of `MixMatch`."""

    temperature: float
    mixup_alpha: float
    lambda_u: float
    rampup: float
    views: int


class MixMatch:
    """How labels are guessed, and how rows are mixed.

    Args:
        temperature: T of the sharpening (eq. 5).
        mixup_alpha: alpha of the Beta distribution that mixtures are drawn from (eq. 7).
        lambda_u: weight of the loss on guessed labels (eq. 13); the paper takes 0 to 150 by how much is wrong.
        rampup: epochs in which that weight rises from 0 on a line.
        views: M, how often a row is augmented in a step.
    """

    def __init__(
        self,
        *,
        temperature: float = 0.5,
        mixup_alpha: float = 4.0,
        lambda_u: float = 25.0,
        rampup: float = 16.0,
        views: int = 2,
    ) -> None:
        if temperature <= 0 or mixup_alpha <= 0:
            raise ValueError("temperature and mixup_alpha must be above 0")
        if lambda_u < 0 or rampup < 0:
            raise ValueError("lambda_u and rampup must not be negative")
        self.temperature, self.mixup_alpha, self.views = temperature, mixup_alpha, views
        self.lambda_u, self.rampup = lambda_u, rampup

    def weight(self, since: float) -> float:
        """What the loss on guessed labels weighs so many epochs after the warm-up."""
        return self.lambda_u * ramp(since, self.rampup)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Targets:
    """What labels of n labelled rows could be, each of shape [n, classes], and of others [m, classes]."""

    given: Tensor
    predicted: Tensor
    refined: Tensor
    guessed: Tensor
    views: int

    def whole(self, labels: Tensor) -> Tensor:
        """Some labels of the labelled rows, and the guessed ones, once for each view of each row."""
        return torch.cat([labels] * self.views + [self.guessed] * self.views)
