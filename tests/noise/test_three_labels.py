"""Rows with three labels: which verified ones are wrong, and of which networks can say something."""

from __future__ import annotations

import numpy as np

from noisecleaner.arrays import NO_CLASS
from noisecleaner.noise.three_labels import ThreeLabels


def test_a_wrong_label_is_a_verified_one_that_differs_also_where_no_class_is_right() -> None:
    rows = ThreeLabels(
        given=np.array([0, 0, 0, 1, -1]),
        likeliest=np.array([0, 1, 1, 1, 1]),
        certainty=np.array([0.9, 0.8, np.nan, 0.7, 0.6]),
        verified=np.array([True, True, False, True, False]),
        trusted=np.array([0, 1, 1, NO_CLASS, 0]),
    )
    assert rows.wrong.tolist() == [False, True, False, True, False]
    assert rows.known.tolist() == [True, True, False, True, False]
