"""Which encoding a table of text has: UTF-8, or what older programs on Windows write."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from noisecleaner.ingest.files.places import Place
from noisecleaner.notices import Notice

_WINDOWS = "cp1252"
#: Bytes that are looked at together.
_BLOCK = 2**22
#: Control characters that no text holds, and a sign of several bytes of UTF-8.
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")
_SIGN = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}",
)
#: Bytes that are no sign of cp1252.
_UNUSED = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
#: Words around the first odd byte that are shown.
_AROUND = re.compile(rb"[^,;\t|\r\n\"]{0,30}")


@dataclass(frozen=True, kw_only=True)
class Text:
    """A file of text.

    Args:
        place: the file.
        odd: the first byte that is no UTF-8, where the text is cp1252; None where it is UTF-8, or neither.
    """

    place: Place
    odd: int | None

    @classmethod
    def of(cls, place: Place) -> Text:
        """Find out which encoding a file has."""
        odd = _first_odd(place)
        return cls(place=place, odd=odd if odd is not None and _is_windows(place.read()) else None)

    def open(self) -> Any:
        """Open the text as UTF-8, as an Arrow file; as it is where it is in no encoding that we know."""
        if self.odd is None:
            return self.place.open()
        return pa.BufferReader(self.place.read().decode(_WINDOWS).encode())

    def notices(self) -> Iterator[Notice]:
        """Say so where the text is not UTF-8."""
        if self.odd is None:
            return
        content = self.place.read()
        before = _AROUND.match(content[: self.odd][::-1])
        after = _AROUND.match(content, self.odd)
        word = ((before[0][::-1] if before else b"") + (after[0] if after else b"")).decode(_WINDOWS)
        line, byte = content.count(b"\n", 0, self.odd) + 1, content[self.odd]
        yield Notice(
            code="table-encoding",
            message=f"{self.place} is not UTF-8 (byte 0x{byte:02X} in line {line:,}); it was read as {_WINDOWS}, the "
            f"encoding of older programs on Windows: that line says {word!r}. Save it as CSV UTF-8 if that is wrong.",
        )


def _first_odd(place: Place) -> int | None:
    """The place of the first byte that is no UTF-8; None where all are."""
    decoder, done = codecs.getincrementaldecoder("utf-8")(), 0
    with place.open() as file:
        while True:
            block = bytes(file.read(_BLOCK))
            pending = len(decoder.getstate()[0])
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                return done - pending + error.start
            if not block:
                return None
            done += len(block)


def _is_windows(content: bytes) -> bool:
    """Whether bytes that are no UTF-8 are text in cp1252; not where some are signs of UTF-8, so that they are a mix."""
    return not (_CONTROL.search(content) or _UNUSED.search(content) or _SIGN.search(content))
