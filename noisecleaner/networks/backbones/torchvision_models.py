"""Any torchvision classification model, its last layer taken off."""

from __future__ import annotations

from typing import Any
from urllib.error import URLError

from torch import Tensor, nn

from noisecleaner.errors import NoisecleanerError
from noisecleaner.networks.backbones import Backbone, Normalise

#: What `methods` says of the networks of this file, whose names only torchvision knows.
FAMILY = "every torchvision classification model, such as resnet18, convnext_tiny or vit_b_16"
#: Channel means and deviations of ImageNet, which torchvision's weights were trained with, on the 0 to 255 scale.
_MEAN = (123.675, 116.28, 103.53)
_DEVIATION = (58.395, 57.12, 57.375)


class TorchvisionBackbone(Backbone):
    """A torchvision classification model that returns what its last layer would have received.

    Args:
        network: the model.
        size: edge length of the images.
        trained: whether its weights are pretrained.
    """

    learning_rate = 0.02

    def __init__(self, network: nn.Module, size: int, trained: bool) -> None:
        super().__init__()
        self.size, self.trained = size, trained
        self.normalise = Normalise(_MEAN, _DEVIATION)
        self.network = network
        self.width = _remove_last_layer(network)

    def features(self, pixels: Tensor) -> Tensor:
        """Turn pixels [batch, 3, size, size] into features [batch, width]."""
        features: Tensor = self.network(self.normalise(pixels))
        return features.flatten(1)


def names() -> list[str]:
    """List the classification models of the installed torchvision."""
    from torchvision import models

    return sorted(str(name) for name in models.list_models(module=models))


def build(name: str, *, size: int | None, pretrained: bool) -> Backbone:
    """Make a model; `pretrained` fetches torchvision's default weights from its hub (or its cache).

    Raises:
        NoisecleanerError: the hub cannot be reached.
    """
    from torchvision import models

    options: dict[str, Any] = {"image_size": size} if name.startswith("vit_") and size else {}
    try:
        network = models.get_model(name, weights="DEFAULT" if pretrained else None, **options)
    except ValueError as error:
        raise NoisecleanerError(f"{name} cannot be made ({error}).", "Leave `Model.image_size` out.") from error
    except (URLError, OSError) as error:
        raise NoisecleanerError(
            f"`Model(pretrained=True)` needs torchvision's weights of {name}, but they could not be downloaded "
            f"({error}).",
            "Connect to the internet, or give a local copy with `Model(weights=FILE.safetensors)`.",
        ) from error
    if getattr(network, "aux_logits", False):  # Inception's extra outputs only serve its own training recipe
        network.aux_logits = False
        for branch in ("aux1", "aux2", "AuxLogits"):
            setattr(network, branch, None)
    return TorchvisionBackbone(network, size or _native_size(name, pretrained), pretrained)


def _native_size(name: str, pretrained: bool) -> int:
    from torchvision import models

    if pretrained:
        return int(models.get_model_weights(name).DEFAULT.transforms().crop_size[0])
    return 299 if name == "inception_v3" else 224


def _remove_last_layer(network: nn.Module) -> int:
    """Replace the last linear layer (SqueezeNet: convolution) by nothing; return how many features it took."""
    kinds = (nn.Linear, nn.Conv2d)
    path, layer = [(n, m) for n, m in network.named_modules() if isinstance(m, kinds)][-1]
    parent, _, name = path.rpartition(".")
    setattr(network.get_submodule(parent), name, nn.Identity())
    return layer.in_features if isinstance(layer, nn.Linear) else layer.in_channels
