"""Two views of an image side by side, for the second round: of no label, and of a backbone trained end to end."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from noisecleaner.networks.backbones import Backbone
from noisecleaner.networks.heads import Standardise
from noisecleaner.networks.network import Network
from noisecleaner.networks.patches import Patches
from noisecleaner.networks.twins import TwinHead

_BACKBONE = "trunk.backbone."


class Views(nn.Module):
    """Pixels -> standardised features: those of `Patches`, and behind them the backbone's.

    Where a mirrored image keeps its label, features are the mean over both.

    Args:
        backbone: as it was trained.
    """

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone, self.patches = backbone, Patches(backbone.size)
        self.standardise = Standardise(sum(self.widths))

    @property
    def widths(self) -> tuple[int, int]:
        """Number of features of either view."""
        return self.patches.width, self.backbone.width

    def features(self, pixels: Tensor) -> Tensor:
        """Turn pixels of shape [n, 3, size, size], 0 to 255, into features [n, sum of `widths`] as they are."""
        sides = [pixels, pixels.flip(-1)] if self.backbone.flips else [pixels]
        seen = [torch.cat([self.patches(side), self.backbone(side)], dim=1) for side in sides]
        return torch.stack(seen).mean(dim=0)

    def forward(self, pixels: Tensor) -> Tensor:
        """The same, standardised, shape [n, sum of `widths`]."""
        standardised: Tensor = self.standardise(self.features(pixels))
        return standardised


def with_views(network: Network) -> Network:
    """Put a linear head on both views of the trunk of a network, as yet without weights of its own.

    Args:
        network: a backbone with a linear head, or two of them.

    Raises:
        TypeError: it is another network.
    """
    if not (isinstance(network.trunk, Backbone) and isinstance(network.head, nn.Linear | TwinHead)):
        raise TypeError("views are of a backbone with a linear head")
    views = Views(network.trunk)
    return Network(trunk=views, head=nn.Linear(sum(views.widths), network.head.out_features))


def added_tensors(network: Network) -> dict[str, Tensor]:
    """What `with_views` adds to the tensors of a network."""
    return {name: value for name, value in network.state_dict().items() if not name.startswith(_BACKBONE)}


def load_added(network: Network, tensors: Mapping[str, Tensor]) -> None:
    """Take over what `added_tensors` returned; the backbone stays.

    Raises:
        RuntimeError: the tensors do not fit.
    """
    own = {name: value for name, value in network.state_dict().items() if name.startswith(_BACKBONE)}
    network.load_state_dict({**own, **tensors})
