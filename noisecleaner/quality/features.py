"""What calibrators read: named numbers of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from noisecleaner.arrays import FloatArray


@dataclass(frozen=True)
class Features:
    """Named numbers, one row each.

    Args:
        names: of the numbers, each once.
        values: shape [rows, names]; NaN where a row has no such number.

    Raises:
        ValueError: there is not one column of numbers for each name.
    """

    names: tuple[str, ...]
    values: FloatArray

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != len(self.names) or len(set(self.names)) < len(self.names):
            raise ValueError(f"{self.names} cannot name numbers of the shape {self.values.shape}")

    @classmethod
    def of(cls, **columns: FloatArray) -> Features:
        """Put columns of shape [rows] side by side under their names."""
        return cls(tuple(columns), np.stack(list(columns.values()), axis=1))

    def beside(self, other: Features) -> Features:
        """The same rows with more numbers behind."""
        return Features(self.names + other.names, np.concatenate([self.values, other.values], axis=1))

    def only(self, names: Sequence[str]) -> Features:
        """Some of the numbers, in this order.

        Raises:
            ValueError: there are none of such a name.
        """
        if tuple(names) == self.names:
            return self
        if missing := set(names) - set(self.names):
            raise ValueError(f"{sorted(missing)} are not among {self.names}")
        # `take`, because indexing would turn the memory around, and with it the order of later sums
        return Features(tuple(names), self.values.take([self.names.index(name) for name in names], axis=1))
