"""What an image takes to decode, as its header tells once it is open: refused before it has taken it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PIL import ExifTags

from noisecleaner.images.failures import Failure
from noisecleaner.images.limits import Limits
from noisecleaner.images.ordinary import size_of_webp

#: Coefficients of JPEG that are looked at, in scans times pixels: about five seconds. Encoders write ten scans.
_MAX_SCANNED = 2_000_000_000
#: Bytes of files that Pillow reads number by number, two million a second: plain PNM, and BMP in run lengths.
_MAX_PLAIN = 8_000_000
#: Samples that it reads so of PNM whose white is neither 255 nor 65,535.
_MAX_SAMPLES = 8_000_000
#: Bytes that any reader may take to open an image.
_OPENING = 64_000_000
#: Bytes for a pixel that a library takes which decodes the whole image at once. Measured on 9 megapixels.
_WHOLE = {"WEBP": 20.0, "AVIF": 14.0, "HEIF": 16.0}
#: What decoding takes of any image, and by how much a cost may be wrong.
_LEAST, _MARGIN = 32_000_000, 1.25


def opening(encoded: bytes) -> int:
    """How many bytes an image is given to be opened: most readers take little, that of WebP makes room for two."""
    width, height = size_of_webp(encoded) or (0, 0)
    return _OPENING + 9 * width * height


@dataclass(frozen=True)
class Opened:
    """An image that is open, but not decoded.

    Args:
        image: as it is going to be decoded, a JPEG perhaps smaller than it is; of Pillow, whose readers differ.
        encoded: its file.
        size: width and height of all of it.
    """

    image: Any
    encoded: bytes
    size: tuple[int, int]

    def refused(self, limits: Limits) -> Failure | None:
        """Say why it is not going to be decoded; None where it is."""
        if limits.refuses(*self.size) or self._bytes > limits.image:
            return Failure.TOO_LARGE
        return Failure.TOO_SLOW if self._slow else None

    def needed(self, limits: Limits) -> int:
        """How many bytes it is given, unless it is refused."""
        return min(limits.image, int(_MARGIN * self._bytes) + _LEAST)

    @property
    def _bytes(self) -> float:
        """About how many bytes decoding takes."""
        image = self.image
        pixels: int = image.width * image.height
        whole = pixels * _bytes_of_a_pixel(image.mode)
        if image.format in _WHOLE:
            return pixels * _WHOLE[image.format]
        if image.format == "JPEG2000":
            return pixels * (4 + 5.5 * len(str(image.mode)))
        if image.format in ("JPEG", "MPO"):
            return whole + self._coefficients
        if image.format == "TIFF":
            turned = _tag(image, ExifTags.Base.Orientation, 1) != 1  # by a copy
            return whole * (1 + turned) + _strip(image)
        return whole

    @property
    def _coefficients(self) -> int:
        """Bytes of the coefficients of a JPEG that is stored in several scans: it must be read whole."""
        if self._scans <= 1:
            return 0
        layers = [(across, down) for _, across, down, _ in self.image.layer]
        most = max(across for across, _ in layers) * max(down for _, down in layers)
        size = self.size[0] * self.size[1]
        return 2 * size * int(sum(across * down for across, down in layers)) // int(most)

    @property
    def _scans(self) -> int:
        """How many scans a JPEG has, its thumbnails counted: nothing else in it has these two bytes."""
        return self.encoded.count(b"\xff\xda")

    @property
    def _slow(self) -> bool:
        """Whether it certainly takes longer than it may."""
        image = self.image
        if image.format in ("JPEG", "MPO"):
            return self._scans * self.size[0] * self.size[1] > _MAX_SCANNED
        decoder = image.tile[0][0] if image.tile else ""
        if decoder in ("ppm_plain", "bmp_rle"):
            return len(self.encoded) > _MAX_PLAIN
        return decoder == "ppm" and image.width * image.height * len(image.getbands()) > _MAX_SAMPLES


def _bytes_of_a_pixel(mode: str) -> int:
    if mode in ("1", "L", "P"):
        return 1
    return 2 if mode.startswith("I;16") else 4


def _strip(image: Any) -> int:
    """Bytes of a strip or tile of a TIFF, where a library unpacks them one by one."""
    if all(tile[0] == "raw" for tile in image.tile):
        return 0
    width, height = image.size
    tiled = _tag(image, ExifTags.Base.TileWidth, 0), _tag(image, ExifTags.Base.TileLength, 0)
    edges = tiled if all(tiled) else (width, min(height, _tag(image, ExifTags.Base.RowsPerStrip, height)))
    bits = image.tag_v2.get(ExifTags.Base.BitsPerSample, (8,))
    samples = max(len(bits), _tag(image, ExifTags.Base.SamplesPerPixel, 1))
    return int(edges[0] * edges[1] * samples * -(-max(bits) // 8))


def _tag(image: Any, tag: int, default: int) -> int:
    value = image.tag_v2.get(tag, default)
    return value if isinstance(value, int) else default
