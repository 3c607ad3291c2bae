"""Any texts -> file names that every file system takes."""

from __future__ import annotations

import re
from collections.abc import Sequence


def safe_names(names: Sequence[str], used: dict[str, int] | None = None) -> list[str]:
    """Turn any texts into file names: no separators or control characters, not hidden, not too long, all different.

    Names that differ only in case count as equal, because some file systems think so.

    Args:
        names: for example sample ids.
        used: names that are taken, in lower case, each with the last number behind it; new ones are added.
    """
    taken = {} if used is None else used
    safe = []
    for name in names:
        text = re.sub(r"[^\w.+=@ -]", "_", name).strip(" .")
        base = text.encode()[:180].decode(errors="ignore").rstrip(" .") or "_"  # file systems count bytes, to 255
        base = f"_{base}" if re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?", base) else base
        candidate, number = base, taken.get(base.casefold(), 1)
        while candidate.casefold() in taken:
            number += 1
            candidate = f"{base}-{number}"
        taken[base.casefold()] = number
        taken.setdefault(candidate.casefold(), 1)
        safe.append(candidate)
    return safe
