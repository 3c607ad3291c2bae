"""Small pictures of rows, as WebP that a page carries inside."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from noisecleaner.arrays import IntArray
from noisecleaner.images.decoding import Wanted
from noisecleaner.ingest import Images, Skip
from noisecleaner.inputs.decoding import Resized, made_of


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large pictures are.

    Args:
        edge: the longer one in the page, in its pixels; smaller originals keep their pixels, and the page enlarges them
            with nearest neighbour.
        bytes: that a picture may have, as far as it can still be recognised with so few.
        exact: originals up to this edge, which is less than `edge`, keep every pixel as it is, whatever that costs.
        qualities: of WebP, 0 to 100: the first that keeps a picture small is taken, or the last one.
    """

    edge: int
    bytes: int
    exact: int = 0
    qualities: tuple[int, ...] = (85, 60, 35, 20)


@dataclass(frozen=True, kw_only=True)
class Thumbnail:
    """A picture.

    Args:
        webp: its bytes.
        width: in pixels of the page.
        height: likewise.
        enlarged: whether the page shows each of its pixels as several.
    """

    webp: bytes
    width: int
    height: int
    enlarged: bool

    @property
    def data(self) -> str:
        """The picture as a URI that holds it."""
        return f"data:image/webp;base64,{base64.b64encode(self.webp).decode('ascii')}"


def thumbnails(images: Images, rows: IntArray, *, size: Size) -> Iterator[tuple[int, Thumbnail | Skip]]:
    """Make pictures of some rows, in threads.

    Args:
        images: of all rows of a dataset.
        rows: ascending, shape [n].
        size: of them.

    Yields:
        Row and picture, or the reason why there is none, in the order of `rows`.
    """
    return made_of(images.read(np.sort(rows)), Wanted(edge=size.edge), lambda made: _thumbnail(made, size))


def _thumbnail(made: Resized, size: Size) -> Thumbnail:
    """Encode an image of at most an edge; the page enlarges what is smaller."""
    image = Image.fromarray(made[0])
    factor = size.edge / max(image.size)
    width, height = (max(1, round(length * factor)) for length in image.size)
    webp = _lossless(image) if max(image.size) <= size.exact else _webp(image, size)
    return Thumbnail(webp=webp, width=width, height=height, enlarged=factor > 1)


def _lossless(image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.save(content, "WEBP", lossless=True, method=4)
    return content.getvalue()


def _webp(image: Image.Image, size: Size) -> bytes:
    """Encode an image as well as so many bytes allow."""
    encoded = b""
    for quality in size.qualities:
        content = io.BytesIO()
        image.save(content, "WEBP", quality=quality, method=2)
        encoded = content.getvalue()
        if len(encoded) <= size.bytes:
            break
    return encoded
