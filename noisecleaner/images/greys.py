"""Grey values of more than 8 bits -> 8 bits, by the range that the whole image fills."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

#: Bits that cameras and scanners fill of the 16 that a file has for a grey value.
_DEPTHS = (8, 10, 12, 14, 16)


@dataclass(frozen=True)
class Greys:
    """The range of an image's grey values, zero within.

    Args:
        low: the lowest.
        high: the highest.
        floating: whether they are floats, of which those up to 1 are shares.
    """

    low: float
    high: float
    floating: bool

    @classmethod
    def of(cls, parts: Iterable[npt.NDArray[np.generic]]) -> Greys:
        """Find the range of an image that comes in parts, arrays of any shape."""
        low, high, floating = 0, 0, False
        for values in parts:
            floating = np.issubdtype(values.dtype, np.floating)
            wide = _wide(values) if floating else values
            finite = wide[np.isfinite(wide)] if floating else wide
            low, high = min(low, finite.min(initial=0).item()), max(high, finite.max(initial=0).item())
        return cls(low, high, floating)

    @property
    def _unused(self) -> int:
        """How many lower bits are lost of values up to 65,535."""
        return next(bits - 8 for bits in _DEPTHS if self.high < 1 << bits)

    def to_eight_bits(self, values: npt.NDArray[np.generic]) -> Pixels:
        """Scale grey values of any shape, as `to_eight_bits` says, to 0 to 255."""
        short = values.dtype.kind == "u" and values.itemsize <= 2  # none of its values needs more room
        wide: npt.NDArray[Any] = values if short else _wide(values)
        scaled: npt.NDArray[Any]
        if self.low < 0:
            factor = 255 / (self.high - self.low)
            scaled = wide * factor - self.low * factor
        elif self.high <= 1 and self.floating:
            scaled = wide * 255
        elif self.high > (255 if self.floating else 65_535):
            scaled = wide * (255 / self.high)
        else:
            scaled = wide if self.floating else wide >> self._unused
        return np.asarray(np.clip(scaled, 0, 255).astype(np.uint8))


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
    return Greys.of([values]).to_eight_bits(values)


def _wide(values: npt.NDArray[np.generic]) -> npt.NDArray[Any]:
    """Copy values to a type that holds them and what they are multiplied with; NaN becomes 0."""
    wide: npt.NDArray[Any] = values.astype(np.float32 if np.issubdtype(values.dtype, np.floating) else np.int64)
    wide[np.isnan(wide)] = 0
    return wide
