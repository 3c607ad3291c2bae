"""Any texts -> file names that every file system takes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

from noisecleaner.ingest.files.kinds import BESIDE_ROWS
from noisecleaner.ingest.folders import METADATA

#: What some file system or a shell's glob takes for something else than a part of a name.
_NO_PART = frozenset('<>:"/\\|?*')


#: A name that has all of it, for a file system to take or not.
_PROBE = '.nc "a" <b>|c?*:d .'
#: Bytes of a name before its ending: file systems count bytes, to 255.
_MOST, _LONGEST = 180, 240


def safe_names(names: Sequence[str], used: dict[str, int] | None = None) -> list[str]:
    """Turn any texts into file names: no separators or control characters, not hidden, not too long, all different.

    Names count as equal that some file system takes for one: they differ only in case, or in how accents are written.

    Args:
        names: for example sample ids.
        used: names that are taken, as `folded` has them, each with the last number behind it; new ones are added.
    """
    return distinct(names, used, portable)


def distinct(names: Sequence[str], used: dict[str, int] | None, plain: Callable[[str], str]) -> list[str]:
    """Turn any texts into names that differ, with a number behind those that are taken.

    Args:
        names: texts.
        used: names that are taken, see `safe_names`.
        plain: turns a text into a name.
    """
    taken = {} if used is None else used
    safe = []
    for name in names:
        base = plain(name)
        candidate, number = base, taken.get(folded(base), 1)
        while folded(candidate) in taken:
            number += 1
            candidate = f"{base}-{number}"
        taken[folded(base)] = number
        taken.setdefault(folded(candidate), 1)
        safe.append(candidate)
    return safe


def portable(text: str) -> str:
    """Turn a text into a name that every file system takes."""
    text = "".join("_" if _unsafe(character) else character for character in text).strip(" .")
    base = text.encode()[:_MOST].decode(errors="ignore").rstrip(" .") or "_"
    return f"_{base}" if re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?", base) else base


def kept(text: str) -> str:
    """Turn a text into a name that Linux and macOS take; one that a file has already mostly stays as it is.

    But for backslashes, which whoever reads a path of Windows takes for separators (so does Hugging Face `datasets`),
    for control characters, which break lines, and for dots at the beginning, which hide a file.
    """
    text = "".join("_" if _unusable(character) else character for character in text).lstrip(".")
    return (text if len(text.encode()) <= _LONGEST else text.encode()[:_MOST].decode(errors="ignore")) or "_"


def spelling_for(folder: Path) -> Callable[[str], str]:
    """Choose how names are written into a folder: `kept` where its file system takes it, else `portable`."""
    probe = folder / _PROBE
    try:
        probe.touch()
        found = _PROBE in {file.name for file in folder.iterdir()}
        probe.unlink()
    except OSError:
        found = False
    return kept if found else portable


def reserved() -> dict[str, int]:
    """Names of files that stand beside the folders of splits and classes, as `distinct` takes names that are taken."""
    return {folded(name): 1 for name in (*METADATA, *BESIDE_ROWS)}


def folded(name: str) -> str:
    """What is the same of names that a file system may take for one: case, and letters composed with their accents."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def _unsafe(character: str) -> bool:
    """Whether it cannot be seen, or is no part of a name; blanks can, macOS puts narrow ones into names."""
    return character in _NO_PART or not (character.isprintable() or unicodedata.category(character) == "Zs")


def _unusable(character: str) -> bool:
    """Whether it separates folders, ends a line or controls something."""
    return character in "/\\" or unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
