"""Rows by two labels: agreement beyond chance, and labels that are renamed to agree."""

from __future__ import annotations

import numpy as np
import pytest

from noisecleaner.noise.cross_table import CrossTable


def test_kappa_is_cohens() -> None:
    """The table of Cohen (1960), page 45: kappa 0.492 of agreement 0.70 by chance 0.41."""
    counts = np.array([[88, 14, 18], [10, 40, 10], [2, 6, 12]])
    rows, columns = (
        np.repeat(np.repeat(np.arange(3), 3), counts.ravel()),
        np.repeat(np.tile(np.arange(3), 3), counts.ravel()),
    )
    table = CrossTable.of(rows, columns)
    assert (table.agreeing, table.by_chance) == pytest.approx((0.70, 0.41))
    assert table.kappa == pytest.approx(0.492, abs=5e-4)
    assert table.kappa_error == pytest.approx(0.055, abs=5e-4)
    assert table.chance_error * table.size**0.5 == pytest.approx(0.4337, abs=1e-3)
    assert CrossTable.of(np.zeros(7, np.int64), np.zeros(7, np.int64)).kappa == 1.0


def test_labels_are_numbered_anew_by_those_that_occur() -> None:
    names, table = CrossTable.of(np.array([7, 7, 90_000]), np.array([7, 3, 90_000])).compact()
    assert names.tolist() == [3, 7, 90_000]
    assert table.counts().tolist() == [[0, 0, 0], [1, 1, 0], [0, 0, 1]]
