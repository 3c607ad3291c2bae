"""Bootstrapping (Reed et al., 2015): each target is part given label, part what the network says itself."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from noisecleaner.gradients.alignment import entropies
from noisecleaner.networks.network import Batch, Network
from noisecleaner.weightings import Step, Weighting, weighted_loss


class Bootstrap(Weighting):
    """Eq. 6 (soft) and 7 (hard), with the same share for every row and step: what L2B chooses for each.

    Args:
        rows: how many rows the run has.
        network: the network that will be trained.
        warmup: epochs of plain training first, in which the network learns what it then says.
        kind: "hard" takes the class that the network holds for likeliest, as L2B does; "soft" all its probabilities,
            through which a gradient goes, so that their entropy is part of the loss.
        given: share of the given label in a target, the paper's beta, in [0, 1]. None takes the paper's 0.8 for "hard"
            and 0.95 for "soft".
    """

    needs_trusted = False
    stacks = shareable = True

    def __init__(
        self,
        rows: int,
        network: Network,
        *,
        warmup: int = 0,
        kind: Literal["hard", "soft"] = "hard",
        given: float | None = None,
    ) -> None:
        super().__init__(rows, network, warmup=warmup)
        if given is not None and not 0 <= given <= 1:
            raise ValueError("given must be from 0 to 1")
        self.kind = kind
        self.given = {"hard": 0.8, "soft": 0.95}[kind] if given is None else given

    def step(self, network: Network, source: Batch, target: Batch) -> Step:
        """Take the mean cross-entropy with the mixed targets; alpha and beta are their shares."""
        logits = network(source.inputs)
        counted = source.only(torch.ones_like(logits[..., 0]))
        own, share = 1 - self.given, counted / source.size
        given = (source.labels, self.given * share)
        if self.kind == "hard":
            loss = weighted_loss(logits, given, (logits.detach().max(dim=-1).indices, own * share))
        else:
            loss = weighted_loss(logits, given) + own * (share * entropies(logits)).sum()
        self.record_batch(source, self.given * counted, beta=own * counted)
        return Step(loss=loss, logits=logits.detach())

    def beta(self) -> Tensor:
        """Share of the network's own label in each row's target; NaN where it was never seen. Shape [rows]."""
        return self.beta_sum / self.visits
