"""Every kind of image becomes pixels of one shape, and nothing that a file holds makes the decoder raise."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import threading
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from support.datasets import png

from noisecleaner.images.decoder import Decoder
from noisecleaner.images.decoding import FORMATS, Wanted
from noisecleaner.images.failures import Failure
from noisecleaner.images.framing import Framing, framed
from noisecleaner.images.greys import Pixels, to_eight_bits
from noisecleaner.images.limits import Limits
from noisecleaner.ingest import Skip
from noisecleaner.inputs.decoding import Resized, decode, decode_all
from noisecleaner.settings import Crop, Decoding

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def encoded(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def pixels(content: bytes, size: int = 8, **options: int) -> Pixels:
    found = decode(content, [Framing(size)], **options)
    assert not isinstance(found, Skip), found
    (decoded,) = found
    assert decoded.shape == (size, size, 3)
    assert decoded.dtype == np.uint8
    return decoded


def assert_all(decoded: Pixels, colour: tuple[int, int, int], within: int = 0) -> None:
    off = np.abs(decoded.astype(int) - np.array(colour))
    assert off.max() <= within, decoded.reshape(-1, 3)[off.max(axis=-1).argmax()]


def beside(left: object, right: object, mode: str = "RGB", size: tuple[int, int] = (40, 40)) -> Image.Image:
    """Two colours, one in each half."""
    image = Image.new(mode, size, left)  # type: ignore[arg-type]
    image.paste(right, (size[0] // 2, 0, *size))  # type: ignore[arg-type]
    return image


def noisy(width: int = 24, height: int = 18) -> Image.Image:
    values = np.random.default_rng(5).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png_header(width: int, height: int) -> bytes:
    """A valid PNG file that only declares its size: it holds hardly any data."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_grey_becomes_three_equal_channels() -> None:
    assert_all(pixels(encoded(Image.new("L", (20, 10), 100))), (100, 100, 100))


@pytest.mark.parametrize("format", ["PNG", "JPEG"])
def test_an_image_of_several_sizes_is_resized_for_each(format: str) -> None:
    content = encoded(noisy(50, 40), format)
    found = decode(content, [Framing(16), Framing(8), Framing(24)])
    assert not isinstance(found, Skip)
    assert [image.shape for image in found] == [(16, 16, 3), (8, 8, 3), (24, 24, 3)]
    # a JPEG decodes to twice the largest size, whatever the others are
    assert np.array_equal(found[2], pixels(content, 24))
    assert format == "JPEG" or np.array_equal(found[1], pixels(content, 8))


def test_rgb_of_the_asked_size_comes_back_bit_for_bit() -> None:
    image = noisy(8, 8)
    assert np.array_equal(pixels(encoded(image)), np.asarray(image))


def test_alpha_is_composited_on_white() -> None:
    grey = np.full((8, 8, 2), (0, 128), dtype=np.uint8)
    assert_all(pixels(encoded(Image.fromarray(grey))), (127, 127, 127), within=1)
    assert_all(pixels(encoded(Image.new("LA", (9, 9), (50, 255)))), (50, 50, 50))
    assert_all(pixels(encoded(Image.new("LA", (9, 9), (0, 0)))), WHITE)
    halves = pixels(encoded(beside((255, 0, 0, 255), (0, 0, 0, 0), "RGBA")))
    assert_all(halves[:, :3], RED)
    assert_all(halves[:, -3:], WHITE)


def test_palette_colours_are_looked_up() -> None:
    image = Image.new("P", (40, 40), 0)
    image.putpalette([*RED, *BLUE])
    image.paste(1, (20, 0, 40, 40))
    decoded = pixels(encoded(image))
    assert_all(decoded[:, :3], RED)
    assert_all(decoded[:, -3:], BLUE)


@pytest.mark.parametrize("format", ["PNG", "GIF"])
def test_a_transparent_palette_entry_becomes_white(format: str) -> None:
    image = Image.new("P", (40, 40), 0)
    image.putpalette([*RED, *BLUE])
    image.paste(1, (20, 0, 40, 40))
    decoded = pixels(encoded(image, format, transparency=0))
    assert_all(decoded[:, :3], WHITE)
    assert_all(decoded[:, -3:], BLUE)


