"""Encoded image -> RGB pixels of one size. The only place that decodes; it never raises on bad input."""

from __future__ import annotations

import io
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from noisecleaner.ingest import Skip
from noisecleaner.ingest.files.kinds import format_of
from noisecleaner.networks.framing import Framing
from noisecleaner.settings import MAX_PIXELS, Decoding
from noisecleaner.threads import in_threads

Pixels = npt.NDArray[np.uint8]
#: One image in several framings.
Resized = tuple[Pixels, ...]

Image.init()  # registers the readers; `Image.open(formats=…)` fails on those it has not met yet
with suppress(ImportError, OSError):  # an extra, and its library may be broken
    import pillow_heif

    pillow_heif.register_heif_opener()
#: The formats that are opened at all; Pillow knows rarer ones with less tested readers. HEIF: only with pillow-heif.
FORMATS = tuple(
    sorted(
        {"JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000", "ICO", "HEIF"} & set(Image.OPEN)
    )
)
#: Bits that cameras and scanners fill of the 16 that a file has for a grey value.
_DEPTHS = (8, 10, 12, 14, 16)
#: What shows through transparent pixels.
_BACKDROP = (255, 255, 255, 255)
#: What fills an image up to a square: the mean colour of photographs, which networks take for nothing.
_FILLING = (124, 116, 104)


def decode(encoded: bytes, framings: Sequence[Framing], *, max_pixels: int = MAX_PIXELS) -> Resized | Skip:
    """Decode one image to RGB and make squares of it.

    EXIF orientation is applied, grey images of more than 8 bits are scaled by their own range (`to_eight_bits`),
    transparent pixels become white, of an animation the first frame is taken.

    Args:
        encoded: the bytes of an image file.
        framings: how the image becomes each of the squares.
        max_pixels: width times height above which the image is refused before it is decoded.

    Returns:
        Pixels of shape [size, size, 3] for each framing, or the reason why there are none.
    """
    rgb = picture(encoded, least=2 * max(framing.scale for framing in framings), max_pixels=max_pixels)
    if isinstance(rgb, Skip):
        return rgb
    return tuple(np.asarray(framed(rgb, framing)) for framing in framings)


def framed(rgb: Image.Image, framing: Framing) -> Image.Image:
    """Make a square of an image: scale it, cut what stands over and fill up what is missing, both evenly.

    What is cut is never made, however long the image is; what remains is as if it had been.
    """
    size, scaled = framing.size, framing.scaled(*rgb.size)
    shown = (min(size, scaled[0]), min(size, scaled[1]))
    # rounded as torchvision does, half to even
    left, top = (round((whole - part) / 2) for whole, part in zip(scaled, shown, strict=True))
    across, down = (own / whole for own, whole in zip(rgb.size, scaled, strict=True))
    box = (left * across, top * down, (left + shown[0]) * across, (top + shown[1]) * down)
    filter = Image.Resampling[framing.interpolation.upper()]
    resized = rgb.resize(shown, filter, box=None if shown == scaled else box)
    if shown == (size, size):
        return resized
    square = Image.new("RGB", (size, size), _FILLING)
    square.paste(resized, ((size - shown[0]) // 2, (size - shown[1]) // 2))
    return square


def picture(encoded: bytes, *, least: int, max_pixels: int = MAX_PIXELS) -> Image.Image | Skip:
    """Decode one image to RGB, as `decode` does, in its own size or in any above `least`.

    Args:
        encoded: the bytes of an image file.
        least: edge length above which it may become smaller: a JPEG decodes at a half, quarter or eighth for a fraction
            of the cost.
        max_pixels: width times height above which the image is refused before it is decoded.

    Returns:
        The image, or the reason why there is none.
    """
    try:
        with Image.open(io.BytesIO(encoded), formats=FORMATS) as image:
            if image.width * image.height > max_pixels:
                return Skip.TOO_LARGE
            if min(image.size) >= least:
                image.draft("RGB", (least, least))
            ImageOps.exif_transpose(image, in_place=True)  # in place, or an upright image would be copied
            rgb = _to_rgb(image)
            rgb.load()  # before its file is closed
            return rgb
    except Image.DecompressionBombError:
        return Skip.TOO_LARGE
    except UnidentifiedImageError:
        # it begins like an image that is opened, but what follows is none
        return Skip.UNREADABLE if format_of(encoded) in FORMATS else Skip.UNSUPPORTED_FORMAT
    except OSError as error:
        return Skip.TRUNCATED if "truncated" in str(error).lower() else Skip.UNREADABLE
    except Exception:  # Pillow's readers raise SyntaxError, ValueError, struct.error and more on broken files
        return Skip.UNREADABLE


def decode_all(
    images: Iterable[tuple[int, bytes | Skip]], *, framings: Sequence[Framing], decoding: Decoding
) -> Generator[tuple[int, Resized | Skip]]:
    """Decode a stream of encoded images in threads (Pillow releases the interpreter lock), in order.

    Args:
        images: `(row, encoded bytes or a reason)`.
        framings: how an image becomes each of its squares.
        decoding: threads and limits.

    Yields:
        `(row, pixels of shape [size, size, 3] for each framing, or a reason)`.
    """

    def one(image: tuple[int, bytes | Skip]) -> tuple[int, Resized | Skip]:
        row, encoded = image
        return row, encoded if isinstance(encoded, Skip) else decode(encoded, framings, max_pixels=decoding.max_pixels)

    with own_limit():
        ahead = 8 * decoding.threads
        yield from in_threads(one, images, threads=decoding.threads, ahead=ahead, name="decode", paced=True)


def _to_rgb(image: Image.Image | ImageFile.ImageFile) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return Image.fromarray(to_eight_bits(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, _BACKDROP), rgba).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def to_eight_bits(values: npt.NDArray[np.generic]) -> Pixels:
    """Scale grey values to 0 to 255; `convert("RGB")` would saturate every value above 255 instead.

    Integers up to 65,535 lose the bits below the upper eight of those that the image fills, which are 8, 10, 12, 14 or
    16: 12-bit data in a 16-bit file is not black. Floats up to 1 are shares, floats up to 255 stay. What goes higher
    is divided by its own maximum, and what goes below zero is stretched from its own minimum to its own maximum.

    Args:
        values: integers or floats of any shape; NaN counts as 0, infinity is white.

    Returns:
        Values of the same shape.
    """
    floating = np.issubdtype(values.dtype, np.floating)
    wide: npt.NDArray[Any] = values.astype(np.float32 if floating else np.int64)
    wide[np.isnan(wide)] = 0
    finite = wide[np.isfinite(wide)] if floating else wide
    low, high = finite.min(initial=0).item(), finite.max(initial=0).item()
    if low < 0:
        factor = 255 / (high - low)
        scaled = wide * factor - low * factor
    elif high <= 1 and floating:
        scaled = wide * 255
    elif high > (255 if floating else 65_535):
        scaled = wide * (255 / high)
    else:
        scaled = wide if floating else wide >> next(bits - 8 for bits in _DEPTHS if high < 1 << bits)
    return np.asarray(np.clip(scaled, 0, 255).astype(np.uint8))


@contextmanager
def own_limit() -> Iterator[None]:
    """Lift Pillow's own limit for a while: `decode` judges the size itself, by `max_pixels`."""
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before
