"""Reports at any threshold, against counting by hand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.simulated import Array, audited_rows, scores

from noisecleaner.noise.cuts import Cut
from noisecleaner.noise.estimate import MIN_EVENTS
from noisecleaner.runs.threshold_table import ThresholdTable
from noisecleaner.tables import REPORT


def by_hand(values: Array, judging: Array, audited: Array, wrong: Array, threshold: float) -> dict[str, float | None]:
    known = np.isfinite(values)
    kept, flagged = known & (values >= threshold), known & (values < threshold)
    # what holds every row is no cut, and measured by all that were audited
    seen, out = ((audited if side.all() else judging) & side for side in (kept, flagged))
    share = lambda hits, of: hits.sum() / of.sum() if of.any() else None  # noqa: E731
    return {
        "kept": int(kept.sum()),
        "kept_fraction": kept.sum() / known.sum(),
        "effective_noise": share(wrong & seen, seen),
        "precision": share(wrong & out, out),
        "recall": share(wrong & judging & flagged, judging & known & wrong),
    }


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(5, 2 * MIN_EVENTS - 1))
def test_every_line_of_the_report_is_what_one_would_count_by_hand(seed: int, rows: int) -> None:
    """With so few events nothing is sharpened; audited rows that do not judge count where one side holds all rows."""
    rng = np.random.default_rng(seed)
    values = np.round(rng.random(rows), 2)
    values[rng.random(rows) < 0.1] = np.nan
    values[0] = 0.5
    audited, wrong = rng.random(rows) < 0.7, rng.random(rows) < 0.4
    judging = audited & (rng.random(rows) < 0.7)
    known = audited_rows(wrong, judging, rng.random(rows), audited)
    for line in ThresholdTable.of("label_quality", Cut(values, known)).to_table().to_pylist():
        counted = by_hand(values, judging, audited, wrong, line["threshold"])
        for name, expected in counted.items():
            assert line[name] == (None if expected is None else pytest.approx(expected)), (name, line["threshold"])
            # null where nobody can tell, and an interval wherever somebody can
            if name not in ("kept", "kept_fraction"):
                assert (line[f"{name}_low"] is None) == (line[f"{name}_high"] is None) == (expected is None)


def test_the_report_has_every_hundredth_and_every_quantile_in_order() -> None:
    values = np.random.default_rng(0).random(1000) ** 3
    nobody = np.zeros(1000, dtype=bool)
    lines = ThresholdTable.of("alpha", Cut(values, audited_rows(nobody, nobody))).to_table()
    thresholds = lines["threshold"].to_numpy()
    assert np.isin(np.round(np.arange(101) / 100, 2), thresholds).all()
    assert np.isin(np.quantile(values, np.arange(101) / 100), thresholds).all()
    assert (np.diff(thresholds) > 0).all()
    assert lines["effective_noise_low"].null_count == len(lines)
    assert pa.types.is_float64(lines.schema.field("threshold").type)


def test_a_table_comes_back_from_its_rows() -> None:
    rng = np.random.default_rng(0)
    expected, wrong = scores(2000, rng)
    judging = rng.random(2000) < 0.1
    for known in (judging, np.zeros(2000, dtype=bool)):
        table = ThresholdTable.of("label_quality", Cut(1 - expected, audited_rows(wrong, known, expected)))
        rows = table.to_table()
        assert rows.schema.equals(REPORT)
        assert ThresholdTable.from_table(rows) == table


@pytest.mark.parametrize(
    "change", [{"precision": 0.9}, {"precision_low": 0.6}, {"precision_high": None}, {"precision_high": 1.5}]
)
def test_a_share_outside_of_its_interval_is_none(change: dict[str, float | None]) -> None:
    line = {"by": "label_quality", "threshold": 0.5, "kept": 3, "kept_fraction": 0.3}
    line |= {"precision": 0.5, "precision_low": 0.4, "precision_high": 0.7}
    table = pa.Table.from_pylist([line], schema=REPORT)
    assert ThresholdTable.from_table(table).lines[0].recall is None
    with pytest.raises(ValueError, match="precision is"):
        ThresholdTable.from_table(pa.Table.from_pylist([{**line, **change}], schema=REPORT))
