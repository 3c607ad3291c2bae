"""The engine of this process: nothing is read before it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from noisecleaner.arrays import IntArray
from noisecleaner.engines import Map, Work
from noisecleaner.engines.local import run
from noisecleaner.progress import Stage


def test_batches_are_read_as_results_are_taken(tmp_path: Path) -> None:
    seen: list[int] = []

    def read(rows: IntArray) -> Iterator[pa.RecordBatch]:
        for row in rows.tolist():
            seen.append(row)
            yield pa.RecordBatch.from_pydict({"row": [row]})

    def opened(threads: int | None) -> Map:
        return lambda batches: batches

    work = Work(read=read, open=opened, batch=1)
    results = run(work, np.arange(5), scratch=tmp_path, stage=Stage())
    assert next(results)["row"].to_pylist() == [0]
    assert seen == [0]
    assert list(tmp_path.iterdir()) == []
