"""Encoded image -> RGB pixels of one size. The only place that decodes; it never raises on bad input."""

from __future__ import annotations

import io
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from noisecleaner.ingest import Skip
from noisecleaner.settings import MAX_PIXELS, Decoding
from noisecleaner.threads import in_threads

Pixels = npt.NDArray[np.uint8]

Image.init()  # registers the readers; `Image.open(formats=…)` fails on those it has not met yet
#: The formats that are opened at all; Pillow knows rarer ones with less tested readers.
FORMATS = tuple(
    sorted({"JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000", "ICO"} & set(Image.OPEN))
)
#: What shows through transparent pixels.
_BACKDROP = (255, 255, 255, 255)


def decode(encoded: bytes, size: int, *, max_pixels: int = MAX_PIXELS) -> Pixels | Skip:
    """Decode one image to RGB and resize the whole of it to a square.

    EXIF orientation is applied, 16-bit and float images are scaled to 8 bits, transparent pixels become
    white, of an animation the first frame is taken. The aspect ratio is not kept, because a crop could
    cut off what the label names.

    Args:
        encoded: the bytes of an image file.
        size: edge length of the result.
        max_pixels: width times height above which the image is refused before it is decoded.

    Returns:
        Pixels of shape [size, size, 3], or the reason why there are none.
    """
    try:
        with Image.open(io.BytesIO(encoded), formats=FORMATS) as image:
            if image.width * image.height > max_pixels:
                return Skip.TOO_LARGE
            if min(image.size) >= 2 * size:
                # JPEG decodes at a half, quarter or eighth for a fraction of the cost
                image.draft("RGB", (2 * size, 2 * size))
            ImageOps.exif_transpose(image, in_place=True)  # in place, or an upright image would be copied
            rgb = _to_rgb(image)
            return np.asarray(rgb.resize((size, size), Image.Resampling.BILINEAR))
    except Image.DecompressionBombError:
        return Skip.TOO_LARGE
    except UnidentifiedImageError:
        return Skip.UNSUPPORTED_FORMAT
    except OSError as error:
        return Skip.TRUNCATED if "truncated" in str(error).lower() else Skip.UNREADABLE
    except Exception:  # Pillow's readers raise SyntaxError, ValueError, struct.error and more on broken files
        return Skip.UNREADABLE


def decode_all(
    images: Iterable[tuple[int, bytes | Skip]], *, size: int, decoding: Decoding
) -> Generator[tuple[int, Pixels | Skip]]:
    """Decode a stream of encoded images in threads (Pillow releases the interpreter lock), in order.

    Args:
        images: `(row, encoded bytes or a reason)`.
        size: edge length of the results.
        decoding: threads and limits.

    Yields:
        `(row, pixels of shape [size, size, 3] or a reason)`.
    """

    def one(image: tuple[int, bytes | Skip]) -> tuple[int, Pixels | Skip]:
        row, encoded = image
        return row, encoded if isinstance(encoded, Skip) else decode(encoded, size, max_pixels=decoding.max_pixels)

    with _own_limit():
        yield from in_threads(one, images, threads=decoding.threads, ahead=8 * decoding.threads, name="decode")


def _to_rgb(image: Image.Image | ImageFile.ImageFile) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return Image.fromarray(_to_eight_bits(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, _BACKDROP), rgba).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _to_eight_bits(values: npt.NDArray[np.generic]) -> Pixels:
    """Scale 16-bit integers (0 to 65,535) and floats (0 to 1, else 0 to 255) to 0 to 255.

    `convert("RGB")` would saturate every value above 255 instead.
    """
    if np.issubdtype(values.dtype, np.floating):
        finite = np.nan_to_num(values.astype(np.float32))
        scaled = finite * 255 if finite.max(initial=0) <= 1 else finite
        return np.clip(scaled, 0, 255).astype(np.uint8)
    return (np.clip(values.astype(np.int64), 0, 65_535) >> 8).astype(np.uint8)


@contextmanager
def _own_limit() -> Iterator[None]:
    """Lift Pillow's own limit for a while: `decode` judges the size itself, by `max_pixels`."""
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before
