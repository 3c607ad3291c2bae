"""Columns in another order than the classes are found, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from noisecleaner.quality.column_order import ColumnOrder, other_order


class Model:
    """What a model of some accuracy says of rows of which some are labelled wrongly."""

    def __init__(self, classes: int, rows: int, *, accuracy: float = 0.9, noise: float = 0.2, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.classes = classes
        self.true = rng.integers(0, classes, rows)
        self.given = np.where(rng.random(rows) < noise, rng.integers(0, classes, rows), self.true)
        self.says = np.where(rng.random(rows) < accuracy, self.true, rng.integers(0, classes, rows))
        self.nobody = np.full(rows, -1)

    def found(self, order: np.ndarray, verified: np.ndarray | None = None) -> ColumnOrder | None:
        """Column c is that of class order[c]."""
        columns = np.argsort(order)[self.says]
        verified = self.nobody if verified is None else verified
        return other_order(columns, given=self.given, verified=verified, classes=self.classes)


@pytest.mark.parametrize(
    ("classes", "rows", "order"),
    [
        (2, 100, [1, 0]),
        (4, 300, [3, 2, 0, 1]),
        (4, 300, [0, 2, 1, 3]),
        (10, 300, [1, 0, *range(2, 10)]),
        (10, 100, [9, *range(9)]),
        (10, 1000, [3, 4, 0, 1, 2, 6, 5, 7, 8, 9]),
        (100, 1000, [*range(50, 100), *range(50)]),
    ],
)
def test_columns_in_another_order_are_put_right(classes: int, rows: int, order: list[int]) -> None:
    model = Model(classes, rows)
    found = model.found(np.array(order))
    assert found is not None
    assert found.classes.tolist() == order
    moved = np.isin(model.says, np.flatnonzero(np.array(order) != np.arange(classes)))
    assert found.agreeing == (model.says == model.given)[moved].sum()
    assert found.before < found.agreeing / 4


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([2, 4, 10, 100]),
    st.sampled_from([50, 300, 3000]),
    st.floats(0.2, 1),
    st.floats(0, 0.45),
    st.integers(0, 2**31),
)
def test_columns_in_the_order_of_the_classes_are_left_alone(
    classes: int, rows: int, accuracy: float, noise: float, seed: int
) -> None:
    assert Model(classes, rows, accuracy=accuracy, noise=noise, seed=seed).found(np.arange(classes)) is None


@pytest.mark.parametrize("noise", [0.2, 0.4, 0.6])
def test_wrong_labels_that_always_go_to_the_next_class_are_no_other_order(noise: float) -> None:
    model = Model(5, 1000, noise=0)
    wrong = np.random.default_rng(1).random(1000) < noise
    model.given = np.where(wrong, (model.true + 1) % 5, model.true)
    assert model.found(np.arange(5)) is None


def test_verified_rows_that_agree_with_the_order_have_the_last_word() -> None:
    model = Model(4, 400)
    order = np.array([1, 0, 2, 3])
    model.given = order[model.true]  # somebody has swapped two classes in the labels
    assert model.found(np.arange(4)) is not None
    verified = np.where(np.arange(400) % 8 == 0, model.true, -1)
    assert model.found(np.arange(4), verified) is None
    assert Model(4, 400).found(order, verified) is not None


def test_verified_labels_count_instead_of_given_ones() -> None:
    model = Model(4, 400, noise=0.9)
    assert model.found(np.array([1, 2, 3, 0])) is None
    found = model.found(np.array([1, 2, 3, 0]), model.true)
    assert found is not None
    assert found.classes.tolist() == [1, 2, 3, 0]


def test_rows_without_probabilities_or_labels_say_nothing() -> None:
    nothing = np.full(50, -1)
    labels = np.arange(50) % 2
    assert other_order(nothing, given=labels, verified=nothing, classes=2) is None
    assert other_order(labels, given=nothing, verified=nothing, classes=2) is None
    assert other_order(labels, given=np.full(50, -2), verified=np.full(50, -2), classes=2) is None
    assert other_order(nothing[:0], given=nothing[:0], verified=nothing[:0], classes=2) is None
    found = other_order(np.r_[labels, nothing], given=np.r_[1 - labels, labels], verified=np.full(100, -1), classes=2)
    assert found is not None
    assert (found.agreeing, found.before) == (50, 0)
