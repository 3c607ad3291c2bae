"""FiftyOneImageClassificationDataset: data/ and labels.json with attributes, in a folder for each split."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from noisecleaner.export.copying import Copy
from noisecleaner.export.file_names import reserved, safe_names, spelling_for
from noisecleaner.export.image_names import FlatNames
from noisecleaner.export.items import Item, column_names, items, renamed
from noisecleaner.notices import Notice
from noisecleaner.progress import Stage

NEEDS_IMAGES = True
NEXT = (
    'Import it with dataset.add_dir("{out}", fiftyone.types.FiftyOneImageClassificationDataset); where there are '
    "splits, each of their folders, with tags=SPLIT."
)
#: What a classification of FiftyOne has already.
_TAKEN = frozenset(("id", "label", "confidence", "logits", "tags", "dataset_dir", "field_names"))


def write(folder: Path, copy: Copy, stage: Stage) -> list[Notice]:
    """Write the images and labels of each split, also of one that has lost all rows."""
    splits = copy.structure.folders
    homes: dict[str | None, Path] = {None: folder}
    if splits:
        homes = {
            name: folder / safe for name, safe in zip(splits.names, safe_names(splits.names, reserved()), strict=True)
        }
    names, keys = FlatNames(copy, spelling_for(folder)), renamed(column_names(copy), _refused)
    classes = list(copy.cells.names or copy.classes)
    with ExitStack() as opened:
        labels = {split: opened.enter_context(_labels(home, classes)) for split, home in homes.items()}
        for item in items(copy):
            file = Path(names.file(item.row, item.content))
            (homes[item.split] / "data" / file).write_bytes(item.content)
            if item.name is not None:
                labels[item.split](names.stem(item.row), _label(item, classes.index(item.name), keys))
            stage.advance()
    return list(names.stems.notices())


@contextmanager
def _labels(home: Path, classes: Sequence[str]) -> Iterator[Callable[[str, Mapping[str, Any]], None]]:
    """Open the labels of a split, and yield what adds one to a file: a line for each, so that memory holds none."""
    (home / "data").mkdir(parents=True)
    with (home / "labels.json").open("w", encoding="utf-8", newline="\n") as file:
        file.write(f'{{"classes": {_json(classes)},\n"labels": {{')
        before = "\n"

        def add(name: str, label: Mapping[str, Any]) -> None:
            nonlocal before
            file.write(f"{before}{_json(name)}: {_json(label)}")
            before = ",\n"

        yield add
        file.write("\n}}\n")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _label(item: Item, number: int, keys: Mapping[str, str]) -> dict[str, Any]:
    attributes = {keys[name]: value for name, value in item.columns.items()}
    confidence = {} if item.confidence is None else {"confidence": item.confidence}
    return {"label": number, **confidence, "attributes": attributes}


def _refused(name: str) -> bool:
    """Whether a field of a label cannot be called so: it is taken, or the database under it has no such names."""
    return name in _TAKEN or not name.isidentifier() or name.startswith("_")
