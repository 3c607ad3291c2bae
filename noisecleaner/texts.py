"""A user's text made safe for whoever reads it."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from itertools import islice


def printable(text: object) -> str:
    """Make a user's text safe for a terminal: no control or direction-changing characters."""
    return "".join("�" if unicodedata.category(c) in ("Cc", "Cf", "Cs") else c for c in str(text))


def shortened(text: str, most: int) -> str:
    """Cut a text after `most` characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def tally(counts: Mapping[str, int], most: int = 5, longest: int = 80) -> str:
    """Write names in quotes with their numbers, the first ones only: `'horse' 90; 'emu' 50; and 3 more`."""
    told = [f"'{shortened(name, longest)}' {number:,}" for name, number in islice(counts.items(), most)]
    return "; ".join([*told, *([f"and {len(counts) - most:,} more"] if len(counts) > most else [])])
