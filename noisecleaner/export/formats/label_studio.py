"""Label Studio: tasks.json with what the copy says as predictions, label_config.xml, and images/ to serve."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from noisecleaner import __version__
from noisecleaner.export.copying import Copy
from noisecleaner.export.file_names import spelling_for
from noisecleaner.export.image_names import FlatNames
from noisecleaner.export.items import Item, column_names, items, renamed
from noisecleaner.export.xml_texts import renamed_classes, xml_names
from noisecleaner.notices import Notice
from noisecleaner.progress import Stage

NEEDS_IMAGES = True
NEXT = (
    "Start Label Studio with LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true and "
    "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT={out}, make a project with {out}/label_config.xml, add {out}/images as "
    "local storage, and import {out}/tasks.json."
)
#: The field of a task that names its image, and the longest name of a choice.
_IMAGE, _LONGEST = "image", 1000


def write(folder: Path, copy: Copy, stage: Stage) -> list[Notice]:
    """Write the images, the tasks in the order of the dataset, and the interface with a choice for each class."""
    (folder / "images").mkdir()
    choices = xml_names(copy.classes, _LONGEST)
    (folder / "label_config.xml").write_bytes(_config(choices))
    named, names = dict(zip(copy.classes, choices, strict=True)), FlatNames(copy, spelling_for(folder))
    tasks = _tasks(folder / "images", copy, names, named)
    with (folder / "tasks.json").open("w", encoding="utf-8") as file:
        file.write("[")
        for place, task in enumerate(tasks):
            file.write(",\n" if place else "\n")
            file.write(json.dumps(task, ensure_ascii=False, allow_nan=False))
            stage.advance()
        file.write("\n]\n")
    return [*names.stems.notices(), *renamed_classes(named, tool="Label Studio")]


def _config(choices: list[str]) -> bytes:
    view = Element("View")
    SubElement(view, "Image", name=_IMAGE, value=f"${_IMAGE}")
    options = SubElement(view, "Choices", name="label", toName=_IMAGE, choice="single-radio", required="true")
    for choice in choices:
        SubElement(options, "Choice", value=choice)
    indent(view)
    return bytes(tostring(view, encoding="utf-8")) + b"\n"


def _tasks(images: Path, copy: Copy, names: FlatNames, choices: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Write the images, and yield the task of each."""
    fields = renamed(column_names(copy), lambda name: name == _IMAGE)
    for item in items(copy):
        file = names.file(item.row, item.content)
        (images / file).write_bytes(item.content)
        data = {fields[name]: value for name, value in item.columns.items()}
        # from the copy's own folder, so that it may be moved and called anything
        task = {"data": {_IMAGE: f"/data/local-files/?d={quote(f'images/{file}')}", **data}}
        yield task | {"predictions": _predictions(item, choices)}


def _predictions(item: Item, choices: Mapping[str, str]) -> list[dict[str, Any]]:
    """What the copy says of a row; of a flagged one that is kept, its suggestion."""
    name, score = item.suggestion or (item.name, item.confidence)
    if name is None:
        return []
    told = {} if score is None else {"score": score}
    result = {
        "id": f"nc-{item.row}",
        "from_name": "label",
        "to_name": _IMAGE,
        "type": "choices",
        "value": {"choices": [choices[name]]},
        **told,
    }
    return [{"model_version": f"noisecleaner-{__version__}", **told, "result": [result]}]
