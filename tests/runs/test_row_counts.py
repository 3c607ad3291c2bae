"""Rows of each kind, against counting one by one, however the table is cut into batches."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.scored import scores_table

from noisecleaner.runs.row_counts import COUNTED, ClassCounts, count

CLASSES = ("a", "b", "never")
#: Given label, verified label, correction, suggested label, flag, reason to skip: what `score` writes.
SCORED = st.tuples(
    st.sampled_from(["a", "b"]),
    st.sampled_from(["a", "b", None]),
    st.sampled_from(["b", "none", None]),
    st.sampled_from(["a", "b", None]),
    st.booleans(),
    st.none(),
)
UNLABELLED = st.tuples(st.none(), st.none(), st.none(), st.sampled_from(["a", "b"]), st.just(True), st.none())
WITHOUT_VALUE = st.tuples(st.sampled_from(["a", "b"]), *[st.none()] * 5)
SKIPPED = st.tuples(
    st.sampled_from(["a", "strange", None]),
    st.sampled_from(["a", None]),
    st.sampled_from(["a", None]),
    st.none(),
    st.none(),
    st.sampled_from(["no_label", "unreadable", "unknown_class"]),
)
Row = tuple[str | None, str | None, str | None, str | None, bool | None, str | None]


def batches(rows: list[Row], size: int) -> list[pa.RecordBatch]:
    names = ("given_label", "trusted_label", "corrected_label", "suggested_label", "flagged", "skip_reason")
    table = scores_table(**{name: [row[place] for row in rows] for place, name in enumerate(names)})
    return table.select(COUNTED).to_batches(size)


def test_rows_that_were_verified_before_their_copy_was_made_are_no_corrections() -> None:
    table = scores_table(
        given_label=["a", "a", "b", "b"],
        corrected_label=["a", "b", None, "b"],
        certified=[True, True, True, False],
        flagged=[False] * 4,
    )
    counts = count(table.select(COUNTED).to_batches(), CLASSES)
    assert (counts.corrected, counts.carried) == (2, 1)


@settings(max_examples=60, deadline=None)
@given(st.lists(SCORED | UNLABELLED | WITHOUT_VALUE | SKIPPED, min_size=1, max_size=40), st.integers(1, 40))
def test_rows_are_counted_by_class_flag_and_reason(rows: list[Row], size: int) -> None:
    counts = count(batches(rows, size), CLASSES)
    assert counts.rows == len(rows)
    assert counts.scored == sum(flag is not None for *_, flag, _ in rows)
    assert counts.flagged == sum(flag is True for *_, flag, _ in rows)
    assert counts.kept == sum(flag is False for *_, flag, _ in rows)
    assert counts.unlabelled == sum(given is None and suggested is not None for given, _, _, suggested, *_ in rows)
    assert counts.verified == sum(trusted is not None for _, trusted, *_ in rows)
    unknown = Counter(given for given, *_, reason in rows if reason == "unknown_class" and given is not None)
    assert counts.unknown_classes == unknown
    assert list(counts.unknown_classes.values()) == sorted(unknown.values(), reverse=True)
    assert counts.corrected == sum(corrected is not None for _, _, corrected, *_ in rows)
    reasons = [reason for *_, reason in rows if reason is not None]
    assert list(counts.skipped.items()) == list(Counter(reasons).items())  # in the order of their first row
    for name in CLASSES:
        flags = [flag for given, *_, flag, reason in rows if given == name and reason is None]
        kept, flagged = flags.count(False), flags.count(True)
        skipped = sum(given == name and reason is not None for given, *_, reason in rows)
        assert counts.classes[name] == ClassCounts(
            rows=len(flags), scored=kept + flagged, flagged=flagged, skipped=skipped
        )
        assert counts.classes[name].kept == kept


def test_no_rows_are_no_rows() -> None:
    counts = count([], CLASSES)
    assert (counts.rows, counts.scored, counts.skipped) == (0, 0, {})
    assert list(counts.classes) == list(CLASSES)


@pytest.mark.parametrize(
    ("scored", "reasons", "words"),
    [
        (200, [], "scored 200 of 200 rows"),
        (60, ["missing_file"] * 140, "scored 60 of 200 rows (140 missing_file)"),
        (1000, ["no_label", "unreadable", "no_label"], "scored 1,000 of 1,003 rows (2 no_label, 1 unreadable)"),
        (1, [None, "truncated", None], "scored 1 of 4 rows (1 truncated, 2 without a value)"),
    ],
)
def test_coverage_says_how_many_rows_are_scored_and_why_not_all(
    scored: int, reasons: list[str | None], words: str
) -> None:
    rows: list[Row] = [("a", None, None, None, False, None)] * scored
    rows += [("a", None, None, None, None, why) for why in reasons]
    assert count(batches(rows, 7), CLASSES).coverage == words
