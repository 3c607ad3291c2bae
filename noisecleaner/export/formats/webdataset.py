"""WebDataset: train-000000.tar and more for each split, with an image, a .cls and a .json for each row."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from noisecleaner.export.copying import Copy
from noisecleaner.export.dataset_card import card, class_label, feature
from noisecleaner.export.file_names import safe_names
from noisecleaner.export.image_names import FlatNames, ending
from noisecleaner.export.items import Item, class_numbers, items, schema_of
from noisecleaner.export.stems import original_name
from noisecleaner.ingest.files.kinds import IMAGE_ENDINGS
from noisecleaner.notices import Notice
from noisecleaner.progress import Stage

NEEDS_IMAGES = True
NEXT = (
    'Read it with webdataset.WebDataset(glob.glob("{out}/train-*.tar"), shardshuffle=100).shuffle(1000) or '
    'datasets.load_dataset("{out}"): rows lie in the order of the dataset.'
)
#: Bytes of images in a shard, at most; what loaders stream well.
SHARD = 256_000_000
#: Endings of one kind of image.
_JPEG = frozenset((".jpg", ".jpeg", ".jpe", ".jif", ".jfif", ".jfi"))
#: The split of a dataset that tells none.
_TRAIN = "train"


def write(folder: Path, copy: Copy, stage: Stage) -> list[Notice]:
    """Write shards for each split that has rows: loaders fail at an empty one."""
    splits = copy.structure.folders
    names = splits.names if splits else (_TRAIN,)
    with ExitStack() as opened:
        shards = {name: Shards(folder, safe) for name, safe in zip(names, safe_names(names), strict=True)}
        for split in shards.values():
            opened.callback(split.close)
        if not len(copy.rows):
            shards[names[0]].open()
        keys, numbers, image = FlatNames(copy, dots=False), class_numbers(copy), _image(copy)
        for item in items(copy):
            image = image or _kind(ending(PurePosixPath(), item.content))
            shards[item.split or _TRAIN].add(keys.stem(item.row), _members(item, image, numbers))
            stage.advance()
        files = {name: f"{split.split}-*.tar" for name, split in shards.items() if split.begun}
    (folder / "README.md").write_text(card(_features(copy, image, numbers), files), "utf-8")
    return list(keys.stems.notices())


@dataclass
class Shards:
    """The shards of a split, one open at a time.

    Args:
        folder: where they are written.
        split: how their names begin.
    """

    folder: Path
    split: str
    _tar: tarfile.TarFile | None = field(default=None, init=False)
    _written: int = field(default=0, init=False)
    _count: int = field(default=0, init=False)

    @property
    def begun(self) -> bool:
        """Whether there is any."""
        return self._count > 0

    def open(self) -> None:
        """Begin the next shard."""
        self.close()
        path = self.folder / f"{self.split}-{self._count:06d}.tar"
        # GNU: names of any length and any letters, in the one kind of header that all readers know
        self._tar = tarfile.open(path, "w", format=tarfile.GNU_FORMAT)  # noqa: SIM115  # closed by `close`
        self._written, self._count = 0, self._count + 1

    def add(self, key: str, members: Mapping[str, bytes]) -> None:
        """Write a row.

        Args:
            key: its name, without dots.
            members: ending -> content.
        """
        size = sum(map(len, members.values()))
        if self._tar is None or 0 < self._written > SHARD - size:
            self.open()
        assert self._tar is not None  # noqa: S101  # just opened
        for name, content in members.items():
            entry = tarfile.TarInfo(f"{key}.{name}")  # no time, no owner: the same rows give the same bytes
            entry.size = len(content)
            self._tar.addfile(entry, BytesIO(content))
        self._written += size

    def close(self) -> None:
        """Finish the shard that is open."""
        if self._tar is not None:
            self._tar.close()
            self._tar = None


def _image(copy: Copy) -> str:
    """What the images of all rows are called: loaders ask for one name, and decode whatever it is; empty if none tells.

    Images of several kinds are all called `jpg`.
    """
    endings = {original_name(copy, row).suffix.lower() for row in copy.rows.tolist()} & IMAGE_ENDINGS
    kinds = {_kind(name) for name in endings}
    return "jpg" if len(kinds) > 1 else next(iter(kinds), "")


def _kind(name: str) -> str:
    """A file's ending as loaders know it."""
    return "jpg" if name in _JPEG else name.removeprefix(".")


def _members(item: Item, image: str, numbers: Sequence[int]) -> dict[str, bytes]:
    record = json.dumps(item.columns, ensure_ascii=False, allow_nan=False).encode()
    label = {} if item.label is None else {"cls": str(numbers[item.label]).encode()}
    return {image: item.content, **label, "json": record}


def _features(copy: Copy, image: str, numbers: Sequence[int]) -> list[dict[str, Any]]:
    """What the members of a row are; numbers that count the classes from 0 stand for their names."""
    names = copy.cells.names or copy.classes
    counted = [names[number] for number in numbers if number < len(names)] == list(copy.classes)
    label = class_label("cls", names) if counted else feature("cls", pa.int64())
    inner = [feature(field.name, field.type) for field in schema_of(copy)]
    return [{"name": image or "jpg", "dtype": "image"}, label, {"name": "json", "struct": inner}]
