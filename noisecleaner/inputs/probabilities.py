"""Class probabilities of the user's own model: checked, and as the logarithms that networks take."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from noisecleaner.arrays import RealArray
from noisecleaner.errors import NoisecleanerError

#: What a probability of zero counts as, so that its logarithm is finite.
LEAST = 1e-12


def check_width(width: int, classes: int) -> None:
    """Refuse probabilities of other classes.

    Raises:
        NoisecleanerError: there is not one for each class.
    """
    if width != classes:
        raise NoisecleanerError(
            f"Class probabilities need one number for each of the {classes} classes, but the rows hold {width}.",
            "Give probabilities in the order of the sorted class names (or of the ClassLabel names).",
        )


def check(block: RealArray) -> None:
    """Refuse rows that are no distribution; a row of NaN, where there is no vector, is left alone.

    Args:
        block: shape [rows, classes].

    Raises:
        NoisecleanerError: a number lies outside [0, 1], or the sum of a row is not 1.
    """
    values = block.astype(np.float32, copy=False)
    total = values.sum(axis=1)
    wrong = np.abs(total - 1) > 0.01
    if not (np.fmin.reduce(values, axis=None) >= 0 and np.fmax.reduce(values, axis=None) <= 1):
        wrong |= ((values < 0) | (values > 1)).any(axis=1)
    if wrong.any():
        raise NoisecleanerError(
            "Class probabilities must lie in [0, 1] and sum to 1, but a row has the sum "
            f"{total[np.argmax(wrong)]:.3f}.",
            "Apply softmax first, or pass logits with `Columns.embedding`.",
        )


def logarithms(block: RealArray, out: npt.NDArray[np.float32] | None = None) -> npt.NDArray[np.float32]:
    """Compute log probabilities of numbers in [0, 1], in the same shape, into `out` if it is given."""
    values = np.clip(block, LEAST, 1, out=out, dtype=np.float32)
    return np.asarray(np.log(values, out=values))
