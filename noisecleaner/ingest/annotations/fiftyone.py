"""FiftyOne's labels.json of a FiftyOneImageClassificationDataset: names without endings, classes by name or number."""

from __future__ import annotations

from collections import Counter
from typing import Any

from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.annotations._document import Document
from noisecleaner.ingest.annotations._marks import Annotations, Found, Mark, as_word

ENDINGS = (".json",)
WHAT = "labels of FiftyOne"
USUAL = ("labels.json",)

_QUESTION = "label"


def recognises(document: Document) -> bool:
    """Whether a file is an object with classes, which may be null, and labels by the names of images."""
    content = document.json
    return (
        isinstance(content, dict)
        and isinstance(content.get("labels"), dict)
        and "classes" in content
        and (content["classes"] is None or isinstance(content["classes"], list))
    )


def read(document: Document) -> Annotations:
    """Read a class for each name.

    Raises:
        NoisecleanerError: a number stands for no class, or no name has one class.
    """
    classes = document.json["classes"]
    names = None if classes is None else [as_word(name) for name in classes]
    shapes: Counter[str] = Counter()
    marks = []
    for key, value in document.json["labels"].items():
        some = value if isinstance(value, list) else [value]
        boxes = sum(isinstance(one, dict) and ("bounding_box" in one or "points" in one) for one in some)
        if boxes:
            shapes["boxes"] += boxes
        labels = [] if boxes else [_class(one, names, document) for one in some]
        known = [label for label in labels if label is not None]
        marks.append(Mark(file=as_word(key), labels={_QUESTION: known}, facts=_facts(value)))
    return Found(place=document.place, tool="FiftyOne", marks=marks, shapes=shapes).annotations()


def _facts(value: Any) -> dict[str, str]:
    """The attributes of a label, as text."""
    attributes = value.get("attributes") if isinstance(value, dict) else None
    if not isinstance(attributes, dict):
        return {}
    return {str(as_word(key)): word for key, one in attributes.items() if (word := as_word(one)) is not None}


def _class(value: Any, names: list[str | None] | None, document: Document) -> str | None:
    """The name of a class that is given as name, as number, or as an object with one of them."""
    if isinstance(value, dict):
        value = value.get("label")
    if isinstance(value, bool) or not isinstance(value, int) or names is None:
        return as_word(value)
    if not 0 <= value < len(names):
        raise NoisecleanerError(
            f"A number in {document.place} (FiftyOne) must be the place of a class, from 0 to {len(names) - 1:,} "
            f"({listed(names, 5)}), but one is {value:,}.",
            "Export it again, or write names in place of numbers.",
        )
    return names[value]
