"""CifarNet, the small AlexNet of Zhang et al. (2017) that Deep Bilevel Learning uses (section 5.1)."""

from __future__ import annotations

from torch import Tensor, nn

from noisecleaner.networks.backbones import Backbone, centred, refuse_pretrained

#: Nobody has published weights.
PUBLISHED = False


class CifarNet(Backbone):
    """Two 5x5 convolutions of 64 channels, each with overlapping 3x3 pooling, and layers of 384 and 192 units.

    With images of 28 pixels (CIFAR's, cropped) it has the 1,387,786 parameters of Zhang et al. They normalise local
    responses behind each pooling; that is left out here. The one dropout layer of section 5.1 stands between the two
    layers of units.

    Args:
        size: edge length of the images.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size, self.width = size, 192
        edge = (size + 3) // 4  # each pooling halves, rounded up
        self.layers = nn.Sequential(
            centred(),
            nn.Conv2d(3, 64, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, padding=1),
            nn.Conv2d(64, 64, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, padding=1),
            nn.Flatten(),
            nn.Linear(64 * edge * edge, 384),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(384, 192),
            nn.ReLU(),
        )

    def features(self, pixels: Tensor) -> Tensor:
        """Turn pixels [batch, 3, size, size] into features [batch, 192]."""
        features: Tensor = self.layers(pixels)
        return features


def names() -> list[str]:
    """Name the one network of this file."""
    return ["cifarnet"]


def build(name: str, *, size: int | None, pretrained: bool) -> Backbone:
    """Make the network; it has no pretrained weights."""
    refuse_pretrained(name, pretrained)
    return CifarNet(size or 28)