def test_a_transparent_colour_of_an_rgb_png_becomes_white() -> None:
    decoded = pixels(encoded(beside(RED, BLUE), transparency=RED))
    assert_all(decoded[:, :3], WHITE)
    assert_all(decoded[:, -3:], BLUE)


@pytest.mark.parametrize("edge", [8, 100], ids=["small", "large enough to be drafted"])
def test_cmyk_jpeg_keeps_its_colours(edge: int) -> None:
    red = Image.new("CMYK", (edge, edge), (0, 255, 255, 0))
    assert_all(pixels(encoded(red, "JPEG", quality=95)), RED, within=4)
    assert_all(pixels(encoded(Image.new("CMYK", (edge, edge), (0, 0, 0, 255)), "JPEG")), (0, 0, 0), within=4)


def test_16_bit_grey_is_scaled_and_not_saturated() -> None:
    values = np.repeat(np.array([[0, 100 * 257, 200 * 257, 65_535]], dtype=np.uint16), 4, axis=0)
    content = encoded(Image.fromarray(values))
    with Image.open(io.BytesIO(content)) as image:
        assert image.mode.startswith("I")
    assert pixels(content, 4)[0].tolist() == [[v] * 3 for v in (0, 100, 200, 255)]


def test_16_bit_of_either_byte_order_and_in_a_wider_mode_is_the_same() -> None:
    values = np.repeat(np.array([[0, 100 * 257, 65_535]], dtype=np.uint16), 3, axis=0)
    little = pixels(encoded(Image.fromarray(values), "TIFF"), 3)
    big = pixels(encoded(Image.frombytes("I;16B", (3, 3), values.astype(">u2").tobytes()), "TIFF"), 3)
    wide = pixels(encoded(Image.fromarray(values.astype(np.int32)), "TIFF"), 3)
    assert little[0, :, 0].tolist() == [0, 100, 255]
    assert np.array_equal(little, big)
    assert np.array_equal(little, wide)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 127, 255]),  # a scale of 0 to 1
        ([0.0, 100.0, 255.0], [0, 100, 255]),  # of 0 to 255
        ([-5.0, 20.0, 250.0], [0, 25, 255]),
        ([np.nan, 20.0, np.inf], [0, 20, 255]),
        ([np.nan, np.nan, np.nan], [0, 0, 0]),
    ],
)
def test_float_tiff_is_scaled_by_its_range(values: list[float], expected: list[int]) -> None:
    image = Image.fromarray(np.repeat(np.array([values], dtype=np.float32), 3, axis=0))
    assert pixels(encoded(image, "TIFF"), 3)[1, :, 1].tolist() == expected


def test_one_bit_images_are_black_and_white() -> None:
    decoded = pixels(encoded(beside(0, 1, "1")))
    assert_all(decoded[:, :3], (0, 0, 0))
    assert_all(decoded[:, -3:], WHITE)


#: The corners top left, top right, bottom left, bottom right (0 to 3 in the file) as they are to be shown.
ORIENTATIONS = {
    1: [0, 1, 2, 3],
    2: [1, 0, 3, 2],
    3: [3, 2, 1, 0],
    4: [2, 3, 0, 1],
    5: [0, 2, 1, 3],
    6: [2, 0, 3, 1],
    7: [3, 1, 2, 0],
    8: [1, 3, 0, 2],
}


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_grey_of_fewer_bits_in_a_16_bit_file_uses_the_whole_range(bits: int) -> None:
    values = np.repeat(np.array([[0, 100, 200, 255]], dtype=np.uint16) << (bits - 8), 4, axis=0)
    for format in ("PNG", "TIFF"):
        assert pixels(encoded(Image.fromarray(values), format), 4)[0, :, 0].tolist() == [0, 100, 200, 255]


