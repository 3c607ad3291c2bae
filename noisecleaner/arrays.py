"""Names for the arrays that travel between modules."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
BoolArray = npt.NDArray[np.bool_]
#: Whole numbers, 32 or 64 bits wide: class indices of ten million rows are held narrow, products of them are not.
IntArray = npt.NDArray[np.signedinteger[Any]]
#: Small whole numbers, of many rows.
ByteArray = npt.NDArray[np.int8]
#: Double precision: what is estimated and fitted.
FloatArray = npt.NDArray[np.float64]
#: Single precision: what networks give and tables hold.
SingleArray = npt.NDArray[np.float32]
#: Any precision: what users bring and networks give.
RealArray = npt.NDArray[np.floating[Any]]

#: Rows that are counted at a time.
_BLOCK = 2**20
#: In place of a class index: nobody verified the row.
UNVERIFIED = -1
#: In place of a class index: somebody verified that none of the classes is right.
NO_CLASS = -2


def counted_by_class(labels: IntArray, classes: int, among: BoolArray | None = None) -> IntArray:
    """Count the rows of each class, block by block, because there may be ten million; shape [classes].

    Args:
        labels: class indices, below 0 where a row has none, shape [rows].
        classes: number of classes.
        among: the rows that are counted, shape [rows]; None counts all.
    """
    counts = np.zeros(classes, dtype=np.int64)
    for first in range(0, len(labels), _BLOCK):
        block = labels[first : first + _BLOCK]
        block = block if among is None else block[among[first : first + _BLOCK]]
        counts += np.bincount(block[block >= 0], minlength=classes)
    return counts
