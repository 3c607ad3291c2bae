"""Purified Learning (Li et al.): a Wasserstein critic takes what a task-irrelevant label explains out of features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from noisecleaner.alignment import with_spare_buffers
from noisecleaner.regularisers import IntArray, Regulariser, Side
from noisecleaner.weightings import Batch, Network

#: Section IV-A: "four fully connected layers with 512, 256, 10, 1 nodes".
_NODES = (512, 256, 10, 1)
#: Section IV-A: "a weight limit 0.1".
_WEIGHT_LIMIT = 0.1


class Purified(Regulariser):
    """Algorithm 1 and eq. 18 to 26.

    A critic f_d learns to tell the features of rows A with one fixed task-irrelevant label from those of rows B with
    any; the features of the source batch C are moved to where the critic sees B. The paper writes this with two
    signs: by eq. 22 with eq. 24, C would be moved to A. Here the signs are Algorithm 1's, under which C, which has the
    fixed label or resembles it, is moved to the distribution of all.

    Args:
        side: rows with a task-irrelevant label.
        network: the network that will be trained; its trunk is f_e.
        label: the fixed task-irrelevant label of A; None takes the most frequent one.
        critic_every: steps on the network for each step on the critic (the paper's n_2).
        critic_rate: learning rate of the critic (Adam).
        lambda_1: weight of the classification loss (eq. 26).
        lambda_2: weight of the Wasserstein loss (eq. 26).
    """

    needs = "irrelevant"

    def __init__(
        self,
        side: Side,
        network: Network,
        *,
        label: str | int | None = None,
        critic_every: int = 3,
        critic_rate: float = 1e-3,
        lambda_1: float = 1.0,
        lambda_2: float = 1.0,
    ) -> None:
        super().__init__()
        if critic_every < 1:
            raise ValueError("critic_every must be at least 1")
        if critic_rate <= 0 or lambda_1 <= 0 or lambda_2 <= 0:
            raise ValueError("critic_rate, lambda_1 and lambda_2 must be above 0")
        if not any(True for _ in network.trunk.parameters()):
            raise ValueError("it changes features, but here only a head is trained (pass --no-frozen, or --hidden 128)")
        self.critic_every, self.lambda_1, self.lambda_2 = critic_every, lambda_1, lambda_2
        self._any = np.flatnonzero(side.irrelevant >= 0)
        self._fixed = np.flatnonzero(side.irrelevant == _fixed(side, label))
        self.critic = critic(_width(network))
        self.optimiser = torch.optim.Adam(self.critic.parameters(), lr=critic_rate)
        self.steps: Tensor
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def draw(self, rng: np.random.Generator, size: int) -> tuple[IntArray, ...]:
        """Choose A and B, in the steps in which the critic learns."""
        if int(self.steps) % self.critic_every:
            return ()
        pools = (self._fixed, self._any)
        return tuple(np.sort(rng.choice(pool, min(size, len(pool)), replace=False)) for pool in pools)

    def regularise(self, loss: Tensor, network: Network, source: Batch, drawn: Sequence[Tensor]) -> Tensor:
        """Step on the critic if it is its turn; return lambda_1 loss + lambda_2 L_wasserstein (eq. 26)."""
        self.steps += 1
        if drawn:
            self._teach(network, *drawn)
        with _frozen(self.critic):
            score = self.critic(with_spare_buffers(network.trunk, source.inputs))
        total: Tensor = self.lambda_1 * loss - self.lambda_2 * score.mean()
        return total

    def _teach(self, network: Network, fixed: Tensor, mixed: Tensor) -> None:
        """One step of Adam towards a larger E_B f_d - E_A f_d (Algorithm 1, lines 3 to 6)."""
        with torch.no_grad():
            features = [with_spare_buffers(network.trunk, inputs) for inputs in (fixed, mixed)]
        assert self.optimiser is not None  # noqa: S101  # made in the constructor
        self.optimiser.zero_grad()
        torch.autograd.backward(self.critic(features[0]).mean() - self.critic(features[1]).mean())
        self.optimiser.step()
        with torch.no_grad():
            for parameter in self.critic.parameters():
                parameter.clamp_(-_WEIGHT_LIMIT, _WEIGHT_LIMIT)


def critic(width: int) -> nn.Sequential:
    """Make f_d: features [n, width] -> scores [n, 1]."""
    layers: list[nn.Module] = []
    for inputs, outputs in zip((width, *_NODES[:-1]), _NODES, strict=True):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _fixed(side: Side, label: str | int | None) -> int:
    """The index of A's label."""
    if label is None:
        return int(np.bincount(side.irrelevant[side.irrelevant >= 0]).argmax())
    if str(label) not in side.names:
        raise ValueError(f"label {label} is no task-irrelevant label (there are {', '.join(side.names)})")
    return side.names.index(str(label))


def _width(network: Network) -> int:
    """The number of features: what the head takes."""
    return next(module.in_features for module in network.head.modules() if isinstance(module, nn.Linear))


@contextmanager
def _frozen(module: nn.Module) -> Iterator[None]:
    """Let gradients pass through a module without reaching its parameters."""
    module.requires_grad_(False)
    try:
        yield
    finally:
        module.requires_grad_(True)
