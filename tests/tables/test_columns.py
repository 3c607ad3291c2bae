"""Columns of Arrow become arrays and back, and take no more memory than they must."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from noisecleaner.tables import doubles, nulls, overwritten, places_among, with_column


@given(st.lists(st.none() | st.text(max_size=2), min_size=1, max_size=8), st.data())
def test_values_go_over_those_of_their_rows_in_any_order(values: list[str | None], data: st.DataObject) -> None:
    rows = data.draw(st.permutations(range(len(values))))[: data.draw(st.integers(0, len(values)))]
    fresh = [f"new {row}" for row in rows]
    table = pa.table({"name": pa.chunked_array([values[:1], values[1:]], pa.string()), "other": range(len(values))})
    column = overwritten(table["name"], np.array(rows, dtype=np.int64), pa.array(fresh, pa.string()))
    changed = with_column(table, "name", column)
    assert changed.schema.equals(table.schema)
    assert changed["other"].equals(table["other"])
    assert changed["name"].to_pylist() == [f"new {row}" if row in rows else old for row, old in enumerate(values)]


def test_a_column_of_nulls_takes_no_memory_a_row_and_only_what_is_written_to_does() -> None:
    column = nulls(1_000_000, pa.string())
    assert (len(column), column.null_count, column.type) == (1_000_000, 1_000_000, pa.string())
    assert nulls(0, pa.string()).to_pylist() == []
    before = pa.total_allocated_bytes()
    changed = overwritten(column, np.array([700_000, 3]), pa.array(["late", "early"]))
    assert pa.total_allocated_bytes() - before < 2_000_000
    assert [changed[place].as_py() for place in (3, 4, 700_000)] == ["early", None, "late"]
    assert changed.null_count == 999_998


@given(
    st.lists(st.none() | st.sampled_from("abcdef"), max_size=12),
    st.lists(st.none() | st.sampled_from("abcdefgh"), max_size=12),
    st.integers(0, 12),
)
def test_ids_have_the_place_of_the_first_that_equals_them(ids: list[str], known: list[str], cut: int) -> None:
    expected = [known.index(name) if name is not None and name in known else -1 for name in ids]
    in_parts = pa.chunked_array([known[:cut], known[cut:]], pa.string())
    for where in (in_parts, in_parts.combine_chunks()):
        assert places_among(pa.array(ids, pa.string()), where).tolist() == expected


def test_numbers_that_are_missing_are_nan() -> None:
    np.testing.assert_array_equal(doubles(pa.chunked_array([[None], [None]], pa.float64())), [np.nan, np.nan])
    np.testing.assert_array_equal(doubles(pa.chunked_array([[1, None], [2.5]], pa.float32())), [1, np.nan, 2.5])
