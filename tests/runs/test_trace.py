"""The trace: folds put together row by row, and a table that says null where nobody knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from support.simulated import any_signals, assert_same

from noisecleaner.arrays import IntArray
from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Manifest, Skip
from noisecleaner.quality.model import Judgements
from noisecleaner.quality.signals import Dynamics, Predictions, Signals
from noisecleaner.runs.readout import FoldReadout
from noisecleaner.runs.trace import TRACE, Trace, collect, to_table, verified_rows
from noisecleaner.tables import write_table

CLASSES = ("a", "b", "c")
ROWS = 9


class Nothing:
    """Images that nobody reads."""

    def read(self, rows: IntArray) -> Iterator[tuple[int, bytes | Skip]]:
        raise AssertionError


def dataset(**known: pa.Array) -> Manifest:
    """Rows of which the last has no label."""
    labels = pa.array([*(CLASSES[row % 3] for row in range(ROWS - 1)), None])
    ids = pa.array([f"r{row}" for row in range(ROWS)])
    return Manifest.of(ids, classes=CLASSES, payload=Nothing(), **{"given": labels, **known})


def fold(*, recorded: list[int], predicted: list[int], clean_only: tuple[int, ...] = (), seed: int = 0) -> FoldReadout:
    """Made-up numbers of some rows."""
    numbers = any_signals(ROWS, classes=3, seed=seed, known=1.1)
    where, extra = np.array(predicted, dtype=np.int64), np.array(clean_only, dtype=np.int64)
    return FoldReadout(
        recorded=np.array(recorded),
        dynamics=numbers.dynamics.take(np.array(recorded)),
        predicted=where,
        predictions=numbers.predictions.take(where) if predicted else Predictions.none(),
        clean_only=extra,
        clean_only_log_probabilities=np.full((len(extra), 3), -seed, np.float32) if clean_only else np.empty((0, 0)),
    )


def test_each_row_comes_from_the_fold_that_knows_it_and_is_unknown_without_one() -> None:
    folds = [fold(recorded=[0, 2, 4], predicted=[1, 3], seed=1), fold(recorded=[3, 1], predicted=[4, 0], seed=2)]
    given = dataset().given
    signals = collect(folds, given=given)
    for one in folds:
        assert_same(signals.dynamics.take(one.recorded), one.dynamics)
        for name in ("margin", "log_probability", "candidates", "candidate_log_probabilities"):
            seen = getattr(signals.predictions.take(one.predicted), name)
            np.testing.assert_array_equal(seen, getattr(one.predictions, name))
    unknown = np.array([5, 6, 7, 8])
    for values in vars(signals.dynamics.take(unknown)).values():
        assert np.isnan(values).all()
    assert not signals.predictions.known[[2, *unknown]].any()
    np.testing.assert_array_equal(signals.predictions.given, given)  # known of every row


def test_in_a_transfer_nothing_is_predicted() -> None:
    signals = collect([fold(recorded=[0, 2], predicted=[])], given=dataset().given)
    assert not signals.predictions.known.any()
    assert signals.to_table()["candidates"].null_count == ROWS


def test_judging_rows_count_where_they_were_predicted_and_clean_only_rows_in_the_order_of_the_folds() -> None:
    folds = [
        fold(recorded=[0], predicted=[0, 1, 2, 3], clean_only=(2, 0), seed=1),
        fold(recorded=[1], predicted=[4], seed=2),
        fold(recorded=[2], predicted=[5], clean_only=(1,), seed=3),
    ]
    given = dataset(
        probability=pa.array([0.5, None, None, 0.25, *[None] * 5], pa.float64()),
        trusted=pa.array(["a", None, "c", "b", "b", None, "a", None, None]),
    )
    signals = collect(folds, given=given.given)
    known = signals.predictions.known
    judging = np.isin(np.arange(ROWS), [0, 3, 6])  # row 6 was never predicted
    verified = verified_rows(signals, given, folds, judging=judging, clean_only=np.array([1, 2, 0]))
    np.testing.assert_array_equal(verified.judging, [row for row in (0, 3) if known[row]])
    np.testing.assert_array_equal(verified.labels.true, given.trusted[verified.judging])
    np.testing.assert_allclose(verified.labels.weights.mean(), 1)
    assert verified.clean_only.labels.tolist() == [0, 1, 2]
    assert verified.clean_only.log_probabilities[:, 0].tolist() == [-1, -1, -3]
    assert verified.classes == 3


def test_without_clean_only_rows_there_are_none() -> None:
    folds = [fold(recorded=[0], predicted=[0])]
    signals = collect(folds, given=dataset().given)
    nobody: IntArray = np.empty(0, np.int64)
    verified = verified_rows(signals, dataset(), folds, judging=np.zeros(ROWS, dtype=bool), clean_only=nobody)
    assert len(verified.clean_only) == len(verified.judging) == 0


def written(signals: Signals, judgements: Judgements, **known: pa.Array) -> pa.Table:
    return to_table(dataset(**known), signals, judgements, judging=np.arange(ROWS) < 2)


def test_the_table_holds_everything_and_null_where_nobody_knows() -> None:
    signals = any_signals(ROWS, classes=3, known=0.5)
    judgements = Judgements.unknown(ROWS)
    judgements.quality[:2], judgements.suggested[1], judgements.confidence[1] = 0.25, 2, 0.75
    skipped = pa.array(["missing_file", *[None] * (ROWS - 1)])
    table = written(signals, judgements, skipped=skipped)
    assert table.schema == TRACE
    assert table["label_quality"].to_pylist() == [0.25, 0.25] + [None] * 7
    assert table["suggested"].to_pylist() == [None, 2] + [None] * 7
    assert table["suggested_confidence"].to_pylist() == [None, 0.75] + [None] * 7
    assert table["judging"].to_pylist() == [True, True] + [False] * 7
    assert table["skip_reason"].to_pylist() == ["missing_file", *[None] * 7, "no_label"]
    again = Signals.from_table(table, given=signals.predictions.given)
    assert_same(again.predictions, signals.predictions)
    assert_same(again.dynamics, signals.dynamics)


def test_every_signal_is_a_column_of_the_trace() -> None:
    for rows in (Dynamics, Predictions):
        for signal in rows.signals().values():
            assert TRACE.field(signal.column).type == signal.kind


def test_a_trace_comes_back_whole_or_in_part(tmp_path: Path) -> None:
    table = written(any_signals(ROWS, classes=3), Judgements.unknown(ROWS))
    trace = Trace(table, CLASSES, "planted", none_label="other")
    trace.write(tmp_path / "trace.parquet")
    again = Trace.read(tmp_path / "trace.parquet")
    assert again.table.equals(trace.table)
    assert (again.classes, again.model, again.none_label) == (CLASSES, "planted", "other")
    ids = Trace.read(tmp_path / "trace.parquet", ["sample_id"]).table
    assert ids.column_names == ["sample_id"]
    with pytest.raises(NoisecleanerError, match="missing"):
        Trace.read(tmp_path / "missing.parquet")


def test_traces_of_earlier_versions_knew_no_rows_of_no_class(tmp_path: Path) -> None:
    table = written(any_signals(ROWS, classes=3), Judgements.unknown(ROWS))
    write_table(tmp_path / "trace.parquet", [table], TRACE, {"classes": list(CLASSES), "quality": "planted"})
    assert Trace.read(tmp_path / "trace.parquet").none_label is None
