"""What a backbone's name stands for: one network, or several (`A+B`) whose features stand side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.networks.backbones import Backbone, build, published, restore
from noisecleaner.networks.cards import Card, free, non_commercial
from noisecleaner.networks.names import parts_of
from noisecleaner.networks.shapes import Shape
from noisecleaner.networks.weights import read_weights
from noisecleaner.notices import Notice, Severity
from noisecleaner.settings import Crop
from noisecleaner.texts import counted


@dataclass(frozen=True, kw_only=True)
class Joined:
    """One backbone, or several that each see an image at their own size.

    Args:
        names: of the backbones.
        parts: they themselves.
    """

    names: tuple[str, ...]
    parts: tuple[Backbone, ...]

    @classmethod
    def build(
        cls, name: str, *, size: int | None, pretrained: bool, weights: Path | None, crop: Crop | None = None
    ) -> Joined:
        """Make what a name stands for.

        Args:
            name: `A`, `A+B`, or `A@160+B@192` where images are to have these edge lengths.
            size: edge length of all images without one in the name; None takes each backbone's own.
            pretrained: see `backbones.build`.
            weights: likewise; only for one backbone.
            crop: how an image becomes a square; None takes each backbone's own way.

        Raises:
            NoisecleanerError: the name cannot be read or is unknown, or the weights cannot be had.
        """
        asked = parts_of(name, size)
        if weights is not None and len(asked) > 1:
            raise NoisecleanerError(
                f"`Model.weights` is a file of one network's weights, but `Model.backbone` names "
                f"{counted(len(asked), 'network')}: {listed(list(asked))}.",
                "Leave one of them out.",
            )
        parts = tuple(build(one, size=edge, pretrained=pretrained, weights=weights) for one, edge in asked.items())
        for part in parts:
            part.cropped(crop)
        called = tuple(part.called or name for name, part in zip(asked, parts, strict=True))
        return cls(names=called if len(set(called)) == len(called) else tuple(asked), parts=parts)

    @classmethod
    def restore(cls, shape: Shape, path: Path) -> Joined:
        """Make those again whose features a head was trained on.

        Args:
            shape: of the network that has the head.
            path: a safetensors file that holds `tensors`.

        Raises:
            NoisecleanerError: the file is no safetensors file or damaged, its tensors do not fit, or what provides a
                network is missing.
        """
        tensors, asked = read_weights(path), parts_of(str(shape.backbone), shape.size)
        cards: Sequence[Card | None] = shape.cards or [None] * len(asked)
        parts = []
        for number, ((name, size), card) in enumerate(zip(asked.items(), cards, strict=True)):
            start = f"{number}." if len(asked) > 1 else ""
            own = {key.removeprefix(start): tensor for key, tensor in tensors.items() if key.startswith(start)}
            parts.append(restore(name, size=size, card=card, tensors=own, path=path))
        return cls(names=tuple(asked), parts=tuple(parts))

    @property
    def name(self) -> str:
        """What makes the same again: of several backbones the sizes are a part of it."""
        if len(self.parts) == 1:
            return self.names[0]
        return "+".join(f"{name}@{part.size}" for name, part in self._named())

    @property
    def size(self) -> int | None:
        """Edge length of the images of one backbone; None for several."""
        return self.parts[0].size if len(self.parts) == 1 else None

    @property
    def width(self) -> int:
        """Number of features."""
        return sum(part.width for part in self.parts)

    @property
    def untrained(self) -> list[str]:
        """Names of the backbones that would start from random weights."""
        return [name for name, part in self._named() if not part.trained]

    def ways_to_weights(self) -> str:
        """Say what gives weights to those that would start from random ones: options, as the object of a verb."""
        ways = ["`Model(pretrained=True)`"] if all(map(published, self.untrained)) else []
        ways += ["`Model(weights=FILE.safetensors)`", "`Model(weights=RUN)`"] if len(self.parts) == 1 else []
        return " or ".join([", ".join(ways[:-1]), ways[-1]] if ways[1:] else ways)

    def words(self) -> str:
        """Say which backbones there are, and at which size."""
        return " and ".join(f"{name} at {part.framing.words()}" for name, part in self._named())

    def cards(self) -> tuple[Card, ...]:
        """Describe the backbones, in their order."""
        return tuple(part.card(name) for name, part in self._named())

    def notices(self) -> tuple[Notice, ...]:
        """Say which licence published weights have, and warn where it grants no commercial use, or of poor features."""
        licences = [_licence(name, part.licence) for name, part in self._named() if part.licence]
        caveats = [Notice(code="backbone", message=part.caveat) for part in self.parts if part.caveat]
        return (*licences, *caveats)

    @torch.no_grad()
    def check_sizes(self) -> None:
        """Try the sizes of images before anything is decoded.

        Raises:
            NoisecleanerError: a backbone does not take images of its size.
        """
        for name, part in self._named():
            part.eval()
            try:
                part(torch.zeros(1, 3, part.size, part.size))
            except (RuntimeError, ValueError, AssertionError) as error:
                raise NoisecleanerError(
                    f"{name} cannot take images of {part.size} pixels ({str(error).splitlines()[0]}).",
                    "Give a larger `Model.image_size`, or leave it out.",
                ) from error
            part.train()

    def tensors(self) -> Mapping[str, Tensor]:
        """All weights by name, as `restore` reads them: those of several backbones begin with their number."""
        if len(self.parts) == 1:
            return self.parts[0].state_dict()
        states = [(number, part.state_dict()) for number, part in enumerate(self.parts)]
        return {f"{number}.{name}": tensor for number, state in states for name, tensor in state.items()}

    def _named(self) -> list[tuple[str, Backbone]]:
        return list(zip(self.names, self.parts, strict=True))


def _licence(name: str, licence: str) -> Notice:
    if non_commercial(licence):
        message = (
            f"The weights of {name} have the licence {licence}, which grants no commercial use. Read it before you use "
            "what comes of them, or choose others."
        )
        return Notice(code="non-commercial-weights", message=message)
    terms = "." if free(licence) else ", whose terms are its own: read them before you use what comes of the weights."
    message = f"The weights of {name} have the licence {licence}{terms}"
    return Notice(code="licence", message=message, severity=Severity.NOTE)
