"""Class folders as Ultralytics YOLO classification reads them: train/, val/ and test/, or none for it to split."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np

from noisecleaner.errors import NoisecleanerError, listed, quoted
from noisecleaner.export.copying import Copy
from noisecleaner.export.file_names import distinct, kept, reserved, safe_names, spelling_for
from noisecleaner.export.formats.folder import write_files
from noisecleaner.export.image_names import ending
from noisecleaner.export.stems import Group, Stems, original_name
from noisecleaner.notices import Notice
from noisecleaner.progress import Stage

NEEDS_IMAGES = True
NEXT = "Train with yolo classify train data={out}: Ultralytics splits a dataset without splits itself, 80 to 20."
#: Endings of what Ultralytics reads; it passes over all others without a word.
_READ = frozenset(
    (".avif", ".bmp", ".dng", ".heic", ".heif", ".jp2", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp")
)
#: Words in the name of a split -> the folder that Ultralytics looks for.
_FOLDERS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "eval"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
#: What may stand behind such a word.
_BEHIND = re.compile(r"(set|data|dataset|images?|imgs?|split)$")


def refuse(copy: Copy) -> None:
    """Refuse what Ultralytics would take for something else.

    Raises:
        NoisecleanerError: there are splits but none to train on, or a class is called like a split.
    """
    names, splits = _Names(copy), copy.structure.folders
    if splits and names.splits and "train" not in names.present:
        raise NoisecleanerError(
            f"`format='yolo'` needs a split to train on, but those of the copy are {listed(splits.names)}.",
            "Call one of them train, or export with `format='folder'`.",
        )
    if not names.splits and "train" in map(str.lower, names.classes):
        raise NoisecleanerError(
            "`format='yolo'` needs splits where a class is called train, or Ultralytics takes its folder for the "
            "split, but the dataset has none.",
            "Add a column split with train and val, or call the class otherwise.",
        )


def write(folder: Path, copy: Copy, stage: Stage) -> list[Notice]:
    """Write class folders for each split that has rows, and beside them the metadata of each.

    Every split has the folder of every class that the copy has, if need be an empty one: Ultralytics numbers the
    classes by the folders of each split.

    Raises:
        NoisecleanerError: Ultralytics does not read an image.
    """
    names = _Names(copy, spelling_for(folder))
    for split in names.present:
        for place in np.unique(copy.labels[copy.rows]).tolist():
            (folder / split / names.classes[place]).mkdir(parents=True, exist_ok=True)
    return write_files(folder, copy, stage, names)


@dataclass(frozen=True)
class _Names:
    """Names of files below the folders of Ultralytics."""

    copy: Copy
    plain: Callable[[str], str] = kept

    @cached_property
    def classes(self) -> list[str]:
        """The folder of each class."""
        return distinct(self.copy.classes, reserved(), self.plain)

    @cached_property
    def stems(self) -> Stems:
        """The names without their endings."""
        return Stems.of(self.copy, lambda row, _: Group(below=self._below(row)), plain=self.plain)

    @cached_property
    def splits(self) -> list[str]:
        """The folder of each split; empty where one at most has rows, so that Ultralytics makes its own."""
        folders = self.copy.structure.folders
        if folders is None or len(np.unique(folders.rows[self.copy.rows])) < 2:
            return []
        found: list[str] = []
        taken = reserved() | dict.fromkeys(_FOLDERS.values(), 1)
        for name in folders.names:
            folder = _folder(name)
            found += [folder] if folder and folder not in found else safe_names([name], taken)
        return found

    @cached_property
    def present(self) -> list[str]:
        """The folders of splits that have rows; one without a name where there are no splits."""
        folders = self.copy.structure.folders
        if not self.splits or folders is None:
            return [""]
        return [self.splits[place] for place in np.unique(folders.rows[self.copy.rows]).tolist()]

    def place(self, row: int, content: bytes) -> PurePosixPath:
        """Name the file of a row, which differs from all others.

        Raises:
            NoisecleanerError: Ultralytics does not read such images.
        """
        original = original_name(self.copy, row)
        suffix = ending(original, content)
        if suffix.lower() not in _READ:
            suffix = ending(PurePosixPath(), content)
        if suffix.lower() not in _READ:
            raise NoisecleanerError(
                f"`format='yolo'` needs images that Ultralytics reads ({', '.join(sorted(_READ))}), but "
                f"{quoted(str(original))} is of the kind {suffix}, which it leaves out without a word.",
                "Convert such images before the fit, or export with `format='folder'`.",
            )
        below = self._below(row)
        return below / f"{self.stems.of_row(row, original, Group(below=below))}{suffix}"

    def _below(self, row: int) -> PurePosixPath:
        return PurePosixPath(self.home(row), self.classes[self.copy.labels[row]])

    def home(self, row: int) -> str:
        """The folder of a row's split."""
        folders = self.copy.structure.folders
        return self.splits[folders.rows[row]] if self.splits and folders else ""


def _folder(split: str) -> str | None:
    """The folder for a split: that of the one word in its name that Ultralytics knows."""
    words = [_BEHIND.sub("", word) for word in re.split(r"[^a-z]+", split.lower())]
    found = [_FOLDERS[word] for word in words if word in _FOLDERS]
    return found[0] if len(found) == 1 else None
