"""What a summary lists, against counting by hand, however the table is cut into batches."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from support.scored import noise_of, sampled, scores_table

from noisecleaner.noise.rate import UNKNOWN
from noisecleaner.runs.row_counts import ClassCounts, RowCounts
from noisecleaner.runs.summary import NAMED, PAIRED, likely_confusions, lowest_rows, worst_classes

CLASSES = ("a", "b", "c")
LABEL = st.sampled_from(CLASSES) | st.none()


def test_the_worst_classes_have_the_most_noise_and_then_the_largest_share_of_flagged_rows() -> None:
    sizes = {"few": (10, 5), "none": (0, 0), "many": (100, 49), "all": (3, 3), "clean": (7, 0)}
    classes = {name: ClassCounts(rows=rows, scored=rows, flagged=flagged) for name, (rows, flagged) in sizes.items()}
    counts = RowCounts(
        rows=0,
        skipped={},
        scored=0,
        flagged=0,
        unlabelled=0,
        verified=0,
        corrected=0,
        classes=classes,
        unknown_classes={},
    )
    unknown = noise_of(dict.fromkeys(sizes, UNKNOWN), UNKNOWN)
    assert [(line.name, line.rows, line.flagged) for line in worst_classes(counts, unknown, most=4)] == [
        ("all", 3, 3),
        ("few", 10, 5),
        ("many", 100, 49),
        ("clean", 7, 0),
    ]
    known = {"few": sampled(1, 4), "many": sampled(1, 4), "clean": sampled(2, 4)}
    lines = worst_classes(counts, noise_of({**dict.fromkeys(sizes, UNKNOWN), **known}, UNKNOWN), most=5)
    assert [line.name for line in lines] == ["clean", "few", "many", "all"]
    assert lines[1].noise == sampled(1, 4)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(LABEL, LABEL, st.booleans() | st.none()), min_size=1, max_size=40), st.integers(1, 40))
def test_confusions_are_pairs_of_flagged_rows_most_frequent_first(
    rows: list[tuple[str | None, str | None, bool | None]], size: int
) -> None:
    table = scores_table(
        given_label=[row[0] for row in rows],
        suggested_label=[row[1] for row in rows],
        flagged=[row[2] for row in rows],
    )
    pairs = Counter((one, other) for one, other, flag in rows if flag and one is not None and other is not None)
    in_order = sorted(pairs, key=lambda pair: (-pairs[pair], *pair))[:5]
    confusions = likely_confusions(table.select(PAIRED).to_batches(size), CLASSES)
    assert [(c.given, c.suggested, c.rows) for c in confusions] == [(*pair, pairs[pair]) for pair in in_order]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([0.1, 0.2, 0.25, 0.5]) | st.floats(0, 1, width=32) | st.none(), min_size=1, max_size=60),
    st.integers(1, 60),
)
def test_the_lowest_rows_come_in_the_order_of_the_dataset_where_they_are_equal(
    values: list[float | None], size: int
) -> None:
    table = scores_table(
        alpha=values,
        given_label=[None if row % 5 == 0 else "a" for row in range(len(values))],
        suggested_label=[None if row % 3 == 0 else "b" for row in range(len(values))],
    )
    single = [np.nan if value is None else float(np.float32(value)) for value in values]
    lowest = [row for row in np.argsort(single, kind="stable").tolist() if values[row] is not None][:10]
    suspects = lowest_rows(table.select([*NAMED, "alpha"]).to_batches(size), "alpha")
    assert [(s.sample_id, s.value) for s in suspects] == [(f"r{row:05d}", single[row]) for row in lowest]
    assert [s.given for s in suspects] == [None if row % 5 == 0 else "a" for row in lowest]
    assert [s.suggested for s in suspects] == ["" if row % 3 == 0 else "b" for row in lowest]


def test_no_rows_have_no_suspects() -> None:
    assert lowest_rows(iter([pa.RecordBatch.from_pylist([], scores_table(alpha=[1.0]).schema)]), "alpha") == []
