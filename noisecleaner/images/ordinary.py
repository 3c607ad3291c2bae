"""Which images may be decoded beside others in this process: what their first bytes say bounds memory and time.

Only whole files of the most frequent kinds are looked at, by bytes alone: opening a file may already be what costs.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from struct import unpack_from

from noisecleaner.images.limits import MAX_EDGE

#: What an image may take here, in bytes and in seconds of a core that is not the fastest.
_MAX_BYTES, _MAX_SECONDS = 128_000_000, 0.3
#: A file that is larger may hold millions of the small parts that Pillow reads one by one.
_MAX_FILE = 32_000_000
_MAX_SEGMENTS, _MAX_CHUNKS = 200, 4_000


def ordinary(encoded: bytes, *, least: int) -> int | None:
    """Say how many bytes it takes to decode an image here, at most.

    Args:
        encoded: the bytes of an image file.
        least: edge length above which a JPEG may become smaller.

    Returns:
        None where that is not known, or where it would take too much or too long.
    """
    if len(encoded) > _MAX_FILE:
        return None
    for magic, look in _KINDS.items():
        if encoded.startswith(magic):
            try:
                cost = look(encoded, least)
            except (struct.error, IndexError, ZeroDivisionError):
                return None
            return None if cost is None else _within(*cost)
    return None if encoded.startswith(_OTHERS) or encoded[4:8] == b"ftyp" else 0  # nothing opens it


def _within(taken: int, seconds: float) -> int | None:
    return taken if taken <= _MAX_BYTES and seconds <= _MAX_SECONDS else None


def _jpeg(encoded: bytes, least: int) -> tuple[int, float] | None:
    at, frame = 2, None
    for _ in range(_MAX_SEGMENTS):
        while encoded[at] == 0xFF and encoded[at + 1] == 0xFF:
            at += 1
        lead, marker, length = unpack_from(">BBH", encoded, at)
        if lead != 0xFF or not 0xC0 <= marker <= 0xFE or 0xD0 <= marker <= 0xD9:
            return None
        if marker == 0xDA:
            return None if frame is None else _of_scans(encoded, frame, encoded[at + 4], least)
        if 0xC0 <= marker <= 0xC2:
            if frame is not None:
                return None
            frame = (marker, *unpack_from(">HHB", encoded, at + 5))
        elif 0xC3 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # no tables, but another kind of frame
            return None
        at += 2 + length
    return None


def _of_scans(encoded: bytes, frame: tuple[int, ...], in_scan: int, least: int) -> tuple[int, float] | None:
    """The cost of a JPEG with a frame, whose first scan has so many components."""
    marker, height, width, components = frame
    if not 1 <= components <= 4 or max(width, height) > MAX_EDGE:
        return None
    pixels = width * height
    scans = 1 if marker != 0xC2 and in_scan == components else encoded.count(b"\xff\xda")
    coefficients = 2 * components * pixels if scans > 1 else 0
    drafted = pixels // max((1, *(n for n in (2, 4, 8) if min(width, height) // n >= least))) ** 2
    seconds = pixels * (2e-9 + 4e-9 * scans) + drafted * 2e-9 + len(encoded) * 1e-8
    return coefficients + 12 * drafted, seconds


def _png(encoded: bytes, _: int) -> tuple[int, float] | None:
    if encoded[12:16] != b"IHDR":
        return None
    width, height, depth, colour = unpack_from(">IIBB", encoded, 16)
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colour)
    if channels is None or depth > 16 or max(width, height) > MAX_EDGE:
        return None
    at, texts = 8, 0
    for _chunk in range(_MAX_CHUNKS):
        if at + 12 > len(encoded):
            break
        length, name = unpack_from(">I4s", encoded, at)
        texts += name in (b"zTXt", b"iTXt", b"iCCP")
        if name == b"IEND":
            break
        at += 12 + length
    else:
        return None
    raw = width * height * channels * max(1, depth // 8)
    return (16 * width * height, raw * 1.2e-8 + texts * 1e-2) if texts <= 8 else None


def _webp(encoded: bytes, _: int) -> tuple[int, float] | None:
    size = None if encoded[12:16] == b"VP8X" and encoded[20] & 0x02 else size_of_webp(encoded)  # no animations
    return None if size is None else (24 * size[0] * size[1], size[0] * size[1] * 4e-8)


def size_of_png(encoded: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG file; None for another, or one that says nothing of it."""
    if not encoded.startswith(b"\x89PNG\r\n\x1a\n") or encoded[12:16] != b"IHDR" or len(encoded) < 24:
        return None
    width, height = unpack_from(">II", encoded, 16)
    return width, height


def size_of_webp(encoded: bytes) -> tuple[int, int] | None:
    """Width and height of a WebP file; None for another, or one that says nothing of it."""
    kind = encoded[8:16] if encoded[:4] == b"RIFF" and len(encoded) >= 30 else b""
    if kind == b"WEBPVP8 ":
        width, height = (edge & 0x3FFF for edge in unpack_from("<HH", encoded, 26))
    elif kind == b"WEBPVP8L":
        (bits,) = unpack_from("<I", encoded, 21)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"WEBPVP8X":
        width, height = (1 + int.from_bytes(encoded[at : at + 3], "little") for at in (24, 27))
    else:
        return None
    return width, height


def _bmp(encoded: bytes, _: int) -> tuple[int, float] | None:
    size, width, height, planes, bits, compression = unpack_from("<IiiHHI", encoded, 14)
    height = abs(height)
    if size < 40 or planes != 1 or bits not in (8, 24, 32) or compression != 0:
        return None
    return (12 * width * height, width * height * 1e-8) if 0 < width <= MAX_EDGE and height <= MAX_EDGE else None


def _pnm(encoded: bytes, _: int) -> tuple[int, float] | None:
    header = re.match(rb"P[56]\s{1,8}(\d{1,5})\s{1,8}(\d{1,5})\s{1,8}255\s", encoded)
    if header is None:
        return None
    width, height = map(int, header.groups())
    return (12 * width * height, width * height * 1e-8) if max(width, height) <= MAX_EDGE else None


#: What files of other kinds begin with that are opened.
_OTHERS = (b"GIF8", b"II", b"MM", b"P", b"\0\0\1\0", b"\0\0\0\x0cjP", b"\xff\x4f\xff\x51")
_KINDS: dict[bytes, Callable[[bytes, int], tuple[int, float] | None]] = {
    b"\xff\xd8\xff": _jpeg,
    b"\x89PNG\r\n\x1a\n": _png,
    b"RIFF": _webp,
    b"BM": _bmp,
    b"P5": _pnm,
    b"P6": _pnm,
}
