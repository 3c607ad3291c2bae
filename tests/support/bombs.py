"""Hostile images: small files that ask for much memory or time, as many kinds as Pillow has readers for."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from PIL import Image

#: What may become of an image that decodes.
OK = "ok"


@dataclass(frozen=True)
class Bomb:
    """A hostile image.

    Args:
        name: what it is.
        content: its file.
        ends: what may become of it: `ok`, or reasons.
    """

    name: str
    content: bytes
    ends: frozenset[str]


def bombs(edge: int) -> Iterator[Bomb]:
    """Make hostile images for a limit of `edge` times `edge` pixels; 8,000 is the usual one."""
    makers = (_png, _png_texts, _gif, _bmp, _tiff, _ico, _jpeg, _webp, _others)
    for maker in makers:
        for name, content, *ends in maker(edge):
            yield Bomb(name, content, frozenset(ends))


Made = Iterator[tuple[str, bytes, str] | tuple[str, bytes, str, str] | tuple[str, bytes, str, str, str]]


def zeros(count: int) -> bytes:
    """Compress so many zeros with zlib."""
    compress, block = zlib.compressobj(9), bytes(1 << 20)
    parts = [compress.compress(block[: min(len(block), count - at)]) for at in range(0, count, len(block))]
    return b"".join(parts) + compress.flush()


def _much(count: int, edge: int) -> int:
    """As many zeros as it takes, where the limit is the usual one; else fewer, which are made sooner."""
    return count if edge >= 8_000 else min(count, 1 << 25)


def chunk(name: bytes, content: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(
    width: int, height: int, *, colour: int = 2, depth: int = 8, body: bytes | None = None, extra: bytes = b""
) -> bytes:
    """A black PNG, or one of any other body, with other chunks before it."""
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    body = zeros((width * channels * depth // 8 + 1) * height) if body is None else body
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def saved(image: Image.Image, format: str, **options: object) -> bytes:
    """An image's file."""
    buffer = io.BytesIO()
    image.save(buffer, format, **options)  # type: ignore[arg-type]  # whatever the format takes
    return buffer.getvalue()


