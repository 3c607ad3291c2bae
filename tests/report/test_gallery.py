"""Rows of a gallery are the worst ones, however the table is cut into batches."""

from __future__ import annotations

import io

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support.scored import scores_table

from noisecleaner.ingest import Skip
from noisecleaner.pages.pictures import Thumbnail
from noisecleaner.report.gallery import worst_rows
from noisecleaner.runs.lowest import SHOWN

VALUE = st.none() | st.floats(0, 1, width=32)


def table_of(values: list[float | None], flags: list[bool | None]) -> pa.Table:
    labels = ["cat"] * len(values)
    return scores_table(label_quality=values, flagged=flags, given_label=labels, suggested_label=labels)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(VALUE, st.booleans() | st.none()), min_size=1, max_size=40), st.integers(1, 40))
def test_the_lowest_values_come_first_and_flagged_rows_without_one_last(
    rows: list[tuple[float | None, bool | None]], size: int
) -> None:
    table = table_of([value for value, _ in rows], [flag for _, flag in rows])
    gallery = worst_rows(table.select([*SHOWN, "label_quality"]).to_batches(size), "label_quality", 10)
    usable = [(row, value) for row, (value, flag) in enumerate(rows) if value is not None or flag]
    expected = sorted(usable, key=lambda one: (one[1] is None, one[1] or 0.0, one[0]))
    assert [(row.row, row.value) for row in gallery.rows] == expected[:10]
    assert gallery.of == len(usable)


def test_what_is_known_of_a_row_is_told() -> None:
    table = scores_table(
        label_quality=[0.25, 0.5],
        flagged=[True, False],
        given_label=["cat", "dog"],
        suggested_label=["dog", None],
        suggested_confidence=[0.75, None],
        trusted_label=["cat", "dog"],
        corrected_label=["emu", None],
    )
    one, other = worst_rows(table.select([*SHOWN, "label_quality"]).to_batches(), "label_quality", 5).rows
    assert (one.sample_id, one.given, one.suggested, one.confidence) == ("r00000", "cat", "dog", 0.75)
    assert (one.verified, one.flagged, one.value) == ("emu", True, 0.25)
    assert (other.verified, other.suggested, other.confidence, other.flagged) == ("dog", None, None, False)


def test_each_row_gets_its_own_picture() -> None:
    content = io.BytesIO()
    Image.new("RGB", (1, 1)).save(content, "WEBP")
    picture = Thumbnail(webp=content.getvalue(), width=96, height=96, enlarged=True)
    table = table_of([0.2, 0.1], [True, True])
    gallery = worst_rows(table.select([*SHOWN, "label_quality"]).to_batches(), "label_quality", 5)
    shown = gallery.with_pictures({0: picture, 1: Skip.TRUNCATED}, {})
    assert [(row.row, row.picture, row.lost) for row in shown.rows] == [(1, None, "truncated"), (0, picture, "")]