@given(st.lists(st.integers(0, 65_535), min_size=1, max_size=40), st.integers(1 << 14, 65_535))
def test_an_image_that_uses_its_16_bits_keeps_the_upper_eight(values: list[int], largest: int) -> None:
    grey = np.array([*values, largest], dtype=np.uint16)
    assert np.array_equal(to_eight_bits(grey), grey >> 8)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([0, 70_000, 255 * 70_000], np.int32), [0, 1, 255]),
        (np.array([-1000, 0, 3000], np.int32), [0, 63, 255]),
        (np.array([0, 0], np.int32), [0, 0]),
        (np.array([0.0, 1000.0, 2550.0], np.float32), [0, 100, 255]),
        (np.array([0.0, 100.0, 255.0], np.float32), [0, 100, 255]),
        (np.array([0.0, 0.5, 1.0], np.float32), [0, 127, 255]),
        (np.array([-1.0, 0.0, 1.0], np.float32), [0, 127, 255]),
        (np.array([np.nan, 102.0, 510.0, np.inf, -np.inf], np.float32), [0, 51, 255, 255, 0]),
        (np.array([np.nan, np.nan], np.float32), [0, 0]),
        (np.array([-3e38, 3e38], np.float32), [0, 255]),
    ],
)
def test_values_beyond_the_usual_ranges_are_scaled_by_their_own(values: Any, expected: list[int]) -> None:
    assert to_eight_bits(values).tolist() == expected


@given(
    st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=20)
    | st.lists(st.floats(width=32), min_size=1, max_size=20)
)
def test_any_grey_values_keep_their_order(values: list[int] | list[float]) -> None:
    grey = np.array(values, dtype=np.int32 if isinstance(values[0], int) else np.float32)
    scaled = to_eight_bits(grey)[np.argsort(np.nan_to_num(grey), kind="stable")]
    assert (np.diff(scaled.astype(int)) >= 0).all()


def test_photographs_of_phones_are_decoded_with_pillow_heif() -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    assert "HEIF" in FORMATS
    assert_all(pixels(encoded(Image.new("RGB", (64, 48), (200, 30, 30)), "HEIF", quality=95)), (200, 30, 30), within=6)


@pytest.mark.parametrize(("library", "known"), [("def register_heif_opener(): pass", True), ("raise OSError", False)])
def test_pillow_heif_is_used_where_it_loads(tmp_path: Path, library: str, known: bool) -> None:
    opener = "from PIL import Image\nImage.register_open('HEIF', lambda *_: None)\n"
    (tmp_path / "pillow_heif.py").write_text(opener * known + library)
    code = "from noisecleaner.images.decoding import FORMATS; print('HEIF' in FORMATS)"
    paths = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    environment = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=False)
    assert done.stdout.decode().split() == [str(known)], done.stderr.decode()


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("edge", [16, 96], ids=["small", "large enough to be drafted"])
def test_exif_orientation_turns_the_pixels(orientation: int, edge: int) -> None:
    colours = [RED, GREEN, BLUE, WHITE]
    image = Image.new("RGB", (edge, edge))
    for corner, colour in enumerate(colours):
        left, top = (corner % 2) * edge // 2, (corner // 2) * edge // 2
        image.paste(colour, (left, top, left + edge // 2, top + edge // 2))
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = pixels(encoded(image, "JPEG", quality=95, subsampling=0, exif=exif))
    shown = [decoded[0, 0], decoded[0, -1], decoded[-1, 0], decoded[-1, -1]]
    nearest = [min(range(4), key=lambda c: int(np.abs(s.astype(int) - colours[c]).sum())) for s in shown]
    assert nearest == ORIENTATIONS[orientation]


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (3, 2000), (17, 31)])
def test_odd_sizes_are_stretched_to_the_square(size: tuple[int, int]) -> None:
    assert_all(pixels(encoded(Image.new("RGB", size, (10, 200, 30)))), (10, 200, 30))
    assert_all(pixels(encoded(Image.new("RGB", size, (10, 200, 30)), "JPEG", quality=95)), (10, 200, 30), within=3)


def test_both_ends_of_a_wide_image_are_kept() -> None:
    decoded = pixels(encoded(beside(RED, BLUE, size=(400, 20))))
    assert_all(decoded[:, :3], RED)
    assert_all(decoded[:, -3:], BLUE)


