"""What made the vectors of a table, as its metadata tells: vectors of two makers have nothing in common but numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import pyarrow as pa

from noisecleaner.arrays import Array
from noisecleaner.tables import METADATA_KEY
from noisecleaner.texts import parsed_json

#: The columns of tables that say what made their vectors.
EMBEDDING, SKIP_REASON = "embedding", "skip_reason"


@dataclass(frozen=True, kw_only=True)
class Maker:
    """What made vectors of images: equal makers make the same vectors of the same images.

    Args:
        backbone: name of the network; of several joined ones all names, with sizes.
        size: edge length of the images in pixels; None where several networks have their own.
        crop: how an image becomes a square.
        weights: digest of all weights, see `digest_of`.
    """

    backbone: str
    size: int | None
    crop: str
    weights: str

    @classmethod
    def of(cls, schema: pa.Schema) -> Maker | None:
        """Read what made the vectors of a table; None where it does not say so.

        Args:
            schema: of the table, with its metadata.
        """
        try:
            return cls.from_json(parsed_json((schema.metadata or {})[METADATA_KEY])["maker"])
        except (KeyError, ValueError, TypeError):  # metadata may be anybody's
            return None

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Maker:
        """Take what `to_json` gave.

        Raises:
            KeyError, TypeError: it is something else.
        """
        return cls(**{field.name: content[field.name] for field in fields(cls)})

    def to_json(self) -> dict[str, Any]:
        """Give plain values by the names of the fields."""
        return asdict(self)

    def words(self) -> str:
        """Say what it is: `efficientnet-lite0 at 224 px (squash)`."""
        size = f" at {self.size} px" if self.size is not None else ""
        return f"{self.backbone}{size} ({self.crop})"

    def differences(self, other: Maker) -> Iterator[str]:
        """Yield what differs, as this one has it."""
        if self.backbone != other.backbone:
            yield f"the network {self.backbone}"
        if self.size != other.size:
            yield f"images of {self.size} px" if self.size is not None else "images of several sizes"
        if self.crop != other.crop:
            yield f"the crop {self.crop}"
        if self.weights != other.weights:
            yield f"weights of the digest {self.weights}"


def digest_of(weights: Iterable[tuple[str, Array]]) -> str:
    """Tell all weights of a network in 16 characters.

    Args:
        weights: tensors by their names, in any order, each of any shape.
    """
    digest = hashlib.sha256()
    for name, array in sorted(weights, key=lambda pair: pair[0]):
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]
