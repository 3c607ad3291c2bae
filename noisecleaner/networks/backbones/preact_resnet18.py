"""PreActResNet-18 (He et al., 2016, "Identity Mappings in Deep Residual Networks"), the network of L2B, section 4.2."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

from noisecleaner.networks.backbones import Backbone, centred, refuse_pretrained

#: Nobody has published weights.
PUBLISHED = False


class Block(nn.Module):
    """Batch norm, ReLU and 3x3 convolution, twice, around a shortcut.

    Args:
        inputs: channels in.
        outputs: channels out.
        stride: of the first convolution and of the shortcut.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        changes = stride != 1 or inputs != outputs
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        """Map [batch, inputs, h, w] to [batch, outputs, h / stride, w / stride]."""
        active = functional.relu(self.norm1(x))
        kept = x if self.shortcut is None else self.shortcut(active)
        added: Tensor = self.conv2(functional.relu(self.norm2(self.conv1(active)))) + kept
        return added


class PreActResNet18(Backbone):
    """Four groups of two blocks with 64, 128, 256 and 512 channels, for images of 32 pixels and more.

    Args:
        size: edge length of the images.
    """

    learning_rate = 0.05

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size, self.width = size, 512
        channels = [64, 64, 128, 256, 512]
        groups = [
            nn.Sequential(Block(a, b, 1 if i == 0 else 2), Block(b, b, 1))
            for i, (a, b) in enumerate(pairwise(channels))
        ]
        self.layers = nn.Sequential(
            centred(),
            nn.Conv2d(3, 64, 3, padding=1, bias=False),
            *groups,
            nn.BatchNorm2d(512),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )

    def features(self, pixels: Tensor) -> Tensor:
        """Turn pixels [batch, 3, size, size] into features [batch, 512]."""
        features: Tensor = self.layers(pixels)
        return features


def names() -> list[str]:
    """Name the one network of this file."""
    return ["preact-resnet18"]


def build(name: str, *, size: int | None, pretrained: bool) -> Backbone:
    """Make the network; it has no pretrained weights."""
    refuse_pretrained(name, pretrained)
    return PreActResNet18(size or 32)
