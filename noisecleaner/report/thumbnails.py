"""Small pictures of rows, as WebP that a page carries inside."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from noisecleaner.arrays import IntArray
from noisecleaner.ingest import Images, Skip
from noisecleaner.inputs.decoding import own_limit, picture
from noisecleaner.threads import cores, in_threads

#: Edges of pictures in the page, in its pixels: of a row, and of one that looks like it. Smaller originals keep their
#: pixels, and the page enlarges them with nearest neighbour.
EDGE, SMALL = 96, 44
#: Of WebP, 0 to 100: the first that keeps a picture small is taken, or the last one.
_QUALITIES = (85, 60, 35, 20)
#: Bytes that a picture of each edge may have: two hundred rows make a page of half a megabyte.
_BYTES = {EDGE: 1150, SMALL: 400}


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


def thumbnails(images: Images, rows: IntArray, *, edge: int = EDGE) -> Iterator[tuple[int, Thumbnail | Skip]]:
    """Make pictures of some rows, in threads.

    Args:
        images: of all rows of a dataset.
        rows: ascending, shape [n].
        edge: the longer one of a picture in the page, `EDGE` or `SMALL`.

    Yields:
        Row and picture, or the reason why there is none, in the order of `rows`.
    """

    def one(image: tuple[int, bytes | Skip]) -> tuple[int, Thumbnail | Skip]:
        row, encoded = image
        return row, encoded if isinstance(encoded, Skip) else _thumbnail(encoded, edge)

    threads = cores()
    with own_limit():
        yield from in_threads(one, images.read(np.sort(rows)), threads=threads, ahead=8 * threads, name="thumbnail")


def _thumbnail(encoded: bytes, edge: int) -> Thumbnail | Skip:
    """Shrink an image to an edge, its shape kept; the page enlarges what is smaller."""
    image = picture(encoded, least=2 * edge)
    if isinstance(image, Skip):
        return image
    factor = edge / max(image.size)
    width, height = (max(1, round(length * factor)) for length in image.size)
    if factor < 1:
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    return Thumbnail(webp=_webp(image, _BYTES[edge]), width=width, height=height, enlarged=factor > 1)


def _webp(image: Image.Image, most: int) -> bytes:
    """Encode an image as well as so many bytes allow."""
    encoded = b""
    for quality in _QUALITIES:
        content = io.BytesIO()
        image.save(content, "WEBP", quality=quality, method=2)
        encoded = content.getvalue()
        if len(encoded) <= most:
            break
    return encoded
