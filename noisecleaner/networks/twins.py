"""Two networks of one kind that teach each other, as one: what it says of a row is the mean of what both say."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn

from noisecleaner.networks.backbones import Backbone, blank
from noisecleaner.networks.cards import Card
from noisecleaner.networks.network import Network


class Twins(Backbone):
    """Two backbones whose features stand side by side.

    Args:
        first: one of them, whose images and learning rate are those of both.
        second: the other, of the same kind, with weights of its own.
    """

    def __init__(self, first: Backbone, second: Backbone) -> None:
        super().__init__()
        self.size, self.width, self.flips = first.size, first.width + second.width, first.flips
        self.learning_rate, self.trained, self.licence = first.learning_rate, first.trained, first.licence
        self.framed(first.framing)
        self.parts = nn.ModuleList([first, second])

    @classmethod
    def beside(cls, backbone: Backbone, name: str, card: Card | None) -> Twins:
        """Put a second backbone beside one: with other first weights, or with the same where they are trained ones.

        Args:
            backbone: the first.
            name: of the backbone.
            card: what is noted of it.
        """
        other = deepcopy(backbone) if backbone.trained else blank(name, size=backbone.size, card=card)
        return cls(backbone, other)

    def features(self, pixels: Tensor) -> Tensor:
        """Turn pixels of shape [batch, 3, size, size], 0 to 255, into the features of both [batch, width]."""
        return torch.cat([part(pixels) for part in self.parts], dim=1)


class TwinHead(nn.Module):
    """A linear classifier for the features of either of two backbones; its logits are the mean of both.

    Args:
        width: number of features of both together.
        classes: number of classes.
    """

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.out_features = classes
        self.parts = nn.ModuleList(nn.Linear(width // 2, classes) for _ in range(2))

    def forward(self, features: Tensor) -> Tensor:
        """Turn the features of both [n, width] into logits [n, classes]."""
        halves = zip(self.parts, features.chunk(2, dim=1), strict=True)
        return torch.stack([part(half) for part, half in halves]).mean(dim=0)


def members(network: Network) -> tuple[Network, Network]:
    """The two networks that one of `Twins` and `TwinHead` is made of; they share its parameters.

    Raises:
        TypeError: it is another network.
    """
    if not (isinstance(network.trunk, Twins) and isinstance(network.head, TwinHead)):
        raise TypeError("only a network of twins has members")
    first, second = (
        Network(trunk=trunk, head=head) for trunk, head in zip(network.trunk.parts, network.head.parts, strict=True)
    )
    return first, second
