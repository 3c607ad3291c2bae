"""Rows -> the shards that are missing: an engine maps, and each shard is written when its rows are there."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import IntArray
from noisecleaner.embedding.config import ALIGNED
from noisecleaner.embedding.opening import Opening
from noisecleaner.embedding.rows import ImageRows, numbers_of
from noisecleaner.embedding.shards import Shards
from noisecleaner.engines import ROW, Work, engine_of
from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.source import Columns
from noisecleaner.ingest.tables.maker import SKIP_REASON
from noisecleaner.progress import Progress
from noisecleaner.tables import count_true
from noisecleaner.texts import counted


def fill(
    shards: Shards, rows: ImageRows, opening: Opening, *, engine: str, strict: bool = False, progress: Progress
) -> None:
    """Make the shards that are missing.

    Args:
        shards: where they are written.
        rows: what they hold.
        opening: what makes their vectors.
        engine: where that runs.
        strict: make a row without a vector an error.
        progress: is told about rows.

    Raises:
        NoisecleanerError: the engine or a network cannot be had; or a row has no vector, and one is strict.
    """
    on_gpu = None if opening.device == "auto" else opening.device.startswith("cuda")
    work = Work(read=rows.reader, open=opening, batch=ALIGNED, on_gpu=on_gpu)
    missing = shards.missing()
    numbers = [numbers_of(shard, shards.size, len(rows)) for shard in missing]
    wanted = np.concatenate([np.empty(0, np.int64), *numbers])
    if len(missing) < shards.count:
        progress.note(f"{counted(shards.count - len(missing), 'shard')} of {shards.count:,} are there already.")
    shards.scratch.mkdir(exist_ok=True)
    with progress.stage("Embedding", len(rows), "images", len(rows) - len(wanted)) as stage:
        results = engine_of(engine).run(work, wanted, scratch=shards.scratch, stage=stage)
        with closing(cast(Generator[pa.RecordBatch], results)):
            for shard, part in zip(missing, numbers, strict=True):
                found = _results(results, part)
                own = rows.table.slice(int(part[0]), len(part))
                table = pa.table({**_columns(own), **_columns(found.drop_columns([ROW]))})
                if strict:
                    _refuse_unreadable(table)
                shards.write(shard, table)


def _results(results: Iterator[pa.RecordBatch], rows: IntArray) -> pa.Table:
    """Take the results of some rows, shape [n]; no batch holds rows of two shards."""
    found: list[pa.RecordBatch] = []
    while sum(batch.num_rows for batch in found) < len(rows):
        found.append(next(results))
    table = pa.Table.from_batches(found)
    assert np.array_equal(table[ROW].to_numpy(), rows)  # noqa: S101  # what engines promise
    return table


def _columns(table: pa.Table) -> dict[str, pa.ChunkedArray]:
    return {name: table[name] for name in table.column_names}


def _refuse_unreadable(table: pa.Table) -> None:
    """Refuse rows without a vector.

    Raises:
        NoisecleanerError: names the first one.
    """
    unreadable = pc.is_valid(table[SKIP_REASON])
    if count := count_true(unreadable):
        first = table.filter(unreadable).slice(0, 1).to_pylist()[0]
        raise NoisecleanerError(
            f"`strict=True` needs an image of every row, but {counted(count, 'row')} of a shard have none that can be "
            f"read, such as {first[Columns.sample_id]!r} ({first[SKIP_REASON]}).",
            "Mend or remove them, or leave `strict` out.",
        )
