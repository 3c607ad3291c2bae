"""Names for the arrays that travel between modules."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
#: Small whole numbers, of many rows.
ByteArray = npt.NDArray[np.int8]
#: Double precision: what is estimated and fitted.
FloatArray = npt.NDArray[np.float64]
#: Single precision: what networks give and tables hold.
SingleArray = npt.NDArray[np.float32]
#: Any precision: what users bring and networks give.
RealArray = npt.NDArray[np.floating[Any]]

#: In place of a class index: nobody verified the row.
UNVERIFIED = -1
#: In place of a class index: somebody verified that none of the classes is right.
NO_CLASS = -2
