"""Named numbers: side by side, some of them, and never one under another's name."""

from __future__ import annotations

import numpy as np
import pytest

from noisecleaner.quality.features import Features

A, B, C = (np.array([1.0, 2.0]), np.array([3.0, np.nan]), np.array([5.0, 6.0]))


def test_numbers_stand_under_their_names_in_any_order() -> None:
    features = Features.of(a=A, b=B).beside(Features.of(c=C))
    assert features.names == ("a", "b", "c")
    np.testing.assert_array_equal(features.values, np.stack([A, B, C], axis=1))
    some = features.only(("c", "a"))
    assert some.names == ("c", "a")
    np.testing.assert_array_equal(some.values, np.stack([C, A], axis=1))


def test_rows_lie_one_behind_the_other_in_memory() -> None:
    """Sums over a row are rounded by the order of memory: whoever picks numbers gets the bits of those alone."""
    features = Features.of(a=A, b=B).beside(Features.of(c=C))
    for one in (features, features.only(("a", "c"))):
        assert one.values.flags.c_contiguous


def test_a_name_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="alhpa"):
        Features.of(alpha=A).only(("alhpa",))


@pytest.mark.parametrize(
    ("names", "values"), [(("a",), np.zeros((2, 2))), (("a", "a"), np.zeros((2, 2))), (("a", "b"), np.zeros(2))]
)
def test_numbers_without_a_name_of_their_own_are_refused(names: tuple[str, ...], values: np.ndarray) -> None:
    with pytest.raises(ValueError, match="cannot name"):
        Features(names, values)


def test_the_same_name_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot name"):
        Features.of(a=A).beside(Features.of(a=C))
