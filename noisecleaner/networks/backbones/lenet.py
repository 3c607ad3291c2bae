"""LeNet as Caffe and SOSELETO (section 4.3) use it, for digits of 28 pixels."""

from __future__ import annotations

from torch import Tensor, nn

from noisecleaner.networks.backbones import Backbone, centred, refuse_pretrained

#: Nobody has published weights.
PUBLISHED = False


class LeNet(Backbone):
    """Two 5x5 convolutions with 2x2 pooling, and a layer of 500 units.

    Args:
        size: edge length of the images.
    """

    flips = False  # a mirrored digit is no digit

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size, self.width = size, 500
        edge = ((size - 4) // 2 - 4) // 2
        self.layers = nn.Sequential(
            centred(),
            nn.Conv2d(3, 20, 5),
            nn.MaxPool2d(2),
            nn.Conv2d(20, 50, 5),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(50 * edge * edge, 500),
            nn.ReLU(),
        )

    def features(self, pixels: Tensor) -> Tensor:
        """Turn pixels [batch, 3, size, size] into features [batch, 500]."""
        features: Tensor = self.layers(pixels)
        return features


def names() -> list[str]:
    """Name the one network of this file."""
    return ["lenet"]


def build(name: str, *, size: int | None, pretrained: bool) -> Backbone:
    """Make the network; it has no pretrained weights."""
    refuse_pretrained(name, pretrained)
    return LeNet(size or 28)
