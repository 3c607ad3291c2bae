"""Which images are files of the repository: below the working directory, whatever machine the rows were fitted on."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from noisecleaner.ingest.files.places import fixed_part, leads_out

_TRIED = 100  # images by which a folder is known


class Repository:
    """The files below a directory, as rows name them.

    A run remembers the absolute path of its dataset. On a machine that has checked the repository out elsewhere, the
    dataset is where the longest end of that path leads to one of its images.

    Args:
        data: the dataset, as `Source.data` has it.
        paths: of its images, as scores.parquet has them; by the first of them the dataset is found.
        top: the directory of the repository, absolute.
    """

    def __init__(self, data: str, paths: Iterable[str | None], *, top: Path) -> None:
        self.top = str(top)
        tried = [path for path, _ in zip(filter(None, paths), range(_TRIED), strict=False)]
        self._home = next(
            (home for home in _homes(data, self.top) if any(self._inside(home, path) for path in tried)), None
        )

    def file(self, path: str | None) -> str | None:
        """Return an image's path from the top, with slashes; None where it is no file of the repository."""
        return None if path is None or self._home is None else self._inside(self._home, path)

    def relative(self, path: str | Path) -> str | None:
        """Return the path of anything from the top, with slashes; None where it is not below it."""
        relative = os.path.relpath(os.path.join(self.top, path), self.top)
        return None if relative.split(os.sep)[0] in ("..", ".") else relative.replace(os.sep, "/")

    def _inside(self, home: str, path: str) -> str | None:
        return self.relative(os.path.join(home, path)) if os.path.isfile(os.path.join(home, path)) else None


def _homes(data: str, top: str) -> Iterator[str]:
    """Where the images of a dataset may be, the likeliest first: paths are relative to a folder, or to a table's."""
    if leads_out(data):
        return
    folder = fixed_part(data)
    yield from (folder, os.path.dirname(folder))
    parts = [part for part in folder.split(os.sep) if part]
    for first in range(len(parts)):
        there = os.path.join(top, *parts[first:])
        yield from (there, os.path.dirname(there))
    yield top