def test_a_large_jpeg_is_close_to_its_full_decode() -> None:
    coarse = Image.fromarray(np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8))
    image = coarse.resize((640, 480), Image.Resampling.BICUBIC)
    content = encoded(image, "JPEG", quality=95)
    with Image.open(io.BytesIO(content)) as full:
        expected = np.asarray(full.resize((32, 32), Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(pixels(content, 32) - expected).mean() < 3


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_taken(format: str) -> None:
    first, second = Image.new("RGB", (20, 20), RED), Image.new("RGB", (20, 20), BLUE)
    content = encoded(first, format, save_all=True, append_images=[second, second], duration=10)
    with Image.open(io.BytesIO(content)) as image:
        assert getattr(image, "n_frames", 1) > 1
    assert_all(pixels(content), RED, within=4)


def test_lossless_webp_comes_back_bit_for_bit() -> None:
    image = noisy(8, 8)
    assert np.array_equal(pixels(encoded(image, "WEBP", lossless=True)), np.asarray(image))


@pytest.mark.parametrize("format", [f for f in FORMATS if f not in ("PNG", "GIF")] + ["MPO"])
def test_every_accepted_format_keeps_its_colours(format: str) -> None:
    assert_all(pixels(encoded(Image.new("RGB", (32, 32), (100, 150, 200)), format)), (100, 150, 200), within=4)


@pytest.mark.parametrize("format", ["PCX", "SGI", "TGA", "EPS", "PDF"])
def test_rarer_formats_are_not_opened(format: str) -> None:
    assert decode(encoded(Image.new("RGB", (8, 8), RED), format), [Framing(8)]) is Skip.UNSUPPORTED_FORMAT


@pytest.mark.parametrize("content", [b"", b"\0", b"<!DOCTYPE html><title>404</title>", "Grüße".encode() * 99])
def test_what_is_no_image_is_an_unsupported_format(content: bytes) -> None:
    assert decode(content, [Framing(8)]) is Skip.UNSUPPORTED_FORMAT


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_truncated_file_is_skipped(format: str, share: float) -> None:
    content = encoded(noisy(64, 64), format)
    assert not isinstance(decode(content, [Framing(8)]), Skip)
    assert decode(content[: int(share * len(content))], [Framing(8)]) in (Skip.TRUNCATED, Skip.UNREADABLE)


def test_a_truncated_jpeg_and_png_are_called_truncated() -> None:
    for format in ("JPEG", "PNG"):
        content = encoded(noisy(64, 64), format)
        assert decode(content[: len(content) // 2], [Framing(8)]) is Skip.TRUNCATED


@pytest.mark.parametrize("edge", [8_001, 9_000, 12_000, 60_000], ids=str)
def test_a_decompression_bomb_is_refused_by_its_header(edge: int) -> None:
    content = png_header(edge, edge)
    assert len(content) < 200
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        assert decode(content, [Framing(8)]) is Skip.TOO_LARGE
    assert list(
        decode_all([(0, content)], framings=[Framing(8)], decoding=Decoding(max_pixels=64_000_000, threads=1))
    ) == [(0, Skip.TOO_LARGE)]


def test_a_bomb_in_the_text_of_a_png_is_unreadable() -> None:
    content = encoded(noisy())
    text = chunk(b"zTXt", b"note\0\0" + zlib.compress(bytes(50_000_000)))
    with pytest.raises(ValueError, match="too large"):
        Image.open(io.BytesIO(content[:33] + text + content[33:]))
    assert decode(content[:33] + text + content[33:], [Framing(8)]) is Skip.UNREADABLE


def test_the_limit_of_pixels_is_width_times_height_and_may_be_reached() -> None:
    content = encoded(Image.new("RGB", (30, 20), GREEN))
    assert decode(content, [Framing(8)], max_pixels=599) is Skip.TOO_LARGE
    assert_all(pixels(content, max_pixels=600), GREEN)


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    """One for many images: it starts its children once."""
    with Decoder(threads=1, limits=Limits(max_pixels=10_000)) as ready:
        yield ready


def assert_sound(decoder: Decoder, content: bytes) -> None:
    decoded = decoder.decode(content, Wanted(framings=(Framing(8),)))
    assert isinstance(decoded, Failure) or (decoded[0].shape == (8, 8, 3) and decoded[0].dtype == np.uint8)


SEEDS = {format: encoded(noisy(), format) for format in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")} | {
    "palette": encoded(noisy().quantize(16), "PNG", transparency=3),
    "progressive": encoded(noisy(), "JPEG", progressive=True),
}
STARTS = [content[:n] for content in SEEDS.values() for n in (2, 4, 8, 12, 33)]


@pytest.mark.filterwarnings("ignore::UserWarning:PIL", "ignore::PIL.Image.DecompressionBombWarning")
@settings(max_examples=200, deadline=None)
@given(st.sampled_from([b"", *STARTS]), st.binary(max_size=300))
def test_random_bytes_never_raise(decoder: Decoder, start: bytes, rest: bytes) -> None:
    assert_sound(decoder, start + rest)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL", "ignore::PIL.Image.DecompressionBombWarning")
@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(sorted(SEEDS)),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8),
    st.none() | st.floats(0, 1),
)
@example("PNG", [(0.0, 0)], None)
def test_mutated_images_never_raise(
    decoder: Decoder, name: str, changes: list[tuple[float, int]], cut: float | None
) -> None:
    content = bytearray(SEEDS[name])
    for place, value in changes:
        content[int(place * len(content))] = value
    assert_sound(decoder, bytes(content[: None if cut is None else int(cut * len(content))]))


@pytest.mark.filterwarnings("ignore::UserWarning:PIL", "ignore::PIL.Image.DecompressionBombWarning")
@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["PNG", "palette"]), st.lists(st.tuples(st.integers(8, 2**16), st.integers(0, 255)), min_size=1))
def test_mutated_png_with_right_checksums_never_raises(
    decoder: Decoder, name: str, changes: list[tuple[int, int]]
) -> None:
    content = bytearray(SEEDS[name])
    for place, value in changes:
        content[8 + place % (len(content) - 8)] = value
    at = 8
    while at + 12 <= len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        end = at + 8 + length
        if end + 4 > len(content):
            break
        content[end : end + 4] = struct.pack(">I", zlib.crc32(content[at + 4 : end]))
        at = end + 4
    assert_sound(decoder, bytes(content))


