"""What a network takes and gives: enough to build it again, and known without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from noisecleaner.networks.cards import Card


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Everything but the weights, so that a saved auditor can be built again.

    Args:
        kind: what the network takes: pixels, vectors (embeddings or features), or log probabilities.
        classes: number of classes.
        width: length of a vector, or number of the backbone's features, of two networks those of both.
        backbone: the backbone's name, None for the user's vectors. Where several are joined: all names, with sizes.
        size: edge length of the images, None for vectors and where several backbones have their own.
        hidden: units of a hidden layer in the head on vectors, 0 for none.
        rooted: whether the head takes the square root of vectors, because they are never below zero.
        cards: what the backbone was, or each of several; empty for the user's vectors, and in runs of earlier versions.
        networks: how many of them are trained together and judge by their mean, 1 or 2; see `networks/twins.py`.
        views: whether a second head sees the backbone's features beside others, and judges; see `networks/views.py`.
    """

    kind: Literal["pixels", "vectors", "probabilities"]
    classes: int
    width: int
    backbone: str | None = None
    size: int | None = None
    hidden: int = 0
    rooted: bool = False
    views: bool = False
    networks: int = 1
    cards: tuple[Card, ...] = ()

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Shape:
        """Bring back what `dataclasses.asdict` made, in this version or in an earlier one.

        Raises:
            KeyError, TypeError, ValueError: it is no such thing.
        """
        return cls(**{**content, "cards": tuple(map(Card.from_json, content.get("cards", ())))})
