"""Purified Learning (Li et al.): a Wasserstein critic takes what a task-irrelevant label explains out of features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypedDict, Unpack

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from noisecleaner.arrays import IntArray
from noisecleaner.gradients.passes import with_spare_buffers
from noisecleaner.networks.network import Batch, Network
from noisecleaner.regularisers import Regulariser, Side, some_of

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
        lambda_1: weight of the classification loss (eq. 26).
        lambda_2: weight of the Wasserstein loss (eq. 26).
        summed: add up the classification loss over the batch, as lines 10 and 12 of Algorithm 1 do, while line 15 and
            eq. 25 take the mean of the critic's scores: of m rows it then counts m times as much. The method's own loss
            is a mean, which eq. 26 weighs without regard to the size of a batch.
        both: move B to C as well, as eq. 21 has it: the loss is a distance then, while eq. 25 has no lower bound.
        critic: how the critic learns, see `Critic`.
    """

    needs = "irrelevant"

    def __init__(
        self,
        side: Side,
        network: Network,
        *,
        label: str | int | None = None,
        lambda_1: float = 1.0,
        lambda_2: float = 1.0,
        summed: bool = False,
        both: bool = False,
        **critic: Unpack[CriticOptions],
    ) -> None:
        super().__init__()
        if lambda_1 <= 0 or lambda_2 <= 0:
            raise ValueError("lambda_1 and lambda_2 must be above 0")
        if not network.trains_features:
            way_out = "pass `Model(frozen=False)`, or `Model(hidden=128)`"
            raise ValueError(f"it changes features, but here only a head is trained ({way_out})")
        self.lambda_1, self.lambda_2, self.summed, self.both = lambda_1, lambda_2, summed, both
        self._any = np.flatnonzero(side.irrelevant >= 0)
        self._fixed = np.flatnonzero(side.irrelevant == _fixed(side, label))
        self.critic = Critic(_width(network), **critic)
        self.optimiser = self.critic.optimiser
        self.steps: Tensor
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self._taken: int | None = 0  # the same on the host, so that no step waits for the device
        self.register_load_state_dict_post_hook(_forget)  # type: ignore[no-untyped-call]  # torch leaves it untyped

    def draw(self, rng: np.random.Generator, size: int) -> tuple[IntArray, ...]:
        """Choose B, shape [batch], if it is moved; and where the critic learns, A and B for each of its steps."""
        self._taken = int(self.steps) if self._taken is None else self._taken
        turns = 0 if self._taken % self.critic.every else self.critic.turns
        pools = [self._any] * self.both + [self._fixed, self._any] * turns
        return tuple(some_of(pool, size, rng) for pool in pools)

    def regularise(self, loss: Tensor, network: Network, source: Batch, drawn: Sequence[Tensor]) -> Tensor:
        """Step on the critic if it is its turn; return lambda_1 loss + lambda_2 L_wasserstein (eq. 26), of shape []."""
        self.steps += 1
        self._taken = None if self._taken is None else self._taken + 1
        moved, taught = drawn[: int(self.both)], drawn[int(self.both) :]
        for fixed, mixed in zip(taught[::2], taught[1::2], strict=True):
            self._teach(network, fixed=fixed, mixed=mixed)
        with _frozen(self.critic):
            distance: Tensor = -self._score(network, source.inputs)
            for mixed in moved:
                distance = distance + self._score(network, mixed)
        rows = len(source.rows) if self.summed else 1
        total: Tensor = self.lambda_1 * rows * loss + self.lambda_2 * distance
        return total

    def _features(self, network: Network, inputs: Tensor) -> Tensor:
        """What the critic looks at, shape [n, width]."""
        features = with_spare_buffers(network.trunk, inputs)
        return functional.layer_norm(features, list(features.shape[1:])) if self.critic.normalised else features

    def _score(self, network: Network, inputs: Tensor) -> Tensor:
        score: Tensor = self.critic(self._features(network, inputs)).mean()
        return score

    def _teach(self, network: Network, *, fixed: Tensor, mixed: Tensor) -> None:
        """Show the critic the features of inputs A and B (Algorithm 1, lines 3 to 6)."""
        with torch.no_grad():
            features = [self._features(network, inputs) for inputs in (fixed, mixed)]
        self.critic.learn(fixed=features[0], mixed=features[1])


class CriticOptions(TypedDict, total=False):
    """The options of `Critic`, for those who hand them on."""

    critic_every: int
    critic_rate: float
    critic_steps: int
    gradient_penalty: float
    normalised: bool


class Critic(nn.Sequential):
    """f_d: features [n, width] -> scores [n, 1], high where it sees B, low where it sees A.

    Args:
        width: number of features.
        critic_every: steps on the network for each step on the critic (the paper's n_2).
        critic_rate: its learning rate (Adam).
        critic_steps: steps on the critic when it is its turn, each with other rows.
        gradient_penalty: above 0, it is held 1-Lipschitz by this penalty (WGAN-GP) instead of by the paper's limit on
            its weights, under which its scores grow with the width of its layers.
        normalised: let it look at layer-normalised features, whose size tells it nothing.
    """

    def __init__(
        self,
        width: int,
        *,
        critic_every: int = 3,
        critic_rate: float = 1e-3,
        critic_steps: int = 1,
        gradient_penalty: float = 0.0,
        normalised: bool = False,
    ) -> None:
        layers: list[nn.Module] = []
        for inputs, outputs in zip((width, *_NODES[:-1]), _NODES, strict=True):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        super().__init__(*layers[:-1])
        if critic_every < 1 or critic_steps < 1:
            raise ValueError("critic_every and critic_steps must be at least 1")
        if gradient_penalty < 0:
            raise ValueError("gradient_penalty must not be negative")
        if critic_rate <= 0:
            raise ValueError("critic_rate must be above 0")
        self.every, self.turns, self.normalised = critic_every, critic_steps, normalised
        self.gradient_penalty = gradient_penalty
        self.optimiser = torch.optim.Adam(self.parameters(), lr=critic_rate)

    def learn(self, *, fixed: Tensor, mixed: Tensor) -> None:
        """One step of Adam towards a larger E_B f_d - E_A f_d, for features A [n, width] and B [m, width]."""
        self.optimiser.zero_grad()
        loss = self(fixed).mean() - self(mixed).mean()
        if self.gradient_penalty:
            loss = loss + self.gradient_penalty * _steepness(self, fixed, mixed)
        torch.autograd.backward(loss)
        self.optimiser.step()
        if not self.gradient_penalty:
            with torch.no_grad():
                for parameter in self.parameters():
                    parameter.clamp_(-_WEIGHT_LIMIT, _WEIGHT_LIMIT)


def _forget(module: nn.Module, _: object) -> None:
    """Look at the number of steps again, once they have been loaded."""
    assert isinstance(module, Purified)  # noqa: S101  # it registers this
    module._taken = None


def _steepness(critic: nn.Module, first: Tensor, second: Tensor) -> Tensor:
    """How far the critic's slope is from 1 between two batches: the penalty of Gulrajani et al. (2017), a scalar."""
    size = min(len(first), len(second))
    share = torch.rand(size, 1, device=first.device).to(first)
    between = (share * first[:size] + (1 - share) * second[:size]).requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    penalty: Tensor = (slope.norm(dim=1) - 1).square().mean()
    return penalty


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
