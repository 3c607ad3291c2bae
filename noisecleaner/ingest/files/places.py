"""Where data lies: local paths and Arrow's file systems, and the rule that paths stay inside the root."""

from __future__ import annotations

import os
import re
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from glob import escape, glob
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import url2pathname

from pyarrow import fs

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import require_regular
from noisecleaner.ingest.files.no_paths import excerpt, named
from noisecleaner.ingest.files.stores import SCHEME as _SCHEME
from noisecleaner.ingest.files.stores import Limits, answering, open_uri, shown

#: Addresses of object stores, which a table may name where absolute paths are allowed; web pages it may not.
_STORES = re.compile(r"^(s3|gs|gcs|abfss?|az|adl|hdfs|viewfs|oss|oci|r2)://")
_DRIVE = re.compile(r"^([A-Za-z]:|\\\\|//)")
_WILDCARD = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Place:
    """A file or folder on a file system that Arrow knows (local, s3://, gs://, …)."""

    filesystem: Any
    path: str
    limits: Limits | None = field(default=None, compare=False)

    @classmethod
    def parse(cls, text: str | Path) -> Place:
        """Understand a local path or a URI.

        Raises:
            NoisecleanerError: the URI's scheme is not one that Arrow can open.
        """
        if not _SCHEME.match(str(text)):
            return cls(fs.LocalFileSystem(), os.path.abspath(text))
        store, path = open_uri(str(text))
        local = isinstance(store.filesystem, fs.LocalFileSystem)
        return cls(store.filesystem, path, limits=None if local else store.limits)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return PurePosixPath(self.path).name

    @property
    def suffix(self) -> str:
        """The file name's ending, lower case, with its dot."""
        return PurePosixPath(self.path).suffix.lower()

    @property
    def parent(self) -> Place:
        """The folder that holds this place."""
        return replace(self, path=str(PurePosixPath(self.path).parent))

    @property
    def local(self) -> bool:
        """Whether this is a path of this machine."""
        return isinstance(self.filesystem, fs.LocalFileSystem)

    def __str__(self) -> str:
        return self.path

    def __truediv__(self, relative: str) -> Place:
        if _SCHEME.match(relative):
            return Place.parse(relative)
        inside = relative if os.path.isabs(relative) else str(PurePosixPath(self.path) / relative)
        return replace(self, path=inside)

    def is_dir(self) -> bool:
        """Whether a folder stands here."""
        return bool(self._info().type == fs.FileType.Directory)

    def is_file(self) -> bool:
        """Whether a file stands here."""
        return bool(self._info().type == fs.FileType.File)

    def size(self) -> int | None:
        """Bytes of the file, None where there is none."""
        size = self._info().size
        return None if size is None else int(size)

    def _info(self) -> Any:
        with self.answering():
            return self.filesystem.get_file_info(self.path)

    def answering(self) -> AbstractContextManager[None]:
        """Say in a paragraph what a store refuses while something is read, see `stores.answering`."""
        address = str(self) if self.limits is None else shown(self.filesystem, self.path)
        return answering(address, self.filesystem, self.limits)

    def open(self) -> Any:
        """Open the file for random reads, as an Arrow file."""
        with self.answering():
            if self.local:
                require_regular(self.path)  # Arrow would wait for a pipe
            return self.filesystem.open_input_file(self.path)

    def read(self) -> bytes:
        """Read the whole file."""
        with self.answering(), self.open() as file:
            return bytes(file.read())

    def files(self, suffix: str) -> list[Place]:
        """List the files below this folder that end in `suffix`, sorted; hidden ones are left out."""
        with self.answering():
            infos = self.filesystem.get_file_info(fs.FileSelector(self.path, recursive=True))
        below = [i.path for i in infos if i.type == fs.FileType.File and i.path.lower().endswith(suffix)]
        shown = [p for p in below if not hidden(p[len(self.path) :])]
        return [replace(self, path=p) for p in sorted(shown)]


def absolute(text: str) -> str:
    """Make a local path absolute, also one that is written as file://; other URIs stay as they are."""
    if text.startswith("file://"):
        return url2pathname(urlsplit(text).path)
    return text if _SCHEME.match(text) else os.path.abspath(text)


