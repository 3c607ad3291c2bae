"""How long and how fast a network is trained."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How long and how fast to train (momentum SGD).

    Args:
        epochs: passes over the source rows.
        batch_size: source rows in a step.
        trusted_batch: trusted rows in a step.
        learning_rate: at the start.
        weight_decay: L2 penalty.
        momentum: of SGD.
        seed: of every random number.
        checkpoint_seconds: least time between two checkpoints.
        precision: what the network's layers compute in.
        annealed: whether the learning rate falls to zero along a half cosine, as in L2B, section 4.2; else it stays, as
            in SOSELETO, section 4.
    """

    epochs: int
    batch_size: int
    trusted_batch: int
    learning_rate: float
    weight_decay: float
    momentum: float = 0.9
    seed: int = 0
    checkpoint_seconds: float = 30.0
    precision: torch.dtype = torch.float32
    annealed: bool = True

    def rate(self, done: float) -> float:
        """The learning rate when the share `done` of all steps lies behind."""
        left = 0.5 * (1 + math.cos(math.pi * done)) if self.annealed else 1.0
        return self.learning_rate * left