def stream(rows: int) -> list[tuple[int, bytes | Skip]]:
    """Images of a colour for each row, with passed-on reasons and broken files among them."""
    rng = np.random.default_rng(0)
    content: list[tuple[int, bytes | Skip]] = [(3 * row, png(row % 3, rng)) for row in range(rows)]
    content[5] = (15, Skip.MISSING_FILE)
    content[9] = (27, b"no image")
    content[-1] = (3 * rows - 3, Skip.NO_IMAGE)
    return content


def comparable(results: Iterator[tuple[int, Resized | Skip]]) -> list[tuple[int, object]]:
    return [(row, r if isinstance(r, Skip) else r[0].tobytes()) for row, r in results]


def test_a_stream_keeps_its_order_and_passes_reasons_through() -> None:
    images = stream(100)
    results = dict(decode_all(iter(images), framings=[Framing(8)], decoding=Decoding(max_pixels=10_000, threads=4)))
    assert list(results) == [row for row, _ in images]
    assert {row: r for row, r in results.items() if isinstance(r, Skip)} == {
        15: Skip.MISSING_FILE,
        27: Skip.UNSUPPORTED_FORMAT,
        297: Skip.NO_IMAGE,
    }
    for row, content in images:
        result = results[row]
        if not isinstance(result, Skip):
            assert result[0].mean(axis=(0, 1)).argmax() == (row // 3) % 3
            assert isinstance(content, bytes)
            assert np.array_equal(result[0], pixels(content))


def test_one_thread_and_four_decode_the_same() -> None:
    images = stream(80)
    alone = comparable(decode_all(iter(images), framings=[Framing(8)], decoding=Decoding(max_pixels=10_000, threads=1)))
    assert alone == comparable(
        decode_all(iter(images), framings=[Framing(8)], decoding=Decoding(max_pixels=10_000, threads=4))
    )
    assert len(alone) == 80


def test_only_a_few_images_wait_in_memory() -> None:
    read: list[int] = []

    def source() -> Iterator[tuple[int, bytes | Skip]]:
        for row, content in stream(200):
            read.append(row)
            yield row, content

    results = decode_all(source(), framings=[Framing(8)], decoding=Decoding(max_pixels=10_000, threads=2))
    assert next(results)[0] == 0
    assert len(read) <= 20
    results.close()
    assert len(read) <= 20


def test_an_error_of_the_source_comes_through_and_ends_the_threads() -> None:
    def source() -> Iterator[tuple[int, bytes | Skip]]:
        yield from stream(30)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(decode_all(source(), framings=[Framing(8)], decoding=Decoding(max_pixels=10_000, threads=2)))
    assert not [t for t in threading.enumerate() if t.name.startswith("decode")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff\xd8\xff not", Skip.UNREADABLE),
        (b"\x89PNG\r\n\x1a\n", Skip.UNREADABLE),
        (b"GIF89a", Skip.UNREADABLE),
        (b"RIFF\0\0\0\0WEBP", Skip.UNREADABLE),
        (b"8BPS\0\1", Skip.UNSUPPORTED_FORMAT),
        (b"<html>", Skip.UNSUPPORTED_FORMAT),
    ],
)
def test_what_begins_like_an_image_and_is_none_is_broken_not_of_another_format(content: bytes, reason: Skip) -> None:
    assert decode(content, [Framing(8)]) is reason


