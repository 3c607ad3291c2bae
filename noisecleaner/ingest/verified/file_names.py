"""Rows that are the same file in another folder: those whose name is unique on both sides."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping


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
    for plain in (_base, _stem):
        counts = Counter(plain(name) for name in set(names.values()))  # a file may be verified twice
        rows: dict[str, list[int]] = {}
        for row in lost:
            if row in names and row not in found and counts[own := plain(names[row])] == 1:
                rows.setdefault(own, []).append(row)
        places: dict[str, list[int]] = {}
        for place, name in enumerate(known() if rows else ()):
            if (other := plain(name)) in rows:
                places.setdefault(other, []).append(place)
        found |= {row: several[0] for own, several in places.items() if len(several) == 1 for row in rows[own]}
    return found


def _base(path: str) -> str:
    """The last part of a path, of this system or of Windows, in one Unicode form."""
    return unicodedata.normalize("NFC", re.split(r"[/\\]", path)[-1])


def _stem(path: str) -> str:
    return re.sub(r"(?<=.)\.[A-Za-z0-9]{2,5}$", "", _base(path))
