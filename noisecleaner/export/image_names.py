"""Names of a copy's image files, and the folders of splits and classes that they stand in.

A file keeps its name wherever it can: first those that stand where they stood, then all others, and only then are names
made for those whose own is taken or cannot be written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from noisecleaner.export.copying import Copy
from noisecleaner.export.file_names import distinct, kept, reserved, safe_names
from noisecleaner.export.stems import Group, Stems, original_name
from noisecleaner.ingest.files.kinds import IMAGE_ENDINGS, format_of

#: Of formats whose files do not end in their name.
_ENDINGS = {"JPEG": ".jpg", "TIFF": ".tif", "JPEG2000": ".jp2", "JPEG XL": ".jxl", "DICOM": ".dcm", "NumPy": ".npy"}

#: The one group of files without folders.
_BESIDE = Group(below=PurePosixPath())


@dataclass(frozen=True)
class Folders:
    """Names of files: in the folders of the dataset, or in those of split and class.

    Args:
        copy: whose files they are.
        plain: how names are written, see `spelling_for`.
        endings_apart: whether names may differ in their endings alone, as `1.jpg` and `1.png`.
    """

    copy: Copy
    plain: Callable[[str], str] = kept
    endings_apart: bool = False

    @cached_property
    def classes(self) -> list[str]:
        """The folder of each class."""
        return distinct(self.copy.classes, reserved(), self.plain)

    @cached_property
    def splits(self) -> list[str]:
        """The folder of each split."""
        folders = self.copy.structure.folders
        return safe_names(folders.names, reserved()) if folders else []

    @cached_property
    def stems(self) -> Stems:
        """The names without their endings."""
        return Stems.of(self.copy, self._beside, plain=self.plain)

    def place(self, row: int, content: bytes) -> PurePosixPath:
        """Name the file of a row, which differs from all others."""
        original = original_name(self.copy, row)
        below, end = PurePosixPath(*self._above(row, original)), ending(original, content)
        return below / f"{self.stems.of_row(row, original, self._group(below, end))}{end}"

    def _beside(self, row: int, original: PurePosixPath) -> Group | None:
        """The files that a row's has to differ from; None where the content has to tell its ending first."""
        below, end = PurePosixPath(*self._above(row, original)), original.suffix
        if self.endings_apart and end.lower() not in IMAGE_ENDINGS:
            return None
        return self._group(below, end)

    def _group(self, below: PurePosixPath, end: str) -> Group:
        return Group(below=below, ending=end if self.endings_apart else "")

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
        return [*outside, *map(self.plain, parts[:place]), name, *map(self.plain, parts[place + 1 :])]

    def _split(self, row: int) -> str:
        folders = self.copy.structure.folders
        return self.splits[folders.rows[row]] if folders else ""


def ending(name: PurePosixPath, content: bytes) -> str:
    """The file's ending: the one it has, else the one of its format."""
    if name.suffix.lower() in IMAGE_ENDINGS:
        return name.suffix
    kind = format_of(content)
    return ".bin" if kind is None else _ENDINGS.get(kind, f".{kind}".lower())


@dataclass(frozen=True)
class FlatNames:
    """Names of files beside each other, without folders: no two differ only in their ending.

    Args:
        copy: its rows have the files.
        plain: how names are written, see `spelling_for`.
        dots: whether a name may have dots before its ending.
    """

    copy: Copy
    plain: Callable[[str], str] = kept
    dots: bool = True

    @cached_property
    def stems(self) -> Stems:
        """The names without their endings."""
        return Stems.of(self.copy, lambda *_: _BESIDE, plain=self._plain)

    def stem(self, row: int) -> str:
        """Name the file of a row, without its ending."""
        return self.stems.of_row(row, original_name(self.copy, row), _BESIDE)

    def file(self, row: int, content: bytes) -> str:
        """Name the file of a row."""
        return f"{self.stem(row)}{ending(original_name(self.copy, row), content)}"

    def _plain(self, text: str) -> str:
        return self.plain(text if self.dots else text.replace(".", "_"))
