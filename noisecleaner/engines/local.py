"""This process, with threads of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from noisecleaner.arrays import IntArray
from noisecleaner.engines import Work
from noisecleaner.progress import Stage


def run(work: Work, rows: IntArray, *, scratch: Path, stage: Stage) -> Iterator[pa.RecordBatch]:
    """Map rows one batch after the other; nothing is kept in `scratch`, see `Engine.run` (rows of shape [n])."""
    for batch in work.open(None)(work.read(rows)):
        stage.advance(batch.num_rows)
        yield batch
