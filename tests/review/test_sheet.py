"""Answers belong to the rows, classes and question of a sheet, and to no other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from noisecleaner.ingest import Source
from noisecleaner.review.sheet import FlaggedRow, Kind, Sheet, SheetRow

SHEET = Sheet(
    kind=Kind.AUDIT,
    classes=("x", "y"),
    none_label="none",
    rows=(SheetRow(sample_id="a", probability=0.1), SheetRow(sample_id="b", known="x")),
    order=np.array([0]),
    numbers=np.array([7]),
    source=Source("data"),
)


def test_other_rows_classes_or_questions_have_another_key() -> None:
    others = (
        replace(SHEET, kind=Kind.RECHECK),
        replace(SHEET, classes=("y", "x")),
        replace(SHEET, none_label=None),
        replace(SHEET, rows=SHEET.rows[::-1]),
    )
    assert len({SHEET.key, *(other.key for other in others)}) == 5
    assert replace(SHEET, source=Source("moved")).key == SHEET.key


def test_a_probability_is_written_as_it_is_read() -> None:
    for number in (0.1, 1 / 3, 5e-324, 1.0):
        assert float(SheetRow(sample_id="a", probability=number).to_json()[1]) == number
    assert SheetRow(sample_id="a").to_json() == ["a", "", ""]


def test_numbers_of_flagged_rows_are_short() -> None:
    row = FlaggedRow(sample_id="a", given=1, suggested=None, value=0.123456, confidence=None)
    assert row.to_json() == ["a", 1, None, "0.12", None]


def test_each_question_has_its_column_and_table() -> None:
    told = {kind: (kind.column, kind.table) for kind in Kind}
    assert told == {
        Kind.AUDIT: ("trusted_label", "verified"),
        Kind.RECHECK: ("second_label", "second-looks"),
        Kind.FIX: ("corrected_label", "corrections"),
    }
