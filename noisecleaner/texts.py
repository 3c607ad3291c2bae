"""A user's text made safe for whoever reads it."""

from __future__ import annotations

import unicodedata


def printable(text: object) -> str:
    """Make a user's text safe for a terminal: no control or direction-changing characters."""
    return "".join("�" if unicodedata.category(c) in ("Cc", "Cf", "Cs") else c for c in str(text))


def shortened(text: str, most: int) -> str:
    """Cut a text after `most` characters."""
    return text if len(text) <= most else text[: most - 1] + "…"
