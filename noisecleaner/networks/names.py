"""How backbones are named: `A`, `A+B`, `A@160+B@192`; known without torch."""

from __future__ import annotations

import re

from noisecleaner.errors import NoisecleanerError, quoted
from noisecleaner.ingest.files.places import absolute
from noisecleaner.registry import backbone_spellings

#: A network's name, and the edge length of its images where they are to have another than its own.
_PART = re.compile(r"(?P<name>[^@]+)(?:@(?P<size>[1-9][0-9]{0,4}))?")


def parts_of(name: str, size: int | None) -> dict[str, int | None]:
    """Read a name: each network with the edge length of its images, None where it is to take its own.

    Args:
        name: of one network or of several.
        size: edge length where the name has none.

    Raises:
        NoisecleanerError: it cannot be read.
    """
    read = [_PART.fullmatch(part) for part in name.split("+")]
    asked = {part["name"]: int(part["size"] or 0) or size for part in read if part}
    if len(asked) < len(read):
        raise NoisecleanerError(
            f"`Model.backbone` needs the name of a network, or different ones joined by +, each perhaps with @ and "
            f"an edge length of images, but it is {quoted(name)}.",
            "Give `Model(backbone='efficientnet-lite0+efficientnet-lite2')`, for example.",
        )
    return asked


def placed(name: str) -> str:
    """Return a name whose files are absolute paths, because a fit may be resumed from elsewhere."""
    files = [file for file, spelling in backbone_spellings().items() if spelling.endswith("FILE")]

    def one(part: str) -> str:
        file, colon, path = part.partition(":")
        return f"{file}:{absolute(path)}" if colon and path and file in files else part

    return "+".join(map(one, name.split("+")))
