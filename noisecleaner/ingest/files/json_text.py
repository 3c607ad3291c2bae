"""JSON that somebody else wrote: read whole, and refused where it is nested so deeply that a parser would crash."""

from __future__ import annotations

from typing import Any

import numpy as np

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.files.places import Place
from noisecleaner.texts import parsed_json

#: Brackets within brackets. Arrow crashes at some thousands of them, Python refuses about a thousand.
DEEPEST = 256
_QUOTE = ord('"')
_STEPS = np.zeros(256, np.int8)
_STEPS[list(b"[{")], _STEPS[list(b"]}")] = 1, -1
_TELLING = _STEPS != 0
_TELLING[_QUOTE] = True


def load_json(place: Place) -> Any:
    """Read a file of JSON.

    Raises:
        NoisecleanerError: it is nested too deeply.
        ValueError: it is no JSON.
    """
    content = place.read()
    refuse_deep(content, place)
    return parsed_json(content)


def refuse_deep(content: bytes, place: Place) -> None:
    """Refuse JSON, or lines of it, with too many brackets within brackets.

    Args:
        content: the text.
        place: where it stands, for the message.

    Raises:
        NoisecleanerError: it is nested more deeply than `DEEPEST`.
    """
    if content.count(b"{") + content.count(b"[") <= DEEPEST:
        return
    if _depth(content) > DEEPEST:
        raise NoisecleanerError(
            f"JSON may have brackets within brackets up to {DEEPEST} deep, but {place} has more.",
            "Check what wrote it: no table and no annotation tool nests so deeply.",
        )


def _depth(content: bytes) -> int:
    """Count the brackets around the deepest place; those in texts are none."""
    if b"\\" in content:  # no quotation mark behind one ends a text, but behind two it does
        content = content.replace(b"\\\\", b"  ").replace(b'\\"', b"  ")
    every = np.frombuffer(content, np.uint8)
    telling = every[_TELLING[every]]
    inside = np.cumsum(telling == _QUOTE, dtype=np.int64) % 2 == 1
    return int(np.cumsum(np.where(inside, 0, _STEPS[telling]), dtype=np.int64).max(initial=0))
