"""What one image may ask for."""

from __future__ import annotations

from dataclasses import dataclass

from noisecleaner.settings import MAX_PIXELS

#: Edge length above which an image is refused: no JPEG is longer.
MAX_EDGE = 65_535
#: Seconds of a core that one image may take. Not of a clock: which images are used must not depend on what else runs.
MAX_SECONDS = 8.0
#: Pixels that every image may have memory for: with a low limit of them, readers and filters need as much.
_LEAST = 16_000_000
#: What a decoder takes beside the pixels: buffers, and the parts that are converted.
_BESIDE = 40_000_000
#: Bytes that all images together may take that are decoded at once.
_TOGETHER = 640_000_000


@dataclass(frozen=True)
class Limits:
    """Limits of one image, and of all that are decoded at once.

    Args:
        max_pixels: width times height above which an image is refused.
    """

    max_pixels: int = MAX_PIXELS

    @property
    def image(self) -> int:
        """Bytes that one image may take beside its file: a pixel has four of them in memory."""
        return 4 * max(self.max_pixels, _LEAST) + _BESIDE

    @property
    def together(self) -> int:
        """Bytes that all images that are decoded at once may take."""
        return max(_TOGETHER, self.image)

    def refuses(self, width: int, height: int) -> bool:
        """Whether an image has more pixels than one may have, or a longer edge."""
        return width * height > self.max_pixels or max(width, height) > MAX_EDGE
