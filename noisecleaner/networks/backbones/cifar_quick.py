"""CIFAR-10 Quick, Caffe's small network (the one of SOSELETO, Table 1), for images of 32 pixels."""

from __future__ import annotations

from torch import Tensor, nn

from noisecleaner.networks.backbones import Backbone, centred, refuse_pretrained

#: Nobody has published weights.
PUBLISHED = False


class CifarQuick(Backbone):
    """Three 5x5 convolutions, each followed by overlapping 3x3 pooling, and a layer of 64 units.

    Caffe rounds the size of pooled maps up, hence `ceil_mode`; 32 pixels give maps of 16, 8 and 4.

    Args:
        size: edge length of the images.
    """

    learning_rate = 0.05  # of 0.01, 0.03 and 0.05 the best by 14 epochs on 6,000 rows of CIFAR-10N

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size, self.width = size, 64
        edge = size
        for _ in range(3):
            edge = -(-(edge - 3) // 2) + 1
        self.layers = nn.Sequential(
            centred(),
            nn.Conv2d(3, 32, 5, padding=2),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            nn.ReLU(),
            nn.Conv2d(32, 32, 5, padding=2),
            nn.ReLU(),
            nn.AvgPool2d(3, 2, ceil_mode=True),
            nn.Conv2d(32, 64, 5, padding=2),
            nn.ReLU(),
            nn.AvgPool2d(3, 2, ceil_mode=True),
            nn.Flatten(),
            nn.Linear(64 * edge * edge, 64),
        )

    def features(self, pixels: Tensor) -> Tensor:
        """Turn pixels [batch, 3, size, size] into features [batch, 64]."""
        features: Tensor = self.layers(pixels)
        return features


def names() -> list[str]:
    """Name the one network of this file."""
    return ["cifar-quick"]


def build(name: str, *, size: int | None, pretrained: bool) -> Backbone:
    """Make the network; it has no pretrained weights."""
    refuse_pretrained(name, pretrained)
    return CifarQuick(size or 32)
