"""Why a file is not where it should be: what is nearly called so, and where it lies instead."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterator
from urllib.parse import unquote

from noisecleaner.ingest.files.kinds import ending_of
from noisecleaner.ingest.files.places import Place

#: Files that are looked at in search of one that lies elsewhere.
_SEARCHED = 20_000
#: Folders above the root that are tried.
_ABOVE = 3


def why_missing(root: Place, path: str) -> str:
    """Find the likely cause for a file that is not there.

    Args:
        root: where the path starts.
        path: as the table tells it.

    Returns:
        A sentence that begins with a blank; empty where nothing is found, or the place is not on this machine.
    """
    if not root.local:
        return ""
    found = next(filter(None, (look(root.path, path) for look in _LOOKS)), None)
    return f" {found}" if found else ""


def _link(root: str, path: str) -> str | None:
    full = os.path.join(root, path)
    if os.path.islink(full):
        return f"It is a link to {os.readlink(full)}, which is not there (`git annex get` or `dvc pull` may fetch it)."
    return "It is a folder." if os.path.isdir(full) else None


def _tracked(root: str, path: str) -> str | None:
    if os.path.exists(os.path.join(root, f"{path}.dvc")):
        return f"{path}.dvc is there: run `dvc pull`."
    return None


def _spelled_otherwise(root: str, path: str) -> str | None:
    """A path with blanks around it, in a URL's spelling, or in another form of Unicode."""
    spellings: dict[str, Callable[[str], str]] = {
        "without the blanks around it": str.strip,
        "where %20 and the like are read as in a URL": unquote,
        "in the Unicode form NFC": lambda text: unicodedata.normalize("NFC", text),
        "in the Unicode form NFD": lambda text: unicodedata.normalize("NFD", text),
    }
    for words, spell in spellings.items():
        if spell(path) != path and os.path.isfile(os.path.join(root, spell(path))):
            return f"There is a file of that name {words}."
    return None


def _in_its_folder(root: str, path: str) -> str | None:
    """A file of the same folder that differs in case or in its ending."""
    folder, name = os.path.split(path)
    try:
        names = sorted(os.listdir(os.path.join(root, folder)))
    except OSError:
        return None
    same = [other for other in names if other.casefold() == name.casefold()]
    same += [other for other in names if ending_of(other) and other[: -len(ending_of(other))] in (name, _stem(name))]
    return f"Its folder holds {same[0]!r}." if same else None


def _below(root: str, path: str) -> str | None:
    """The path without its first folders."""
    parts = path.split("/")
    for first in range(1, len(parts)):
        shorter = "/".join(parts[first:])
        if os.path.isfile(os.path.join(root, shorter)):
            return f"{root} holds {shorter}: take {'/'.join(parts[:first])}/ off the paths."
    return None


def _above(root: str, path: str) -> str | None:
    """The path from a folder above."""
    folder = root
    for _ in range(_ABOVE):
        folder = os.path.dirname(folder)
        if os.path.isfile(os.path.join(folder, path)):
            return f"Paths start in the folder of the table, and {folder} holds such a file: move the table there."
    return None


def _elsewhere(root: str, path: str) -> str | None:
    """A file of that name anywhere below."""
    name = path.rpartition("/")[2]
    for place in _files(root):
        if place.rpartition("/")[2] == name:
            return f"A file of that name is {place}, from there: correct the paths."
    return None


def _files(root: str) -> Iterator[str]:
    """Yield files below a folder, but not too many."""
    seen = 0
    for parent, _, names in os.walk(root):
        for name in names:
            yield os.path.relpath(os.path.join(parent, name), root).replace(os.sep, "/")
        seen += len(names)
        if seen > _SEARCHED:
            return


def _stem(name: str) -> str:
    return name[: len(name) - len(ending_of(name))]


#: From the surest to the most guessed.
_LOOKS = (_link, _tracked, _spelled_otherwise, _in_its_folder, _below, _above, _elsewhere)
