"""Texts in place of an image's path that are none: what they are, and what to do with them."""

from __future__ import annotations

import base64
import binascii
import re

from noisecleaner.ingest.files.kinds import format_of
from noisecleaner.texts import printable, shortened

#: Characters of a text that are shown, and of an encoded image.
_SHOWN, _SHOWN_ENCODED = 60, 24
_ENCODED = "Decode them, and write a Parquet table with a column of bytes (base64.b64decode in Python)."
_PIXELS = "Encode them as PNG, or name them with `Columns(embedding=NAME)` if they are lists of numbers."
_REWRITTEN = "The table was written as text: write it as Parquet, with a column of bytes."
#: What a text begins like -> what it is, and what to do.
_KINDS = (
    (re.compile(r"data:[\w.+-]*[/;,]", re.IGNORECASE), "a data: URI", _ENCODED),
    (re.compile(r"https?://|ftp://", re.IGNORECASE), "a URL", "Download the images, and write the paths of the files."),
    (re.compile(r"file:"), "a URI", "Write the path itself; an absolute one needs `Source(allow_absolute=True)`."),
    (
        re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://"),
        "a URI",
        "Copy the images beside the table, and write their paths from there.",
    ),
    (
        re.compile(r"[A-Za-z]:[\\/]|\\\\[^\\]"),
        "a path of Windows",
        "Write paths from the folder of the table, such as images/1.png.",
    ),
    (re.compile(r"b(['\"])\\?"), "the text of Python bytes", _REWRITTEN),
    (re.compile(r"\{\s*['\"](bytes|path|array)['\"]\s*:"), "the text of a Python dictionary", _REWRITTEN),
    (re.compile(r"[\[(\s]*-?\d+(\.\d+)?([\s,\[\]()]+-?\d+(\.\d+)?){7}"), "an array of numbers (pixels)", _PIXELS),
    (re.compile(r"\s*<"), "markup", "Write the paths of the image files."),
)
#: Characters of base64 that are decoded to see what they are.
_SAMPLE = 64


def named(text: str) -> tuple[str, str] | None:
    """Say what a text is that is no path.

    Returns:
        What it is, and what to do; None where it may be a path.
    """
    for pattern, what, hint in _KINDS:
        if pattern.match(text):
            return what, hint
    return ("base64 (an encoded image as text)", _ENCODED) if _is_base64(text) else None


def excerpt(text: str) -> str:
    """The beginning of a text, for a message: an encoded image is no reading."""
    found = named(text)
    return f"'{shortened(printable(text), _SHOWN_ENCODED if found and found[1] == _ENCODED else _SHOWN)}'"


def _is_base64(text: str) -> bool:
    """Whether the beginning decodes to that of an image."""
    start = "".join(text[: 2 * _SAMPLE].split())[:_SAMPLE]
    if len(start) < _SAMPLE or not re.fullmatch(r"[A-Za-z0-9+/_-]+", start):
        return False
    try:
        content = base64.b64decode(start.translate(str.maketrans("-_", "+/")))
    except binascii.Error:
        return False
    return format_of(content) is not None
