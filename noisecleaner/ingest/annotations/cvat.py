"""CVAT's XML of images, version 1.1: the tags of each image, and their attributes, which may tell the id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.annotations._document import Document, Element
from noisecleaner.ingest.annotations._marks import Annotations, Found, Mark
from noisecleaner.notices import Notice
from noisecleaner.texts import agreeing, counted

ENDINGS = (".xml",)
WHAT = "annotations of CVAT"
USUAL = ("annotations.xml",)

_SHAPES = frozenset(("box", "polygon", "polyline", "points", "cuboid", "mask", "skeleton", "ellipse"))
_QUESTION = "tag"
#: Where a tag comes from that no person may have seen.
_UNSEEN = ("auto", "file")


def recognises(document: Document) -> bool:
    """Whether a file is an export of CVAT, of images or of a video."""
    elements = document.elements
    inside = {element.tag for element in elements if element.depth == 1}
    return bool(elements) and elements[0].tag == "annotations" and bool(inside & {"image", "track", "meta"})


def read(document: Document) -> Annotations:
    """Read the tags; where a person and a program gave some, those of the person.

    Raises:
        NoisecleanerError: it is of a video, or no image has one tag.
    """
    elements = [element for element in document.elements if 1 <= element.depth <= 3]
    if any(element.tag == "track" for element in elements if element.depth == 1):
        raise NoisecleanerError(
            f"Verified labels name the class of an image, but {document.place} (CVAT) holds tracks of a video.",
            "Export it as CVAT for images 1.1, with tags.",
        )
    images, shapes = _images(elements)
    marks = [
        Mark(file=image.name, labels={_QUESTION: image.people or image.programs}, facts=image.facts) for image in images
    ]
    guessed = sum(bool(image.programs and not image.people) for image in images)
    found = Found(place=document.place, tool="CVAT", marks=marks, shapes=shapes)
    return found.annotations(*_by_programs(document, guessed))


@dataclass(frozen=True)
class _Image:
    """An image: its name, the tags that people gave, those of programs and files, and attributes of the tags."""

    name: str | None
    people: list[str] = field(default_factory=list)
    programs: list[str] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)


def _images(elements: Iterable[Element]) -> tuple[list[_Image], Counter[str]]:
    """Collect the tags of each image, and count what was drawn in them."""
    shapes: Counter[str] = Counter()
    images, inside, tagged = [], False, False
    for element in elements:
        label = element.attributes.get("label")
        tagged = tagged and element.depth == 3
        if element.depth == 1:
            inside = element.tag == "image"
            if inside:
                images.append(_Image(element.attributes.get("name") or None))
        elif inside and element.tag == "tag" and label:
            tags = images[-1].programs if element.attributes.get("source") in _UNSEEN else images[-1].people
            tags.append(label)
            tagged = True
        elif inside and element.depth == 3 and element.tag == "attribute" and tagged and element.text:
            images[-1].facts.setdefault(element.attributes.get("name", ""), element.text)
        elif inside and element.tag in _SHAPES:
            shapes[element.tag] += 1
    return images, shapes


def _by_programs(document: Document, count: int) -> Iterator[Notice]:
    if count:
        yield Notice(
            code="annotations-automatic",
            message=f"{counted(count, 'tag')} of {document.place} {agreeing(count, 'was', 'were')} given by a program "
            'or a file (source="auto" or "file") and changed by nobody. They count as verified: that holds only if '
            "somebody looked at each of these images.",
        )
