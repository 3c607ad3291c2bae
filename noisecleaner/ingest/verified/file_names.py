"""Rows that are the same file elsewhere: by the end of its path, or by its name where that is unique on both sides.

Annotation tools write names in their own way: behind a prefix of the upload, in a query, with escapes of URLs.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from urllib.parse import unquote

#: A name as Label Studio gives it to what somebody uploads.
_UPLOADED = re.compile(r"(?:.*/)?upload/(?:\d+/)?[0-9a-f]{4,8}-(.+)")
#: Folders of a path that are compared.
_MOST_PARTS = 32


def find_by_name(
    names: Mapping[int, str], *, lost: Collection[int], known: Callable[[], Iterable[str]]
) -> dict[int, int]:
    """Find rows by the names of their files, with their endings or else without.

    Args:
        names: verified row -> the path or name of its file; of all that are verified, or names would seem unique.
        lost: the rows to find.
        known: gives the paths or names of the dataset's rows, in order.

    Returns:
        Verified row -> row of the dataset, where the name is unique on both sides.
    """
    found: dict[int, int] = {}
    for plain, theirs in _WAYS:
        counts = Counter(plain(name) for name in set(names.values()))  # a file may be verified twice
        rows: dict[str, list[int]] = {}
        for row in lost:
            if row in names and row not in found and counts[own := plain(names[row])] == 1:
                rows.setdefault(own, []).append(row)
        places: dict[str, list[int]] = {}
        for place, name in enumerate(known() if rows else ()):
            if (other := theirs(name)) in rows:
                places.setdefault(other, []).append(place)
        found |= {row: several[0] for own, several in places.items() if len(several) == 1 for row in rows[own]}
    return found


def find_by_path(
    names: Mapping[int, str], *, lost: Collection[int], known: Callable[[], Iterable[str]]
) -> dict[int, int]:
    """Find rows by their paths, of which one may begin in a folder further up, with their endings or else without.

    Args:
        names: verified row -> the path of its file.
        lost: the rows to find.
        known: gives the paths of the dataset's rows, in order.

    Returns:
        Verified row -> row of the dataset, where folder and name are those of one row, and of no other file.
    """
    found: dict[int, int] = {}
    own = {row: parts for row in lost if row in names and len(parts := _parts(as_file(names[row]))) > 1}
    for bare in (False, True):
        left = {row: parts for row, parts in own.items() if row not in found}
        files: dict[int, set[tuple[str, ...]]] = {}
        ends = _ends(left.values(), (_parts(_unended(name) if bare else name) for name in (known() if left else ())))
        for row, parts in left.items():
            places = (ends.get(parts[first:]) for first in range(len(parts) - 1))
            place = next((place for place in places if place is not None), -1)
            if place >= 0:
                found[row] = place
                files.setdefault(place, set()).add(parts)
        found = {row: place for row, place in found.items() if len(files.get(place, ())) < 2}
    return found


def _ends(own: Iterable[tuple[str, ...]], known: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], int]:
    """Whole paths of the dataset, and those ends of them that somebody asks for -> the row; -1 for that of several."""
    wanted = set(own)
    lengths = {len(parts) for parts in wanted}
    whole: dict[tuple[str, ...], int] = {}
    ends: dict[tuple[str, ...], int] = {}
    for place, parts in enumerate(known):
        if len(parts) > 1:
            whole[parts] = -1 if parts in whole else place
        for end in (parts[-length:] for length in lengths if length < len(parts)):
            if end in wanted:
                ends[end] = -1 if end in ends else place
    return ends | whole


def as_file(name: str) -> str:
    """What a name of an annotation tool names: `x y.jpg` for `/data/upload/1/ab12cd34-x%20y.jpg`.

    Args:
        name: path, URL, or path of a server.
    """
    served = re.search(r"/local-files/\?(?:.*&)?d=([^&]*)", name)
    if served:
        return unquote(served[1])
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", name):
        name = re.split(r"[?#]", name)[0]
    uploaded = _UPLOADED.fullmatch(name)
    return unquote(uploaded[1] if uploaded else name)


def _parts(path: str) -> tuple[str, ...]:
    """Folders and name of a path, of this system or of Windows, in one Unicode form; only the last ones of many."""
    parts = re.split(r"[/\\]+", unicodedata.normalize("NFC", path))
    return tuple([part for part in parts if part not in ("", ".")][-_MOST_PARTS:])


def _base(path: str) -> str:
    """The last part of a path, of this system or of Windows, in one Unicode form."""
    return unicodedata.normalize("NFC", re.split(r"[/\\]", path)[-1])


def _unended(path: str) -> str:
    return re.sub(r"(?<=[^/\\])\.[A-Za-z0-9]{2,5}$", "", path)


def _stem(path: str) -> str:
    return _unended(_base(path))


def _file(name: str) -> str:
    return _base(as_file(name))


def _file_stem(name: str) -> str:
    return _stem(as_file(name))


def _as_uploaded(name: str) -> str:
    """What an upload leaves of a name: blanks become _, and commas, brackets and the like are taken out."""
    return re.sub(r"[^-\w.]", "", _base(name).strip().replace(" ", "_"))


def _upload(name: str) -> str:
    """The name of an upload; of any other name what no upload is called."""
    return _as_uploaded(as_file(name)) if _UPLOADED.fullmatch(name) else f"/{name}"


#: Ways to look at the names of verified files, and of those of the dataset; the plainest first.
_WAYS = ((_base, _base), (_stem, _stem), (_file, _base), (_file_stem, _stem), (_file, _stem), (_upload, _as_uploaded))
