"""A decoded image, upright and in RGB; of a large one only small parts are ever copied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import ceil, floor

import numpy as np
from PIL import ExifTags, Image

from noisecleaner.images.greys import Greys

Box = tuple[float, float, float, float]

#: Pixels up to which an image is converted whole; of a larger one, those that are resized and converted at once.
_WHOLE, _PART, _BAND = 4_000_000, 1_000_000, 250_000
#: What shows through transparent pixels.
_BACKDROP = (255, 255, 255, 255)
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
#: Those that make high images wide.
_LYING = ("ROTATE_90", "ROTATE_270", "TRANSPOSE", "TRANSVERSE")
#: How far a filter looks, in pixels of the result where it shrinks, else of the image.
_SUPPORT = {
    Image.Resampling.NEAREST: 1.0,
    Image.Resampling.BOX: 0.5,
    Image.Resampling.BILINEAR: 1.0,
    Image.Resampling.HAMMING: 1.0,
    Image.Resampling.BICUBIC: 2.0,
    Image.Resampling.LANCZOS: 3.0,
}


class Picture:
    """An image that can be resized as if it were upright and in RGB.

    What `Image.resize` gives of one part of the result depends on few pixels around it, so a large image is cut into
    tiles: converting it whole would take several times its memory (alpha, more than 8 bits). The pixels are the same
    but for rounding: Pillow resizes columns or rows first, whichever is less work.

    Args:
        image: decoded, as its file has it.
        turn: what makes it upright; None where it is.
    """

    def __init__(self, image: Image.Image, turn: Image.Transpose | None = None) -> None:
        self._image, self._turn = image, turn
        self._rgb: Image.Image | None = None
        width, height = image.size
        #: Width and height, upright.
        self.size = (height, width) if turn is not None and turn.name in _LYING else (width, height)

    @classmethod
    def of(cls, image: Image.Image) -> Picture:
        """Decode an image that is open, and read which way is up."""
        image.load()
        return cls(image, _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1)))

    def resize(
        self, size: tuple[int, int], resample: Image.Resampling = Image.Resampling.BILINEAR, box: Box | None = None
    ) -> Image.Image:
        """Do as `Image.resize` does.

        Args:
            size: width and height of the result.
            resample: the filter.
            box: the part of the image that is resized, left, top, right and bottom; None for all of it.
        """
        if self._image.width * self._image.height <= _WHOLE:
            return self.rgb.resize(size, resample, box=box)
        whole = box or (0, 0, *self.size)
        resized = Image.new("RGB", size)
        for tile in _tiles(size, whole, self.size, _SUPPORT[resample]):
            part = self._part(tile.around)
            left, top = tile.around[:2]
            of_part = (tile.box[0] - left, tile.box[1] - top, tile.box[2] - left, tile.box[3] - top)
            resized.paste(part.resize(tile.size, resample, box=of_part), tile.place)
        return resized

    @property
    def rgb(self) -> Image.Image:
        """All of it, upright; four bytes a pixel."""
        if self._rgb is None:
            self._rgb = self._part((0, 0, *self.size))
        return self._rgb

    @cached_property
    def _greys(self) -> Greys:
        """The range of grey values of more than 8 bits."""
        width, height = self._image.size
        rows = max(1, _PART // width)
        bands = ((0, top, width, min(height, top + rows)) for top in range(0, height, rows))
        return Greys.of(np.asarray(self._image.crop(band)) for band in bands)

    def _part(self, box: tuple[int, int, int, int]) -> Image.Image:
        """Cut a box out of the upright image, in RGB; what is not small in bands, for alpha takes several copies."""
        left, top, right, bottom = box
        rows = max(1, _BAND // (right - left))
        if rows >= bottom - top or box == (0, 0, *self.size):
            return self._converted(box)
        part = Image.new("RGB", (right - left, bottom - top))
        for first in range(top, bottom, rows):
            part.paste(self._converted((left, first, right, min(bottom, first + rows))), (0, first - top))
        return part

    def _converted(self, box: tuple[int, int, int, int]) -> Image.Image:
        """Cut a box out of the upright image, in RGB."""
        image = self._image
        part = image if box == (0, 0, *self.size) else image.crop(_before(self._turn, box, *image.size))
        upright = part if self._turn is None else part.transpose(self._turn)
        if image.mode.startswith("I;16") or image.mode in ("I", "F"):
            return Image.fromarray(self._greys.to_eight_bits(np.asarray(upright))).convert("RGB")
        return _to_rgb(upright)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, _BACKDROP), rgba).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _before(
    turn: Image.Transpose | None, box: tuple[int, int, int, int], width: int, height: int
) -> tuple[int, int, int, int]:
    """Where a box of the upright image lies in the image as its file has it, which is so wide and high."""
    left, top, right, bottom = box
    if turn is None:
        return box
    return {
        "FLIP_LEFT_RIGHT": (width - right, top, width - left, bottom),
        "ROTATE_180": (width - right, height - bottom, width - left, height - top),
        "FLIP_TOP_BOTTOM": (left, height - bottom, right, height - top),
        "TRANSPOSE": (top, left, bottom, right),
        "ROTATE_270": (top, height - right, bottom, height - left),
        "TRANSVERSE": (width - bottom, height - right, width - top, height - left),
        "ROTATE_90": (width - bottom, left, width - top, right),
    }[turn.name]


@dataclass(frozen=True, kw_only=True)
class _Tile:
    """A part of a result.

    Args:
        place: its left and top in the result.
        size: its width and height.
        box: what of the image it shows.
        around: the pixels of the image that the filter looks at for it.
    """

    place: tuple[int, int]
    size: tuple[int, int]
    box: Box
    around: tuple[int, int, int, int]


def _tiles(size: tuple[int, int], box: Box, image: tuple[int, int], support: float) -> Iterator[_Tile]:
    """Cut a result of a size into tiles that look at few pixels each of the box of an image."""
    scales = ((box[2] - box[0]) / size[0], (box[3] - box[1]) / size[1])
    # the side that shrinks more decides: a pixel of the result may look at thousands along it
    more, less = (0, 1) if scales[0] > scales[1] else (1, 0)
    steps = [1, 1]
    steps[more] = min(size[more], max(1, floor(_PART**0.5 / scales[more] - 2 * support)))
    looked = min(image[more], (steps[more] + 2 * support) * scales[more])
    steps[less] = max(1, floor(_PART / looked / scales[less] - 2 * support))
    spans = [
        [_span(first, min(step, whole - first), scale, (start, limit), support) for first in range(0, whole, step)]
        for whole, step, scale, start, limit in zip(size, steps, scales, box[:2], image, strict=True)
    ]
    for down in spans[1]:
        for across in spans[0]:
            yield _Tile(
                place=(across.first, down.first),
                size=(across.count, down.count),
                box=(across.start, down.start, across.end, down.end),
                around=(across.low, down.low, across.high, down.high),
            )


@dataclass(frozen=True)
class _Span:
    """A tile along one side: its pixels in the result, what of the image they show, and what the filter looks at."""

    first: int
    count: int
    start: float
    end: float
    low: int
    high: int


def _span(first: int, count: int, scale: float, side: tuple[float, int], support: float) -> _Span:
    """Make a span of `count` pixels, of an image that is shown from a point on, and ends at another."""
    shown, end_of_image = side
    start, end = shown + first * scale, shown + (first + count) * scale
    margin = support * max(1.0, scale) + 1
    low, high = max(0, floor(start - margin)), min(end_of_image, ceil(end + margin))
    return _Span(first, count, start, min(end, float(end_of_image)), low, high)