def matching(pattern: str) -> list[Place]:
    """List the files that a glob such as `data/train-*.parquet` names, sorted; `[]` without wildcards.

    What exists is taken by its name, even where it holds brackets: `my data [v1]/*.parquet`.
    """
    fixed, tail = _split(pattern)
    if not tail:
        return []
    literal = tail.replace("[", "[[]")  # `*/a [x].parquet`: where nothing matches, brackets may be those of a name
    if not _SCHEME.match(pattern):
        found = glob(os.path.join(escape(fixed), tail), recursive=True) or glob(
            os.path.join(escape(fixed), literal), recursive=True
        )
        return [Place.parse(path) for path in sorted(found) if os.path.isfile(path)]
    root = Place.parse(fixed)
    below = {place.path[len(root.path) :].lstrip("/"): place for place in (root.files("") if root.is_dir() else [])}
    return next(filter(None, ([below[p] for p in below if fnmatch(p, wanted)] for wanted in (tail, literal))), [])


def fixed_part(pattern: str) -> str:
    """The folder above the first wildcard of a glob."""
    return _split(pattern)[0]


def _split(pattern: str) -> tuple[str, str]:
    """Cut a glob into the folder that is there, and the rest from its first wildcard on; the rest is empty without."""
    parts = pattern.split("/")
    for number, part in enumerate(parts):
        if _WILDCARD.search(part) and not _exists("/".join(parts[: number + 1])):
            return "/".join(parts[:number]) or ("/" if number else "."), "/".join(parts[number:])
    return pattern, ""


def _exists(path: str) -> bool:
    if not _SCHEME.match(path):
        return os.path.lexists(path)
    try:
        place = Place.parse(path)
    except NoisecleanerError:  # no URI as it is: brackets and blanks are written %5B and %20 there
        return False
    # what a store refuses is said, and not taken for a wildcard
    return place.is_dir() or place.is_file()


def check_relative(paths: list[str | None], root: Place, allow_absolute: bool) -> None:
    """Refuse manifest paths that leave `root`: absolute ones, `..`, URIs, drives, and links out of it.

    Raises:
        NoisecleanerError: names the first such path.
    """
    real_root = os.path.realpath(root.path)
    parents: dict[str, _Folder] = {}
    for path in paths:
        if path is None:
            continue
        absolute = os.path.isabs(path)
        outside = (leads_out(path) and not (allow_absolute and _STORES.match(path))) or "\0" in path
        outside |= (".." in path and ".." in re.split(r"[/\\]", path)) or (absolute and not allow_absolute)
        if not outside and root.local and not allow_absolute:
            outside = not _inside(os.path.join(root.path, path), real_root, parents)
        if outside:
            raise _outside(path, root)


def leads_out(path: str) -> bool:
    """Whether a path is a URI, or one of a drive or a server."""
    return bool(_SCHEME.match(path) or _DRIVE.match(path))


def _outside(path: str, root: Place) -> NoisecleanerError:
    """Say that a path leaves the root, or is none at all."""
    what, hint = named(path) or (
        "",
        "Correct the manifest, or pass `Source(allow_absolute=True)` if absolute paths, addresses and links may be "
        "followed.",
    )
    there = _tail_inside(path.replace("\\", "/"), root)
    hint = f"The folder holds {there}: take what stands before that off the paths." if there else hint
    found = f"{what}: {excerpt(path)}" if what else excerpt(path)
    return NoisecleanerError(f"Image paths must be relative and stay inside {root}, but one of them is {found}.", hint)


def _tail_inside(path: str, root: Place) -> str | None:
    """The end of a path that is a file of the root, where there is one: the rest was that of another machine."""
    parts = [part for part in path.split("/")[1:] if part]
    if not root.local or os.path.lexists(path) or ".." in parts or "\0" in path:
        return None
    tails = ("/".join(parts[first:]) for first in range(len(parts)))
    return next((tail for tail in tails if tail and os.path.isfile(os.path.join(root.path, tail))), None)


class _Folder(NamedTuple):
    """A folder, links resolved, and whether it lies below the root."""

    real: str
    inside: bool


def _inside(path: str, real_root: str, parents: dict[str, _Folder]) -> bool:
    """Whether `path`, links resolved, lies below `real_root`; folders are resolved only once."""
    folder, _, name = path.rpartition("/")
    if folder not in parents:
        real = os.path.realpath(folder)
        parents[folder] = _Folder(real, _below(real, real_root))
    known = parents[folder]
    if name in ("", "."):
        return known.inside
    file = f"{known.real}/{name}"
    return _below(os.path.realpath(file), real_root) if os.path.islink(file) else known.inside


def _below(real: str, real_root: str) -> bool:
    return os.path.commonpath([real, real_root]) == real_root


def hidden(relative: str) -> bool:
    """Whether a file of a folder of tables is hidden, as Spark and Arrow understand it: behind a dot or underscore."""
    return any(part.startswith((".", "_")) for part in relative.split("/") if part)
