"""A file of an annotation tool: read at most once, with a limit to everything that may grow."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from xml.parsers import expat

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.files.json_text import load_json
from noisecleaner.ingest.files.places import Place

#: Bytes of a file of labels: millions of them fit.
_MOST_BYTES = 2**30
#: Elements within elements of XML.
_DEEPEST = 64


class _NoXmlError(Exception):
    """What is no XML that we read."""


@dataclass(frozen=True, kw_only=True)
class Element:
    """An element of XML.

    Args:
        tag: its name.
        attributes: name -> value.
        depth: elements around it.
        parts: the text in it, as it was read.
    """

    tag: str
    attributes: dict[str, str]
    depth: int
    parts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text in it, but for that in other elements."""
        return "".join(self.parts)


@dataclass(frozen=True)
class Document:
    """A file that may be one of an annotation tool."""

    place: Place

    @cached_property
    def json(self) -> Any:
        """What a file of JSON holds; None where it is none.

        Raises:
            NoisecleanerError: it is nested too deeply.
        """
        try:
            return load_json(self.place)
        except ValueError:  # no JSON, or no text
            return None

    @cached_property
    def elements(self) -> tuple[Element, ...]:
        """The elements of a file of XML in their order; `()` where it is none.

        Raises:
            NoisecleanerError: it is nested too deeply, or declares types or entities.
        """
        found: list[Element] = []
        try:
            _parse(self.place, found)
        except (expat.ExpatError, _NoXmlError, ValueError, LookupError):  # an encoding that Python does not know
            return ()
        return tuple(found)

    def refuse_large(self) -> None:
        """Refuse a file that is larger than any of labels.

        Raises:
            NoisecleanerError: it is.
        """
        size = self.place.size() or 0
        if size > _MOST_BYTES:
            raise NoisecleanerError(
                f"A file of labels may have {_MOST_BYTES // 2**20:,} MiB, but {self.place} has {size // 2**20:,}.",
                "Export fewer tasks at a time, or write a table (Parquet) of ids and labels.",
            )


def _parse(place: Place, found: list[Element]) -> None:
    around: list[Element] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        if len(around) >= _DEEPEST:
            raise NoisecleanerError(
                f"XML may have elements within elements up to {_DEEPEST} deep, but {place} has more.",
                "Check what wrote it: no annotation tool nests so deeply.",
            )
        around.append(Element(tag=tag, attributes=attributes, depth=len(around)))
        found.append(around[-1])

    def end(_: str) -> None:
        around.pop()

    def text(words: str) -> None:
        if around:
            around[-1].parts.append(words)

    def declaration(*_: object) -> None:
        raise NoisecleanerError(
            f"XML of an annotation tool declares no types and no entities, but {place} does (<!DOCTYPE …>).",
            "Such declarations can fill the memory, and are never read: export the file again, or take them out.",
        )

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = declaration
    parser.EntityDeclHandler = declaration
    with place.open() as file:
        while block := bytes(file.read(2**20)):
            parser.Parse(block, False)
    parser.Parse(b"", True)
