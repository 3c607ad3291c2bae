"""What a backbone was, as runs and embeddings keep it: enough to make the same again, and known without torch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from noisecleaner.images.framing import Framing

#: Licences that grant use for any purpose, as model cards name them.
_FREE = frozenset({"apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "cc-by-4.0", "cc0-1.0"})
#: Parts of a licence's name by which it grants none but non-commercial use; Apple's is "exclusively for Research
#: Purposes", Meta's of SEER is that of its research models.
_NON_COMMERCIAL = ("-nc", "noncommercial", "non-commercial", "apple-amlr", "seer-license")


@dataclass(frozen=True, kw_only=True)
class Card:
    """A backbone that gave features.

    Args:
        name: as `Model.backbone` names it, without an edge length.
        framing: how it wants its images.
        width: number of its features.
        mean: what is subtracted from each channel, on the 0 to 255 scale; empty where the network does that itself.
        deviation: what each channel is divided by then.
        package: what provides it, with its version, such as `timm 1.0.31`; None where it is a part of noisecleaner.
        licence: of its published weights, as their model card names it; None where nobody says.
        digest: SHA-256 of its weights; None where they are trained.
    """

    name: str
    framing: Framing
    width: int
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()
    package: str | None = None
    licence: str | None = None
    digest: str | None = None

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Card:
        """Bring back what `dataclasses.asdict` made.

        Raises:
            KeyError, TypeError, ValueError: it is no such thing.
        """
        mean, deviation = (tuple(map(float, content[name])) for name in ("mean", "deviation"))
        framing = Framing.from_json(content["framing"])
        return cls(**{**content, "framing": framing, "mean": mean, "deviation": deviation})

    def __str__(self) -> str:
        return f"{self.name} at {self.framing.words()}"


def crops(cards: Sequence[Card]) -> str:
    """Say how images become what networks look at, the same for the same: `squash`, or with all that is unusual."""
    looks = [card.framing.look() for card in cards]
    return looks[0] if len(set(looks)) == 1 else "+".join(looks) or Framing(1).look()


def identity(cards: Sequence[Card]) -> str:
    """Tell in a line what made features: equal lines, equal features of the same image."""
    made = ((card.digest, card.framing, card.mean, card.deviation) for card in cards)
    return hashlib.sha256(repr(list(made)).encode()).hexdigest()


def non_commercial(licence: str | None) -> bool:
    """Whether the name of a licence says that it grants no commercial use."""
    return licence is not None and any(part in licence for part in _NON_COMMERCIAL)


def free(licence: str | None) -> bool:
    """Whether the name of a licence says that it grants any use."""
    return licence in _FREE