def _png(edge: int) -> Made:
    yield "png above the limit", png(edge * 7 // 4, edge * 7 // 4), "too_large"
    yield "png header of 60,000 x 60,000", png(60_000, 60_000, body=b"x"), "too_large"
    yield "png header of 2^31 - 1", png(2**31 - 1, 2**31 - 1, body=b"x"), "too_large"
    yield "png at the limit", png(edge, edge), OK
    yield "png with alpha at the limit", png(edge, edge, colour=6), OK
    yield "png with grey and alpha at the limit", png(edge, edge, colour=4), OK
    yield "png of 16 bits at the limit", png(edge, edge, colour=0, depth=16), OK
    yield "png of 16 bits a channel at the limit", png(edge, edge, depth=16), OK
    yield "png 1 wide", png(1, edge**2), *(("too_large",) if edge**2 > 65_535 else (OK,))
    yield "png 1 high", png(edge**2, 1), *(("too_large",) if edge**2 > 65_535 else (OK,))
    yield "png 65,535 wide", png(65_535, edge**2 // 65_535, colour=6), OK, "too_slow"
    yield "png 65,535 high", png(edge**2 // 65_535, 65_535, colour=6), OK, "too_slow"
    yield "png with a body of 1 GB", png(10, 10, body=zeros(_much(1 << 30, edge))), OK


def _png_texts(edge: int) -> Made:
    much = zeros(_much(300 << 20, edge))
    ends = ("unreadable", "too_large", OK)
    yield "png with zTXt of 300 MB", png(10, 10, extra=chunk(b"zTXt", b"k\0\0" + much)), *ends
    yield "png with iTXt of 300 MB", png(10, 10, extra=chunk(b"iTXt", b"k\0\1\0\0\0" + much)), *ends
    yield "png with iCCP of 300 MB", png(10, 10, extra=chunk(b"iCCP", b"k\0\0" + much)), *ends
    one = chunk(b"zTXt", b"k\0\0" + zeros((1 << 20) - 10))
    yield "png with 2,000 zTXt of 1 MB", png(10, 10, extra=one * 2_000), *ends
    yield "png with 300,000 chunks", png(10, 10, extra=chunk(b"prIv", b"") * 300_000), OK, "too_slow", "too_large"


def _gif(edge: int) -> Made:
    def gif(screen: int, frame: int) -> bytes:
        header = b"GIF89a" + struct.pack("<HHBBB", screen, screen, 0xF0, 0, 0) + bytes(6)
        return header + b"," + struct.pack("<HHHHB", 0, 0, frame, frame, 0) + b"\x02\x02\x44\x01\0;"

    yield "gif of 65,535 x 65,535", gif(65_535, 65_535), "too_large"
    yield "gif of 10 x 10 with a frame of 65,535 x 65,535", gif(10, 65_535), "too_large"
    yield "gif at the limit", gif(edge, edge), "truncated"
    black = Image.new("L", (edge // 2, edge // 2))
    many = saved(black, "GIF", save_all=True, append_images=[black.point(lambda _, g=g: g) for g in range(1, 20)])
    yield "gif animation", many, OK
    comment = b"!\xfe" + b"\x01x" * 300_000 + b"\0"
    small = saved(Image.new("L", (10, 10)), "GIF")
    yield (
        "gif with a comment of 300,000 parts",
        small[:13] + small[13:-1].replace(b",", comment + b",", 1) + b";",
        *(
            OK,
            "too_slow",
            "unreadable",
        ),
    )


def _bmp(edge: int) -> Made:
    def bmp(side: int, *, compression: int = 0, bits: int = 24, data: bytes = b"") -> bytes:
        palette = bytes(1024) if bits == 8 else b""
        start = 54 + len(palette)
        size = struct.pack("<IHHI", start + len(data), 0, 0, start)
        info = struct.pack("<IiiHHIIiiII", 40, side, side, 1, bits, compression, len(data), 0, 0, 0, 0)
        return b"BM" + size + info + palette + data

    ends = ("unreadable", "too_slow", OK)
    yield "bmp header of 60,000 x 60,000", bmp(60_000), "too_large"
    yield "bmp header at the limit", bmp(edge), "truncated"
    lengths = b"\xff\x00" * (edge**2 // 255 + 1) + b"\0\1"
    yield "bmp in run lengths at the limit", bmp(edge, compression=1, bits=8, data=lengths), *ends
    yield "bmp in runs of one", bmp(edge, compression=1, bits=8, data=b"\x01\x00" * (20 << 20) + b"\0\1"), *ends


Tag = tuple[int, int, int, int]


def tiff(tags: Iterable[Tag], data: bytes = b"") -> bytes:
    """A TIFF of tags, each a number, a type, a count and a value; behind them data, at `8 + 2 + 12 * tags + 4`."""
    ordered = sorted(tags)
    directory = b"".join(struct.pack("<HHII", *tag) for tag in ordered)
    return b"II*\0" + struct.pack("<IH", 8, len(ordered)) + directory + struct.pack("<I", 0) + data


def strips(side: int, *, compression: int = 1, bits: int = 8, rows: int | None = None, data: bytes = b"") -> bytes:
    """A grey TIFF of one strip; floats where it has 32 bits."""
    sizes = [(256, 4, 1, side), (257, 4, 1, side), (258, 3, 1, bits), (259, 3, 1, compression), (262, 3, 1, 1)]
    more = [(339, 3, 1, 3)] if bits == 32 else []
    start = 14 + 12 * (9 + len(more))
    place = [(273, 4, 1, start), (277, 3, 1, 1), (278, 4, 1, rows or side), (279, 4, 1, len(data))]
    return tiff([*sizes, *more, *place], data)


def tiles(side: int, tile: int, data: bytes) -> bytes:
    """A grey TIFF of one tile, deflated."""
    sizes = [(256, 4, 1, side), (257, 4, 1, side), (258, 3, 1, 8), (259, 3, 1, 8), (262, 3, 1, 1), (277, 3, 1, 1)]
    place = [(322, 4, 1, tile), (323, 4, 1, tile), (324, 4, 1, 14 + 12 * 10), (325, 4, 1, len(data))]
    return tiff([*sizes, *place], data)


def _tiff(edge: int) -> Made:
    yield "tiff header of 60,000 x 60,000", strips(60_000), "too_large"
    yield "tiff deflated, at the limit", strips(edge, compression=8, data=zeros(edge**2)), OK
    much = strips(10, compression=8, rows=2**31 - 1, data=zeros(_much(300 << 20, edge)))
    yield "tiff of 10 x 10, strip of 2^31 rows", much, OK, "too_large"
    yield "tiff of 10 x 10, tile of 30,000 x 30,000", tiles(10, 30_000, zeros(_much(900_000_000, edge))), "too_large"
    floats = strips(edge, compression=8, bits=32, data=zeros(4 * edge**2))
    yield "tiff of floats in one strip, at the limit", floats, OK, "too_large"
    counts = tiff([(256, 4, 1, 10), (257, 4, 1, 10), (273, 4, 2**32 - 1, 8), (700, 1, 2**32 - 1, 8)])
    yield "tiff with counts of 2^32 - 1", counts, "unreadable"
    loop = b"II*\0" + struct.pack("<IH", 8, 1) + struct.pack("<HHII", 256, 4, 1, 10) + struct.pack("<I", 8)
    yield "tiff whose directories go in a ring", loop, "unreadable"
    turned = saved(Image.new("RGB", (edge, edge)), "TIFF", compression="tiff_deflate", tiffinfo={274: 6})
    yield "tiff lying on its side, at the limit", turned, OK, "too_large"


def _ico(edge: int) -> Made:
    def ico(inner: bytes) -> bytes:
        return struct.pack("<HHHBBBBHHII", 0, 1, 1, 16, 16, 0, 0, 1, 32, len(inner), 22) + inner

    yield (
        "ico of 16 x 16 with a png of 20,000 x 20,000",
        ico(png(20_000, 20_000, colour=6, body=zeros(_much(1_600_000_000, edge)))),
        "too_large",
    )
    yield (
        "ico of 16 x 16 with a png of 30,000 x 30,000",
        ico(png(30_000, 30_000, colour=0, body=zeros(_much(900_000_000, edge)))),
        "too_large",
    )
    yield "ico of 16 x 16 with a png at the limit", ico(png(edge, edge, colour=6)), OK, "too_large"
    dib = struct.pack("<IiiHHIIiiII", 40, 30_000, 60_000, 1, 24, 0, 0, 0, 0, 0, 0)
    yield "ico of 16 x 16 with a bitmap of 30,000 x 60,000", ico(dib), "too_large"


def scans(progressive: bytes, more: int) -> bytes:
    """A progressive JPEG with its last scan repeated."""
    at, parts = 2, []
    while progressive[at + 1] != 0xD9:
        marker = progressive[at + 1]
        end = at + 2 + struct.unpack_from(">H", progressive, at + 2)[0]
        if marker == 0xDA:
            while progressive[end] != 0xFF or progressive[end + 1] in (0, *range(0xD0, 0xD8)):
                end += 1
        parts.append(progressive[at:end])
        at = end
    return b"\xff\xd8" + b"".join(parts) + parts[-1] * more + b"\xff\xd9"


def _jpeg(edge: int) -> Made:
    black = Image.new("RGB", (edge, edge))
    plain, progressive = saved(black, "JPEG"), saved(black, "JPEG", progressive=True)
    size = plain.index(b"\xff\xc0") + 5
    yield "jpeg at the limit", plain, OK
    yield (
        "jpeg header of 65,500 x 65,500",
        plain[:size] + struct.pack(">HH", 65_500, 65_500) + plain[size + 4 :],
        ("too_large"),
    )
    yield "jpeg cut off", plain[:2_000], "truncated"
    yield "jpeg in scans at the limit", progressive, OK
    whole = saved(black, "JPEG", progressive=True, subsampling=0)
    yield "jpeg in scans, colours in full, at the limit", whole, OK, "too_large"
    yield "jpeg with 50 scans more", scans(progressive, 50), OK, "too_slow"
    yield "jpeg with 3,000 scans more", scans(progressive, 3_000), OK, "too_slow"
    yield "jpeg with 500,000 segments", b"\xff\xd8" + b"\xff\xfe\0\2" * 500_000 + plain[2:], OK, "too_slow", "too_large"


def _webp(edge: int) -> Made:
    for side in (min(16_383, edge * 2), edge):
        content = saved(Image.new("RGB", (side, side)), "WEBP", lossless=True, quality=0, method=0)
        yield f"webp of {side:,} x {side:,}", content, "too_large", *((OK,) if side == edge else ())
    black = Image.new("RGB", (edge // 2, edge // 2))
    frames = [Image.new("RGB", black.size, (shade, 0, 0)) for shade in range(1, 9)]
    content = saved(black, "WEBP", save_all=True, append_images=frames, lossless=True, quality=0, method=0)
    yield "webp animation", content, OK, "too_large"


def _others(edge: int) -> Made:
    yield "ppm header of 60,000 x 60,000", b"P6 60000 60000 255\n", "too_large"
    yield "ppm, plain, 3,000 x 3,000", b"P2 3000 3000 255\n" + b"0 " * 9_000_000, OK, "too_slow", "too_large"
    yield "ppm, plain, one token of 10 MB", b"P3 10 10 255\n" + b"1" * 10_000_000, "too_slow", "unreadable"
    side = min(edge, 3_000)
    yield "ppm whose white is 254", b"P5 %d %d 254\n" % (side, side) + bytes(side**2), OK, "too_slow"
    codes = bytearray(saved(Image.new("RGB", (64, 64)), "JPEG2000"))
    at = codes.find(b"\xff\x51")
    for place in (at + 6, at + 22):
        struct.pack_into(">II", codes, place, 30_000, 30_000)
    yield "jp2 of 64 x 64 with a codestream of 30,000 x 30,000", bytes(codes), "unreadable", "too_large"
    yield "jp2 at the limit", saved(Image.new("RGB", (edge, edge)), "JPEG2000"), OK, "too_large"
    yield "avif at the limit", saved(Image.new("RGB", (edge, edge)), "AVIF", speed=10), OK, "too_large"
