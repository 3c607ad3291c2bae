"""Names of a copy's image files, and the folders of splits and classes that they stand in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import PurePosixPath

from PIL import Image

from noisecleaner.export.copying import Copy
from noisecleaner.export.file_names import folded, safe_names
from noisecleaner.ingest.files.kinds import IMAGE_ENDINGS


@dataclass(frozen=True)
class Folders:
    """Names of files: in the folders of the dataset, or in those of split and class.

    Args:
        copy: whose files they are.
        used: what is taken in each folder.
        endings_apart: whether names may differ in their endings alone, as `1.jpg` and `1.png`.
    """

    copy: Copy
    used: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    endings_apart: bool = False

    @cached_property
    def classes(self) -> list[str]:
        """The folder of each class."""
        return safe_names(self.copy.classes)

    @cached_property
    def splits(self) -> list[str]:
        """The folder of each split."""
        folders = self.copy.structure.folders
        return safe_names(folders.names) if folders else []

    def place(self, row: int, content: bytes) -> PurePosixPath:
        """Name the file of a row, which differs from all others."""
        original = original_name(self.copy, row)
        below = PurePosixPath(*self._above(row, original))
        end = ending(original, content)
        (stem,) = safe_names([original.stem], self.used[folded(f"{below}/{end if self.endings_apart else ''}")])
        return below / f"{stem}{end}"

    def home(self, row: int) -> str:
        """The folder of the metadata: that of the split, if images of a split stand right in one."""
        structure = self.copy.structure
        inside = structure.level is None or structure.on_top or structure.folders is not structure.splits
        return self._split(row) if inside else ""

    def _above(self, row: int, original: PurePosixPath) -> Sequence[str]:
        """The folders of a file."""
        name, structure = self.classes[self.copy.labels[row]], self.copy.structure
        place = None if structure.level is None else structure.level.place(str(original))
        if place is None:
            return [*filter(None, [self._split(row)]), name]
        parts = original.parts[:-1]
        outside = [self._split(row)] if structure.folders is not structure.splits else []
        return [*outside, *map(_safe, parts[:place]), name, *map(_safe, parts[place + 1 :])]

    def _split(self, row: int) -> str:
        folders = self.copy.structure.folders
        return self.splits[folders.rows[row]] if folders else ""


def _safe(name: str) -> str:
    return safe_names([name])[0]


def original_name(copy: Copy, row: int) -> PurePosixPath:
    """The path of a row's image in the dataset, or else its sample id."""
    table = copy.manifest.table
    return PurePosixPath(table["path"][row].as_py() or table["sample_id"][row].as_py())


def ending(name: PurePosixPath, content: bytes) -> str:
    """The file's ending: the one it has, else the one of its format."""
    if name.suffix.lower() in IMAGE_ENDINGS:
        return name.suffix
    with Image.open(BytesIO(content)) as image:
        return {"JPEG": ".jpg", "MPO": ".jpg", "TIFF": ".tif", "JPEG2000": ".jp2"}.get(
            str(image.format), f".{image.format}".lower()
        )


@dataclass(frozen=True)
class FlatNames:
    """Names of files beside each other, without folders: no two differ only in their ending.

    Args:
        copy: its rows have the files.
        dots: whether a name may have dots before its ending.
    """

    copy: Copy
    dots: bool = True
    used: dict[str, int] = field(default_factory=dict)

    def stem(self, row: int) -> str:
        """Name the file of a row, without its ending."""
        stem = original_name(self.copy, row).stem
        (name,) = safe_names([stem if self.dots else stem.replace(".", "_")], self.used)
        return name

    def file(self, row: int, content: bytes) -> str:
        """Name the file of a row."""
        return f"{self.stem(row)}{ending(original_name(self.copy, row), content)}"
