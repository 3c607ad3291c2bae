"""The paper's numbers stand beside ours, and every run is a row."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from noisecleaner.bench import Line, Row
from noisecleaner.bench._records import Conditions, Record
from noisecleaner.bench._table import lines_of, write_runs

SMALL = Row("soseleto", {"noise": 0.4, "way": "exact"}, paper={"accuracy": 0.7})
CONDITIONS = Conditions(experiment="mine", scale=0.5, device="cpu", backbone=None, files={}, options={})


def record(seed: int, **metrics: float) -> Record:
    return Record(CONDITIONS.of_run(SMALL, seed), metrics, 2.5)


def test_each_metric_is_a_line_with_a_value_for_each_seed() -> None:
    accuracy, gap = lines_of(SMALL, [record(0, accuracy=0.6, gap=0.1), record(1, accuracy=0.8, gap=0.3)])
    assert accuracy == Line(SMALL, "accuracy", (0.6, 0.8))
    assert (accuracy.paper, gap.paper) == (0.7, None)
    assert accuracy.mean == pytest.approx(0.7)
    assert accuracy.deviation == pytest.approx(0.02**0.5)  # of two values: their distance over the root of two
    assert Line(SMALL, "accuracy", (0.6,)).deviation is None


def test_a_run_is_a_row_and_what_it_did_not_measure_is_null(tmp_path: Path) -> None:
    path = tmp_path / "mine.parquet"
    write_runs(path, "mine", [record(0, accuracy=0.6), record(1, accuracy=0.8, gap=0.3)], SMALL)
    table = pq.read_table(path)
    first = {"experiment": "mine", "noise": 0.4, "way": "exact", "method": "soseleto", "seed": 0}
    first |= {"scale": 0.5, "device": "cpu", "backbone": None, "seconds": 2.5, "accuracy": 0.6, "gap": None}
    assert list(table.to_pylist()[0].items()) == list(first.items())
    assert table["gap"].to_pylist() == [None, 0.3]
    assert json.loads(table.schema.metadata[b"noisecleaner"])["experiment"] == "mine"
