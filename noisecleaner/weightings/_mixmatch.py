"""The pieces of DivideMix's semi-supervised step (Li et al., 2020, section 3.2): targets, mixtures and losses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from noisecleaner.gradients.alignment import log_softmax, softmax


def mean_prediction(logits: Sequence[Tensor]) -> Tensor:
    """The mean of the probabilities of several looks at the same rows, each with logits [n, classes]; the same shape.

    Eq. 3 without the network's name, and eq. 6 (co-guessing) where the looks are those of both networks.
    """
    return torch.stack([softmax(look) for look in logits]).mean(dim=0)


def refined(given: Tensor, predicted: Tensor, right: Tensor) -> Tensor:
    """Label co-refinement: w y + (1 - w) p (eq. 4).

    Args:
        given: the given labels y, one-hot, shape [n, classes].
        predicted: what the network says itself, p, shape [n, classes].
        right: the probability w that the other network gives the labels, shape [n].
    """
    share = right.unsqueeze(1)
    return share * given + (1 - share) * predicted


def sharpened(probabilities: Tensor, temperature: float) -> Tensor:
    """Raise probabilities [n, classes] to the power 1 / T, and normalise them (eq. 5); the same shape."""
    # by logarithms, so that small ones do not vanish at low temperatures
    return (probabilities.clamp_min(1e-30).log() / temperature).softmax(dim=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Mixup:
    """With which other row each of n rows is mixed, and how much of itself remains (eq. 7 to 9).

    Args:
        order: the other row of each, shape [n].
        share: lambda', at least a half, shape [n].
    """

    order: Tensor
    share: Tensor

    @classmethod
    def drawn(cls, rows: int, alpha: float, device: torch.device) -> Mixup:
        """Draw both on a device: lambda from Beta(alpha, alpha), lambda' = max(lambda, 1 - lambda)."""
        side = torch.full((), alpha, device=device)
        drawn = torch.distributions.Beta(side, side, validate_args=False).sample((rows,))
        return cls(order=torch.randperm(rows, device=device), share=torch.maximum(drawn, 1 - drawn))

    def of(self, values: Tensor) -> Tensor:
        """Mix inputs or targets [n, ...], in the same shape."""
        share = self.share.to(values.dtype).view(-1, *[1] * (values.dim() - 1))
        return share * values + (1 - share) * values[self.order]


def soft_cross_entropies(logits: Tensor, targets: Tensor) -> Tensor:
    """The cross-entropy of each row with a soft target: logits and targets [n, classes] -> [n] (in eq. 10)."""
    return -(targets * log_softmax(logits)).sum(dim=1)


def squared_distances(logits: Tensor, targets: Tensor) -> Tensor:
    """The mean squared distance of each row's probabilities to its target, [n, classes] both -> [n] (in eq. 11).

    The paper writes the sum over classes. Here it is the mean, as in MixMatch (Berthelot et al., 2019, eq. 4), in whose
    units lambda_u is: by the sum, weights up to 4 made two networks give 2,104 of 3,000 images one class within three
    epochs.
    """
    return (softmax(logits) - targets).square().mean(dim=1)


def collapse(logits: Tensor) -> Tensor:
    """How far the mean prediction of n rows is from one class as likely as another, a scalar (eq. 12).

    It is the divergence KL(pi || mean p) with pi = 1 / classes, which keeps all rows from getting one label.

    Args:
        logits: shape [n, classes].
    """
    mean = softmax(logits).mean(dim=0)
    prior = torch.full_like(mean, 1 / len(mean))
    return (prior * (prior / mean.clamp_min(1e-30)).log()).sum()


def ramp(since: float, length: float) -> float:
    """How much of lambda_u counts after so many epochs: it rises from 0 to 1 on a line."""
    return 1.0 if length <= 0 else min(1.0, max(0.0, since / length))


def one_hot(labels: Tensor, like: Tensor) -> Tensor:
    """Labels [n] as rows of zeros with a one, in the type and shape of probabilities [n, classes]."""
    return functional.one_hot(labels, like.shape[1]).to(like)