PHOTOGRAPHS = [(300, 200), (201, 457), (64, 64), (500, 31)]


def photograph(size: tuple[int, int]) -> Image.Image:
    rng = np.random.default_rng(sum(size))
    return Image.fromarray(rng.integers(0, 256, (*size[::-1], 3)).astype(np.uint8))


@pytest.mark.parametrize("size", PHOTOGRAPHS)
@pytest.mark.parametrize("share", [1.0, 0.875])
@pytest.mark.parametrize("crop", ["squash", "center"])
@pytest.mark.parametrize("filter", ["bilinear", "bicubic"])
def test_a_square_is_that_of_torchvision(
    size: tuple[int, int], share: float, crop: Crop, filter: Literal["bilinear", "bicubic"]
) -> None:
    from torchvision import transforms

    framing, image = Framing(56, crop, share, filter), photograph(size)
    wanted = (framing.scale, framing.scale) if crop == "squash" else framing.scale
    resize = transforms.Resize(wanted, interpolation=transforms.InterpolationMode(filter))
    expected = np.asarray(transforms.CenterCrop(56)(resize(image))).astype(int)
    assert np.abs(np.asarray(framed(image, framing)).astype(int) - expected).max() <= 1


@pytest.mark.parametrize("size", PHOTOGRAPHS)
def test_a_padded_square_shows_all_of_the_image(size: tuple[int, int]) -> None:
    image, framing = photograph(size), Framing(56, "pad")
    square = np.asarray(framed(image, framing))
    width, height = framing.scaled(*size)
    left, top = (56 - width) // 2, (56 - height) // 2
    inside = square[top : top + height, left : left + width]
    assert np.array_equal(inside, np.asarray(image.resize((width, height), Image.Resampling.BILINEAR)))
    outside = np.ones((56, 56), bool)
    outside[top : top + height, left : left + width] = False
    assert (square[outside] == (124, 116, 104)).all()


@pytest.mark.parametrize("crop", ["squash", "center", "pad"])
@pytest.mark.parametrize("size", [(1, 60_000), (60_000, 1), (1, 1), (3, 20_000)])
def test_a_line_of_pixels_becomes_a_square_without_a_large_image(size: tuple[int, int], crop: Crop) -> None:
    """The shorter edge at 224 pixels would make the longer one 13 million, which is 9 GB."""
    found = decode(encoded(Image.new("RGB", size, RED), "PNG"), [Framing(224, crop, 0.9)])
    assert not isinstance(found, Skip)
    (square,) = found
    assert square.shape == (224, 224, 3)
    assert tuple(square[111, 111]) == RED


def test_an_image_is_framed_for_each_network() -> None:
    framings = [Framing(8), Framing(16, "center", 0.9, "bicubic"), Framing(24, "pad")]
    together = decode(encoded(photograph((90, 40)), "PNG"), framings)
    alone = [decode(encoded(photograph((90, 40)), "PNG"), [framing]) for framing in framings]
    assert not isinstance(together, Skip)
    assert all(np.array_equal(square, own[0]) for square, own in zip(together, alone, strict=True))  # type: ignore[arg-type]  # an image
