"""One contract for every file of `engines/`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from noisecleaner.arrays import IntArray
from noisecleaner.engines import Engine, Work, engine_of, is_elsewhere
from noisecleaner.errors import NoisecleanerError
from noisecleaner.progress import Stage
from noisecleaner.registry import names_in

NAMES = names_in("engines")
SCHEMA = pa.schema([("row", pa.int64()), ("square", pa.int64())])


def read(rows: IntArray) -> Iterator[pa.RecordBatch]:
    for block in np.split(rows, np.flatnonzero((rows[1:] % 64 == 0) | (np.diff(rows) != 1)) + 1):
        if len(block):
            yield pa.RecordBatch.from_pydict({"row": block})


def squares(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        rows = batch["row"].to_numpy()
        yield pa.RecordBatch.from_pydict({"row": rows, "square": rows**2}, schema=SCHEMA)


def opened(threads: int | None) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    return squares


class Counter(Stage):
    def __init__(self) -> None:
        self.rows = 0

    def advance(self, count: int = 1, **numbers: float) -> None:
        self.rows += count


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.ray] if name == "ray" else []) for name in NAMES])
def engine(request: pytest.FixtureRequest) -> Engine:
    if is_elsewhere(request.param):
        request.getfixturevalue("cluster")
    return engine_of(request.param)


@pytest.mark.parametrize("rows", [range(300), [*range(64), *range(128, 200)]])
def test_results_come_in_the_order_of_the_rows(engine: Engine, tmp_path: Path, rows: list[int]) -> None:
    stage, numbers = Counter(), np.array(rows, np.int64)
    work = Work(read=read, open=opened, batch=64)
    table = pa.Table.from_batches(engine.run(work, numbers, scratch=tmp_path, stage=stage))
    assert table["row"].to_pylist() == list(rows)
    assert table["square"].to_pylist() == [row**2 for row in rows]
    assert stage.rows == len(rows)


def test_an_engine_that_there_is_not_is_refused() -> None:
    with pytest.raises(NoisecleanerError, match="`engine` abacus is unknown"):
        engine_of("abacus")
