"""What annotation tools write: one file = one format, recognised by what a file holds. They bring labels, no images.

A file has `ENDINGS`, `WHAT`, `recognises` and `read`, see `Format`.
"""

from __future__ import annotations

from functools import cache
from typing import Protocol, cast

from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.annotations._containers import below, member
from noisecleaner.ingest.annotations._document import Document
from noisecleaner.ingest.annotations._marks import Annotations
from noisecleaner.ingest.files.kinds import ending_of
from noisecleaner.ingest.files.places import Place
from noisecleaner.registry import module_in, names_in

__all__ = ["Annotations", "Document", "Format", "format_of", "formats", "labels_in", "read_annotations", "tool_export"]


class Format(Protocol):
    """What a file of this folder offers; `TABULAR = True` on top where such files are tables of rows, too.

    Attributes:
        ENDINGS: of the names of such files, lower case, with their dot.
        WHAT: what such a file holds, in words.
        USUAL: how the tool calls such a file where it exports a folder or an archive; empty where it does neither.
    """

    ENDINGS: tuple[str, ...]
    WHAT: str
    USUAL: tuple[str, ...]

    def recognises(self, document: Document) -> bool:
        """Whether a file with such an ending is one of this format; False for anything that cannot be read."""
        ...

    def read(self, document: Document) -> Annotations:
        """Read the labels.

        Raises:
            NoisecleanerError: it holds none that name one class of one image.
        """
        ...


@cache
def formats() -> tuple[Format, ...]:
    """List the formats."""
    modules = [module_in("ingest.annotations", name, parameter="a format") for name in names_in("ingest.annotations")]
    return tuple(cast(list[Format], modules))


def format_of(document: Document) -> Format | None:
    """Find the format of a file; None where it is none of them.

    Raises:
        NoisecleanerError: reading it would do harm.
    """
    ending = ending_of(document.place.name)
    return next((one for one in formats() if ending in one.ENDINGS and one.recognises(document)), None)


def tool_export(document: Document) -> str | None:
    """Say what a file holds that is an export of an annotation tool and no table; None for all others."""
    found = format_of(document)
    return None if found is None or getattr(found, "TABULAR", False) else found.WHAT


def read_annotations(place: Place) -> Annotations | None:
    """Read the labels that a file of an annotation tool holds; None where it is no such file.

    Raises:
        NoisecleanerError: it is one, and holds no label that can be used; or reading it would do harm.
    """
    if not any(ending_of(place.name) in one.ENDINGS for one in formats()) or not place.is_file():
        return None
    document = Document(place)
    document.refuse_large()
    found = format_of(document)
    return None if found is None else found.read(document)


def labels_in(place: Place) -> Place | None:
    """Find the labels in what an annotation tool exports as a folder or as an archive; None where it is no such thing.

    Raises:
        NoisecleanerError: an archive cannot be read, or a folder holds several files of labels.
    """
    names = tuple(name for one in formats() for name in getattr(one, "USUAL", ()))
    if not place.is_dir():
        return member(place, names) if ending_of(place.name) == ".zip" and place.is_file() else None
    found = [file for file in below(place, names) if format_of(Document(file)) is not None]
    if len(found) > 1:
        raise NoisecleanerError(
            f"Labels of an annotation tool are read from one file, but {place} holds "
            f"{len(found):,} ({listed([str(file) for file in found], 4)}).",
            "Give one of them, or put their labels into one table.",
        )
    return found[0] if found else None
