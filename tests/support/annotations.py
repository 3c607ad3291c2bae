"""Files as annotation tools write them, by hand after their documentation."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from xml.sax.saxutils import quoteattr

#: What an image is called -> its class; None where nobody gave one.
Labels = Mapping[str, str | None]


def choice(label: str, question: str = "label") -> dict[str, Any]:
    """A result of Label Studio: one class of the whole image."""
    return {
        "id": "Dx_aB91ISN",
        "from_name": question,
        "to_name": "image",
        "type": "choices",
        "origin": "manual",
        "value": {"choices": [label]},
    }


def task(image: str, *annotations: Mapping[str, Any], **data: Any) -> dict[str, Any]:
    """A task of Label Studio."""
    return {"id": 7, "data": {"image": image, **data}, "annotations": list(annotations), "predictions": []}


def annotation(label: str | None, by: Any = 1, at: str = "2024-03-09T22:16:08.728353Z", **more: Any) -> dict[str, Any]:
    """An annotation of Label Studio."""
    results = [] if label is None else [choice(label)]
    facts = {"was_cancelled": False, "ground_truth": False, "created_at": at, "updated_at": at, "lead_time": 4.288}
    return {"id": 1001, "completed_by": by, "result": results, **facts, **more}


def _label_studio(labels: Labels) -> str:
    return json.dumps([task(name, *([] if label is None else [annotation(label)])) for name, label in labels.items()])


def _label_studio_min(labels: Labels) -> str:
    rows = [
        {"image": name, "id": number, **({} if label is None else {"label": label}), **_TOLD, "annotation_id": number}
        for number, (name, label) in enumerate(labels.items())
    ]
    return json.dumps(rows)


_TOLD = {"annotator": 1, "created_at": "2024-03-09T22:16:08Z", "updated_at": "2024-03-09T22:16:08Z", "lead_time": 4.2}


def cvat(*images: str) -> str:
    """An export of CVAT, with these elements inside."""
    meta = "<meta><task><id>1</id><name>n</name><labels><label><name>cat</name></label></labels></task></meta>"
    inside = f"<version>1.1</version>{meta}{''.join(images)}"
    return f'<?xml version="1.0" encoding="utf-8"?>\n<annotations>{inside}</annotations>'


def image(name: str, *inside: str) -> str:
    """An image of CVAT."""
    return f'<image id="0" name={quoteattr(name)} width="365" height="400">{"".join(inside)}</image>'


def tag(label: str, source: str = "manual") -> str:
    """A tag of CVAT."""
    return f'<tag label={quoteattr(label)} source="{source}"></tag>'


def _cvat(labels: Labels) -> str:
    return cvat(*(image(name, *([] if label is None else [tag(label)])) for name, label in labels.items()))


def _fiftyone(labels: Labels) -> str:
    classes = sorted({label for label in labels.values() if label is not None})
    numbers = {name: None if label is None else classes.index(label) for name, label in labels.items()}
    return json.dumps({"classes": classes, "labels": {name.rpartition(".")[0]: n for name, n in numbers.items()}})


#: Name of the format -> the text of a file. A new format needs a line here for its contract.
WRITERS: dict[str, Callable[[Labels], str]] = {
    "label-studio": _label_studio,
    "label-studio-min": _label_studio_min,
    "cvat": _cvat,
    "fiftyone": _fiftyone,
    "dropped-in": lambda labels: "".join(f"{name} is {label}\n" for name, label in labels.items()),
}
