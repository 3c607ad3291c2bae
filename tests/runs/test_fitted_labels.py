"""What is said of new rows without labels, and which classes no fitted row carries."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from noisecleaner.runs.fitted_labels import LABELS_LOST, FittedLabels


def labels_of(*given: str | None) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(given, pa.string())])


def test_classes_that_no_fitted_row_was_given_are_unused() -> None:
    fitted = FittedLabels.of(labels_of("cat", None, "emu", "cat"), ["ant", "cat", "dog"])
    assert fitted == FittedLabels(rows=4, unlabelled=1, unused=("ant", "dog"))


@given(st.lists(st.sampled_from(["a", "b", None])), st.lists(st.sampled_from(["a", "b", "c"]), unique=True))
def test_used_and_unused_are_all_classes(given: list[str | None], classes: list[str]) -> None:
    fitted = FittedLabels.of(labels_of(*given), classes)
    assert set(fitted.unused) == set(classes) - set(given)
    assert (fitted.rows, fitted.unlabelled) == (len(given), given.count(None))


@pytest.mark.parametrize(
    ("before", "unlabelled", "lost"),
    [(0, 10, False), (0, 11, True), (50, 110, False), (50, 111, True), (100, 200, False), (0, 0, False)],
)
def test_labels_are_lost_where_far_more_rows_lack_one_than_of_the_fitted(
    before: int, unlabelled: int, lost: bool
) -> None:
    """Of 100 fitted rows so many lack a label, and of 200 new ones."""
    notices = FittedLabels(rows=100, unlabelled=before, unused=()).lost(unlabelled=unlabelled, rows=200)
    assert [notice.code for notice in notices] == ([LABELS_LOST] if lost else [])
    if lost:
        assert notices[0].message.startswith(
            f"{unlabelled} of 200 rows have no label, and of the fitted rows only {before} of 100 had none"
        )
