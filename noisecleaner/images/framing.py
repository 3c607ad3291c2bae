"""How an image of any shape becomes the square that a network looks at: what is known of it without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import floor
from typing import Any, Literal, Protocol, get_args

from PIL import Image

from noisecleaner.settings import Crop

#: Left, top, right and bottom.
Box = tuple[float, float, float, float]
#: What fills an image up to a square: the mean colour of photographs, which networks take for nothing.
_FILLING = (124, 116, 104)
#: Filters that scale images, as Pillow names them in small letters.
Filter = Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]


@dataclass(frozen=True)
class Framing:
    """A square of pixels out of an image.

    Args:
        size: edge length of the square.
        crop: `squash` takes the whole image and gives its aspect ratio up, `center` scales the shorter side and cuts
            what stands over, `pad` scales the longer side and fills up.
        share: of the side that is scaled, how much the square shows, in (0, 1]; the rest is cut off all around.
        interpolation: the filter.
    """

    size: int
    crop: Crop = "squash"
    share: float = 1.0
    interpolation: Filter = "bilinear"

    @property
    def scale(self) -> int:
        """Length of the side that is scaled, before the cut."""
        return floor(self.size / self.share)

    def scaled(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of a scaled image, before the cut; the longer side is rounded down, as torchvision does."""
        if self.crop == "squash":
            return self.scale, self.scale
        reference = min(width, height) if self.crop == "center" else max(width, height)
        return max(1, self.scale * width // reference), max(1, self.scale * height // reference)

    def cropped(self, crop: Crop | None) -> Framing:
        """Return the same with another crop, of which nothing more is cut off; None leaves it."""
        return self if crop in (None, self.crop) else replace(self, crop=crop, share=1.0)

    def look(self) -> str:
        """Tell all but the size, as briefly as it goes."""
        usual = Framing(self.size, self.crop)
        share = "" if self.share == usual.share else f" of {self.share:g}"
        filter = "" if self.interpolation == usual.interpolation else f", {self.interpolation}"
        return f"{self.crop}{share}{filter}"

    def words(self) -> str:
        """Say how an image is framed."""
        shown = "" if self.scale == self.size else f" of {self.size / self.scale:.0%}"
        named = {"squash": "squashed", "center": "center crop", "pad": "padded"}[self.crop]
        return f"{self.size} px" + (f" ({named}{shown})" if (self.crop, shown) != ("squash", "") else "")

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Framing:
        """Bring back what `dataclasses.asdict` made.

        Raises:
            KeyError, TypeError, ValueError: it is no such thing.
        """
        framing = cls(**content)
        known = framing.crop in get_args(Crop) and framing.interpolation in get_args(Filter)
        if framing.size < 1 or not 0 < framing.share <= 1 or not known:
            raise ValueError("no image is framed so")
        return framing


class Resizable(Protocol):
    """An image that can be resized, of Pillow or a `Picture`."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        ...

    def resize(self, size: tuple[int, int], resample: Image.Resampling, box: Box | None) -> Image.Image:
        """Resize a box of it, left, top, right and bottom; None is all of it."""
        ...


def framed(rgb: Resizable, framing: Framing) -> Image.Image:
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
    resized = rgb.resize(shown, filter, None if shown == scaled else box)
    if shown == (size, size):
        return resized
    square = Image.new("RGB", (size, size), _FILLING)
    square.paste(resized, ((size - shown[0]) // 2, (size - shown[1]) // 2))
    return square
