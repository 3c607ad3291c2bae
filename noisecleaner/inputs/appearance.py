"""What rows look like, in a few numbers that no network had a part in: for comparing them with others."""

from __future__ import annotations

from typing import Literal

import numpy as np

from noisecleaner.arrays import Array, RealArray, SingleArray

#: A picture is seen as so many fields a side.
_FIELDS = 4
_LEAST = 1e-3


def appearance(inputs: Array, kind: Literal["pixels", "vectors", "probabilities"]) -> RealArray:
    """Describe rows.

    Args:
        inputs: pixels [n, size, size, 3], vectors or probabilities [n, width].
        kind: which of these.

    Returns:
        Shape [n, numbers]: of pixels the mean colours of 16 fields, the spread of each colour, how colourful and how
        sharp the picture is, at two scales; vectors as they are; the square roots of probabilities, which have the same
        variance wherever they lie (Fisher and Bartlett).
    """
    if kind == "vectors":
        return inputs
    if kind == "probabilities":
        return np.sqrt(np.maximum(inputs.astype(np.float32), 0))
    pixels = inputs.astype(np.float32) / np.float32(255)
    grey = pixels.mean(axis=3, dtype=np.float32)
    colours = np.abs(pixels[..., 1:] - pixels[..., :-1]).mean(axis=(1, 2))
    spread = pixels.std(axis=(1, 2))
    parts = [_pooled(pixels, _FIELDS).reshape(len(pixels), -1), _logarithm(colours), _logarithm(spread)]
    for picture in (grey, _pooled(grey, pixels.shape[1] // 2)):
        parts += [_logarithm(np.abs(np.diff(picture, axis=axis)).mean(axis=(1, 2)))[:, None] for axis in (1, 2)]
    return np.concatenate(parts, axis=1)


def _pooled(pictures: SingleArray, side: int) -> SingleArray:
    """The means of equal fields [n, side, side, …] of pictures [n, size, size, …]; what is left at the edge is cut."""
    field = pictures.shape[1] // side
    cut = pictures[:, : side * field, : side * field]
    split = cut.reshape(len(cut), side, field, side, field, *cut.shape[3:])
    return np.asarray(split.mean(axis=(2, 4)))


def _logarithm(values: SingleArray) -> SingleArray:
    return np.asarray(np.log(values + _LEAST))
