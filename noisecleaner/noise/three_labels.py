"""What networks make of rows that they did not train on, beside what was given and verified."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from noisecleaner.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, kw_only=True)
class ThreeLabels:
    """Rows with three labels; every array has the shape [rows].

    Args:
        given: class index of the given label, -1 where there is none.
        likeliest: class index of the likeliest label.
        certainty: its probability, NaN where a row was not predicted.
        verified: rows whose label was verified as a part of a sample.
        trusted: class index of the verified label, `NO_CLASS` where no class is right; of other rows it does not count.
    """

    given: IntArray
    likeliest: IntArray
    certainty: FloatArray
    verified: BoolArray
    trusted: IntArray

    @property
    def wrong(self) -> BoolArray:
        """Verified rows whose given label is wrong, shape [rows]."""
        wrong: BoolArray = self.verified & (self.trusted != self.given)
        return wrong

    @property
    def known(self) -> BoolArray:
        """Rows with a given label that networks have seen, shape [rows]."""
        return np.isfinite(self.certainty) & (self.given >= 0)
