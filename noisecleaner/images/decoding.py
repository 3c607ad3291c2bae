"""Encoded image -> RGB pixels of the sizes that are asked for. The only place that decodes; it raises on no input."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from noisecleaner.images.costs import Opened, opening
from noisecleaner.images.failures import Failure
from noisecleaner.images.framing import Framing, framed
from noisecleaner.images.greys import Pixels
from noisecleaner.images.limits import Limits
from noisecleaner.images.ordinary import size_of_png, size_of_webp
from noisecleaner.images.picture import Picture

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
#: Bytes of a file whose parts Pillow reads one by one when it is opened, eight million a second.
_MAX_PARTS = 64_000_000


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is made of an image.

    Args:
        framings: how it becomes squares.
        edge: the longest edge of a picture of it, its shape kept, that never becomes larger than it is. None for none.
    """

    framings: tuple[Framing, ...] = ()
    edge: int | None = None

    @property
    def least(self) -> int:
        """Edge length above which a JPEG may decode to a half, quarter or eighth, for a fraction of the cost."""
        return 2 * max([*(framing.scale for framing in self.framings), self.edge or 1])

    def made(self, picture: Picture) -> tuple[Pixels, ...]:
        """Make it: of shape [size, size, 3] for each square, and of shape [height, width, 3] for the picture."""
        images = [framed(picture, framing) for framing in self.framings]
        if self.edge is not None:
            factor = self.edge / max(picture.size)
            width, height = (max(1, round(length * factor)) for length in picture.size)
            images.append(picture.resize((width, height), Image.Resampling.LANCZOS) if factor < 1 else picture.rgb)
        return tuple(np.asarray(image) for image in images)

    def to_json(self) -> dict[str, Any]:
        """Make what `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Wanted:
        """Bring back what `to_json` made."""
        return cls(framings=tuple(map(Framing.from_json, content["framings"])), edge=content["edge"])


def decode_here(
    encoded: bytes, wanted: Wanted, limits: Limits, *, ask: Callable[[int], None] | None = None
) -> tuple[Pixels, ...] | Failure:
    """Decode an image in this process, one that is `ordinary`, or with somebody who is asked for what it takes.

    EXIF orientation is applied, grey images of more than 8 bits are scaled by their own range (`to_eight_bits`),
    transparent pixels become white, of an animation the first frame is taken.

    Args:
        encoded: the bytes of an image file.
        wanted: what to make of it.
        limits: of it.
        ask: is called before it is decoded, with the bytes that it needs, unless it takes too much; None where that is
            known already.

    Returns:
        What is wanted, or the reason why there is none.
    """
    if ask is not None and opening(encoded) > limits.image:
        return Failure.TOO_LARGE
    try:
        with Image.open(io.BytesIO(encoded), formats=FORMATS) as image:
            size = image.size
            if limits.refuses(*size):
                return Failure.TOO_LARGE
            if min(size) >= wanted.least:
                image.draft("RGB", (wanted.least, wanted.least))
            if ask is not None:
                opened = Opened(image, encoded, size)
                if (failure := opened.refused(limits)) is not None:
                    return failure
                ask(opened.needed(limits))
            return wanted.made(Picture.of(image))
    except Exception as error:  # Pillow's readers raise SyntaxError, ValueError, struct.error and more on broken files
        return _reason(error)


@contextmanager
def without_pillows_limit() -> Iterator[None]:
    """Lift Pillow's own limit of pixels for a while: the size is judged here."""
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def size_of(encoded: bytes) -> tuple[int, int] | None:
    """Width and height of an image as its header has them, whatever they are; None where it does not open.

    It is not decoded, and takes 40 MB and some seconds at most: a JPEG or GIF may hold millions of small parts before
    it says anything, and one that is so large is not opened.
    """
    if encoded.startswith(b"\0\0\1\0"):  # an icon is decoded when it is opened: its directory tells
        return None if len(encoded) < 8 else (encoded[6] or 256, encoded[7] or 256)
    if (size := size_of_webp(encoded) or size_of_png(encoded)) is not None:
        return size
    if len(encoded) > _MAX_PARTS and encoded.startswith((b"\xff\xd8", b"GIF8")):
        return None
    try:
        with _quietly(), Image.open(io.BytesIO(encoded), formats=FORMATS) as image:
            return image.size
    except Exception:  # as above
        return None


@contextmanager
def _quietly() -> Iterator[None]:
    """Open images without Pillow's own limit, and without a word of what is odd about them."""
    with without_pillows_limit(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _reason(error: Exception) -> Failure:
    """Say what an image is whose reader raised something."""
    text = str(error).lower()
    if isinstance(error, (Image.DecompressionBombError, MemoryError)) or "memory" in text or "error -9" in text:
        return Failure.TOO_LARGE
    if isinstance(error, UnidentifiedImageError):
        return Failure.UNSUPPORTED_FORMAT
    return Failure.TRUNCATED if isinstance(error, OSError) and "truncated" in text else Failure.UNREADABLE
