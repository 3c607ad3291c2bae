"""Cells of an object column that no table can hold, as what it can: paths as text, pictures as encoded bytes."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from typing import Any

import numpy as np
from PIL import Image

#: Modes that PNG holds as they are; the others fit into TIFF.
_PNG = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "I;16"})


def plain(values: Iterable[Any]) -> list[Any]:
    """Put what Arrow understands in place of paths, PIL images, tensors, and arrays of pixels."""
    return [_plain(value) for value in values]


def _plain(value: Any) -> Any:
    if isinstance(value, Image.Image):
        return encoded(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, (str, bytes)) or not hasattr(value, "__array__"):
        return value
    array = np.asarray(value)
    return encoded(Image.fromarray(array)) if array.ndim in (2, 3) and array.dtype == np.uint8 else array


def encoded(image: Image.Image) -> bytes:
    """Encode a picture with all its pixels, its palette and how it is to be turned; equal pictures as equal bytes."""
    content, turned = io.BytesIO(), image.getexif()
    format = "PNG" if image.mode in _PNG else "TIFF"
    image.save(content, format, **({"exif": turned} if turned else {}))
    return content.getvalue()
