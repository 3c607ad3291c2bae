"""`embed`: a dataset of images -> a folder of shards. Every step, in order."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import IntArray
from noisecleaner.embedding.backbones import frozen_backbones, maker_of, named_model
from noisecleaner.embedding.config import ALIGNED, EmbedConfig
from noisecleaner.embedding.embedder import Embedder, fields_of
from noisecleaner.embedding.result import EmbedResult
from noisecleaner.embedding.rows import ImageRows, numbers_of
from noisecleaner.embedding.shards import ShardRecord, Shards, open_shards
from noisecleaner.engines import ROW, Work, engine_of
from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import AnyPath, located
from noisecleaner.ingest.source import Columns
from noisecleaner.ingest.tables.maker import SKIP_REASON, Maker
from noisecleaner.inputs.encoders import feature_encoder
from noisecleaner.networks.devices import choose_device
from noisecleaner.progress import Progress
from noisecleaner.settings import Decoding, Model
from noisecleaner.tables import count_true
from noisecleaner.texts import counted


def embed(config: EmbedConfig, out: AnyPath, *, resume: bool = False, progress: Progress | None = None) -> EmbedResult:
    """Make a vector of every image, and write them with ids and labels as a folder of Parquet files.

    `fit`, `score_new`, `plan_data` and others read the folder as a dataset. Rows whose image cannot be read are in it,
    with their reason.

    Args:
        config: what is asked.
        out: the folder to make; it gets its name when all is done.
        resume: go on with an interrupted run, whose shards stay.
        progress: is told what happens; silent by default.

    Raises:
        NoisecleanerError: input, options or environment cannot be used.
        Interrupted: a signal arrived; `resume=True` goes on behind the last shard.
    """
    out, progress, started = located(out), progress or Progress(), time.monotonic()
    config.check()
    config.source.refuse_inside(out)
    device = choose_device(config.device)
    rows = ImageRows.read(config.source)
    progress.tell(*rows.notices)
    model = named_model(config.model, rows=len(rows), device=device, progress=progress)
    config = replace(config, model=model, device=str(device))
    joined = frozen_backbones(model)
    progress.tell(*joined.notices())
    maker, width = maker_of(joined), joined.width
    opening = Opening(model=model, device=config.device, decoding=config.decoding, maker=maker)
    record = ShardRecord.of(config, rows, maker)
    with open_shards(out, record, rows, size=config.rows_per_shard, resume=resume) as shards:
        if shards is None:
            progress.note(f"{out} holds these vectors already; nothing was done.")
        else:
            work = Work(
                read=rows.reader,
                open=opening,
                batch=ALIGNED,
                schema=pa.schema([pa.field(ROW, pa.int64()), *fields_of(width)]),
                on_gpu=device.type == "cuda",
            )
            _fill(shards, rows, work, config, progress)
    return EmbedResult.of(out, maker, time.monotonic() - started)


@dataclass(frozen=True, kw_only=True)
class Opening:
    """Loads the networks in whichever process, and refuses others than those that were chosen.

    Args:
        model: what was chosen.
        device: where to compute.
        decoding: threads and limits.
        maker: what the networks are.
    """

    model: Model
    device: str
    decoding: Decoding
    maker: Maker

    def __call__(self) -> Embedder:
        """Load them.

        Raises:
            NoisecleanerError: this process finds others.
        """
        joined = frozen_backbones(self.model)
        if other := list(self.maker.differences(maker_of(joined))):
            raise NoisecleanerError(
                f"Every process must load the networks that were chosen, with {', '.join(other)}, but one has others.",
                "Install the same packages and weights everywhere.",
            )
        return Embedder(feature_encoder(joined.parts, choose_device(self.device)), self.decoding)


def _fill(shards: Shards, rows: ImageRows, work: Work, config: EmbedConfig, progress: Progress) -> None:
    """Make the shards that are missing."""
    missing = shards.missing()
    numbers = [numbers_of(shard, shards.size, len(rows)) for shard in missing]
    wanted = np.concatenate([np.empty(0, np.int64), *numbers])
    if len(missing) < shards.count:
        progress.note(f"{counted(shards.count - len(missing), 'shard')} of {shards.count:,} are there already.")
    shards.scratch.mkdir(exist_ok=True)
    with progress.stage("Embedding", len(rows), "images", len(rows) - len(wanted)) as stage:
        results = engine_of(config.engine).run(work, wanted, scratch=shards.scratch, stage=stage)
        with closing(cast(Generator[pa.RecordBatch], results)):
            for shard, part in zip(missing, numbers, strict=True):
                found = _results(results, part)
                own = rows.table.slice(int(part[0]), len(part))
                table = pa.table({**_columns(own), **_columns(found.drop_columns([ROW]))})
                if config.strict:
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
