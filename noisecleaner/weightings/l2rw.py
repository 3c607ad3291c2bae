"""L2RW, Learning to Reweight (Ren et al., 2018): weights alpha only, the beta = 0 ablation of L2B (section 4.4)."""

from __future__ import annotations

from noisecleaner.gradients.alignment import alignments, at
from noisecleaner.networks.network import Batch, Network
from noisecleaner.weightings import Step, weighted_loss
from noisecleaner.weightings._meta_gradient import MetaGradientWeighting, normalised, unit
from noisecleaner.weightings.l2b import LearningToBootstrap


class LearningToReweight(MetaGradientWeighting):
    """L2B's Algorithm 1 without the pseudo label; kept for a row is the mean of n alpha over its visits.

    Args:
        rows: how many rows the run has.
        network: the network that will be trained.
        warmup: epochs of plain training first; None as in L2B.
    """

    stacks = shareable = True
    late = LearningToBootstrap.late

    def __init__(self, rows: int, network: Network, *, warmup: int | None = None) -> None:
        super().__init__(rows, network, warmup=warmup)

    def step(self, network: Network, source: Batch, target: Batch) -> Step:
        """Weight the losses on the given labels by how fast the trusted loss falls (L2B, eq. 7 to 10 with beta = 0)."""
        ahead = self.look_ahead(network, source, target)
        logits, given = ahead.value, source.only(at(alignments(ahead), source.labels))
        (alpha,) = normalised(given, batch=source)
        self.record_batch(source, alpha * source.size, alignment=unit(given, source))
        return Step(loss=weighted_loss(logits, (source.labels, alpha)), logits=logits.detach())
