"""Every file below a folder: an image, a picture that nothing decodes, something else, hidden, or litter."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from noisecleaner.ingest.files.kinds import (
    BESIDE_ROWS,
    IMAGE_ENDINGS,
    OTHER_ENDINGS,
    PICTURE_ENDINGS,
    SNIFFED,
    decodable,
    ending_of,
    format_of,
)
from noisecleaner.ingest.files.places import Place
from noisecleaner.progress import Patience
from noisecleaner.texts import counted

#: What systems and tools leave behind: folders that are none of the dataset's, whatever lies in them.
_LITTER_FOLDERS = frozenset(
    (
        "@eadir",
        "#recycle",
        "$recycle.bin",
        "__macosx",
        "__pycache__",
        "lost+found",
        "system volume information",
        ".appledouble",
        ".cache",
        ".dvc",
        ".fseventsd",
        ".git",
        ".hg",
        ".ipynb_checkpoints",
        ".spotlight-v100",
        ".svn",
        ".thumbnails",
        ".trash",
        ".trashes",
    )
)
_LITTER_FILES = frozenset(("thumbs.db", "ehthumbs.db", "desktop.ini", ".ds_store", ".localized", "icon\r", ".nomedia"))
#: What Macs put beside files on other file systems: `._photo.jpg`.
_LITTER_START = "._"


@dataclass(frozen=True)
class Walk:
    """The files below a folder, as paths from there with `/`.

    Args:
        folder: where it started, on this machine or in an object store.
        images: files that are decoded, by their ending, or by their first bytes where the ending tells nothing.
        pictures: files like images that nothing decodes (`.heic` only with pillow-heif).
        hidden: hidden files, and those in hidden folders, that would be images or pictures otherwise.
        others: all other files that are not litter, hidden ones too.
        litter: what systems leave behind: name of the file or folder -> how many files.
        closed: folders that cannot be listed.
    """

    folder: Path | Place
    images: list[str] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    litter: Counter[str] = field(default_factory=Counter)
    closed: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, folder: Path) -> Walk:
        """Look at every name below a folder; only files of an ending that tells nothing are opened.

        Links to folders are followed, but for those that lead back up.
        """
        walk, patience = cls(folder), Patience()
        for parent, subfolders, names in os.walk(folder, followlinks=True, onerror=walk._note_closed):
            below = walk._relative(parent)
            patience.tell(partial(walk._so_far, parent))
            for name in subfolders:
                if _is_litter_folder(name):
                    walk.litter[name] += _count(os.path.join(parent, name))
            subfolders[:] = [
                s for s in subfolders if not _is_litter_folder(s) and not _leads_back(os.path.join(parent, s))
            ]
            walk._take(below, names)
        return walk

    @classmethod
    def of_store(cls, folder: Place, paths: Iterable[str]) -> Walk:
        """Look at the names that a store lists below a folder, which has no folders of its own; nothing is opened.

        Args:
            folder: in the store.
            paths: of all files below it, from there, with `/`.
        """
        walk = cls(folder)
        for path in paths:
            above, _, name = path.rpartition("/")
            litter = next(filter(_is_litter_folder, above.split("/")), None)
            if litter is None:
                walk._take(f"{above}/" if above else "", [name])
            else:
                walk.litter[litter] += 1
        return walk

    def _so_far(self, parent: str) -> str:
        """Tell what has been found."""
        images, others = len(self.images) + len(self.pictures), len(self.others) + len(self.hidden)
        return f"Listing {self.folder}: {counted(images, 'image')} and {counted(others, 'other file')}, now in {parent}"

    def _relative(self, parent: str) -> str:
        """The path of a folder below the first one, with a `/` behind it; empty for that one."""
        relative = os.path.relpath(parent, str(self.folder))
        return "" if relative == "." else f"{relative.replace(os.sep, '/')}/"

    def _take(self, below: str, names: Iterable[str]) -> None:
        """Sort the files of one folder."""
        covered = any(part.startswith(".") for part in below.split("/"))
        for name in names:
            if name in BESIDE_ROWS and not below:
                continue
            path = below + name
            if name.startswith(_LITTER_START) or name.lower() in _LITTER_FILES:
                self.litter[_LITTER_START if name.startswith(_LITTER_START) else name] += 1
                continue
            place = self._place(path, ending_of(name))
            if (covered or name.startswith(".")) and place is not self.others:
                place = self.hidden
            place.append(path)

    def _place(self, path: str, ending: str) -> list[str]:
        """Which list a file that is not hidden belongs to."""
        if ending in IMAGE_ENDINGS:
            return self.images
        if ending in PICTURE_ENDINGS:
            return self.pictures
        if ending in OTHER_ENDINGS:
            return self.others
        if isinstance(self.folder, Place):  # a request for each file would take longer than the fit
            return self.others
        start = first_bytes(self.folder / path)
        if decodable(start):
            return self.images
        return self.others if format_of(start) is None else self.pictures

    def _note_closed(self, error: OSError) -> None:
        self.closed.append(self._relative(str(error.filename)).rstrip("/"))


def first_bytes(path: str | Path) -> bytes:
    """Read what tells the kind of a file; nothing where it cannot be read, or is no plain file."""
    try:
        if not os.path.isfile(path):  # a pipe would be waited for
            return b""
        with open(path, "rb") as file:
            return file.read(SNIFFED)
    except OSError:
        return b""


def _is_litter_folder(name: str) -> bool:
    return name.lower() in _LITTER_FOLDERS or name.startswith(".Trash-")


def _count(folder: str) -> int:
    """Count the files below a folder of litter."""
    return sum(len(names) for _, _, names in os.walk(folder))


def _leads_back(folder: str) -> bool:
    """Whether a link points at a folder that holds it, which would be walked for ever."""
    return os.path.islink(folder) and os.path.join(os.path.realpath(os.path.dirname(folder)), "").startswith(
        os.path.join(os.path.realpath(folder), "")
    )


def folders_of(paths: Iterable[str]) -> Iterator[str]:
    """Yield the folder of each path, empty for a file at the top."""
    return (path.rpartition("/")[0] for path in paths)
