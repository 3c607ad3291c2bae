"""The rows with the lowest values, whatever the batches are."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from noisecleaner.runs.lowest import lowest

VALUES = st.lists(st.none() | st.sampled_from([0.0, 0.25, 0.5, 1.0]), max_size=12)


@given(VALUES, st.integers(1, 5), st.integers(1, 6))
def test_they_are_those_of_a_stable_sort_and_those_without_a_value_come_last(
    values: list[float | None], size: int, most: int
) -> None:
    rows = pa.table({"name": [f"r{row}" for row in range(len(values))], "value": pa.array(values, pa.float32())})
    odd = np.arange(len(values)) % 3 > 0
    table = rows.append_column("odd", pa.array(odd, pa.bool_()))
    found = lowest(table.to_batches(size), "value", most, lambda batch, _: np.asarray(batch["odd"]))
    usable = np.flatnonzero(odd)
    wanted = sorted(usable.tolist(), key=lambda row: (values[row] is None, values[row] or 0.0))[:most]
    assert found.of == len(usable)
    assert found.numbers.tolist() == wanted
    assert ([] if found.table is None else found.table["name"].to_pylist()) == [f"r{row}" for row in wanted]
