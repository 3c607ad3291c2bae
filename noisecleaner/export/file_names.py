"""Any texts -> file names that every file system takes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

#: What some file system or a shell's glob takes for something else than a part of a name.
_NO_PART = frozenset('<>:"/\\|?*')


def safe_names(names: Sequence[str], used: dict[str, int] | None = None) -> list[str]:
    """Turn any texts into file names: no separators or control characters, not hidden, not too long, all different.

    Names count as equal that some file system takes for one: they differ only in case, or in how accents are written.

    Args:
        names: for example sample ids.
        used: names that are taken, as `folded` has them, each with the last number behind it; new ones are added.
    """
    taken = {} if used is None else used
    safe = []
    for name in names:
        text = "".join("_" if _unsafe(character) else character for character in name).strip(" .")
        base = text.encode()[:180].decode(errors="ignore").rstrip(" .") or "_"  # file systems count bytes, to 255
        base = f"_{base}" if re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?", base) else base
        candidate, number = base, taken.get(folded(base), 1)
        while folded(candidate) in taken:
            number += 1
            candidate = f"{base}-{number}"
        taken[folded(base)] = number
        taken.setdefault(folded(candidate), 1)
        safe.append(candidate)
    return safe


def folded(name: str) -> str:
    """What is the same of names that a file system may take for one: case, and letters composed with their accents."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def _unsafe(character: str) -> bool:
    """Whether it cannot be seen, or is no part of a name; blanks can, macOS puts narrow ones into names."""
    return character in _NO_PART or not (character.isprintable() or unicodedata.category(character) == "Zs")
