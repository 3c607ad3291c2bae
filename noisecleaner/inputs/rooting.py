"""Square roots of vectors that are never below zero, such as what is left of pooled ReLUs.

Most of their coordinates are near zero and a few are large: far from the Gaussians that a linear discriminant takes
them for. The square root brings them closer (power normalisation; Perronnin et al., 2010).
"""

from __future__ import annotations

import numpy as np

from noisecleaner.arrays import Array, IntArray, SingleArray

#: Rows that are looked at together.
_BLOCK = 4_096


def root(vectors: Array) -> SingleArray:
    """Take square roots, those of negative numbers with their sign; of any shape, which stays."""
    wide = vectors.astype(np.float32)
    return np.copysign(np.sqrt(np.abs(wide)), wide)


def never_negative(array: Array, rows: IntArray) -> bool:
    """Tell whether no number of some rows is below zero.

    Args:
        array: shape [rows of the array, width].
        rows: those that count, shape [n].
    """
    blocks = (rows[first : first + _BLOCK] for first in range(0, len(rows), _BLOCK))
    return all(float(array[block].min(initial=0)) >= 0 for block in blocks)
