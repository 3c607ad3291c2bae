"""FiftyOneImageClassificationDataset: data/ and labels.json with attributes, in a folder for each split."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from noisecleaner.export.copying import Copy
from noisecleaner.export.file_names import safe_names
from noisecleaner.export.image_names import FlatNames
from noisecleaner.export.items import Item, column_names, items, renamed
from noisecleaner.progress import Stage

NEEDS_IMAGES = True
NEXT = (
    'Import it with dataset.add_dir("{out}", fiftyone.types.FiftyOneImageClassificationDataset); where there are '
    "splits, each of their folders, with tags=SPLIT."
)
#: What a classification of FiftyOne has already.
_TAKEN = frozenset(("id", "label", "confidence", "logits", "tags", "dataset_dir", "field_names"))


def write(folder: Path, copy: Copy, stage: Stage) -> None:
    """Write the images and labels of each split, also of one that has lost all rows."""
    splits = copy.structure.folders
    homes: dict[str | None, str] = {None: ""}
    if splits:
        homes = dict(zip(splits.names, safe_names(splits.names), strict=True))
    for home in homes.values():
        (folder / home / "data").mkdir(parents=True)
    names, keys = FlatNames(copy), renamed(column_names(copy), _refused)
    classes = list(copy.cells.names or copy.classes)
    labels: dict[str | None, dict[str, Any]] = {split: {} for split in homes}
    for item in items(copy):
        file = Path(names.file(item.row, item.content))
        (folder / homes[item.split] / "data" / file).write_bytes(item.content)
        if item.name is not None:
            labels[item.split][file.stem] = _label(item, classes.index(item.name), keys)
        stage.advance()
    for split, home in homes.items():
        content = {"classes": classes, "labels": labels[split]}
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1)
        (folder / home / "labels.json").write_text(text + "\n", "utf-8")


def _label(item: Item, number: int, keys: Mapping[str, str]) -> dict[str, Any]:
    attributes = {keys[name]: value for name, value in item.columns.items()}
    confidence = {} if item.confidence is None else {"confidence": item.confidence}
    return {"label": number, **confidence, "attributes": attributes}


def _refused(name: str) -> bool:
    """Whether a field of a label cannot be called so: it is taken, or the database under it has no such names."""
    return name in _TAKEN or not name.isidentifier() or name.startswith("_")
