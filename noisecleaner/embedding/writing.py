"""`embed`: a dataset of images -> a folder of shards. Every step, in order."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial

from noisecleaner.embedding.backbones import frozen_backbones, maker_of, named_model
from noisecleaner.embedding.config import EmbedConfig
from noisecleaner.embedding.filling import fill
from noisecleaner.embedding.opening import Opening
from noisecleaner.embedding.result import EmbedResult
from noisecleaner.embedding.rows import ImageRows
from noisecleaner.embedding.shards import ShardRecord, open_shards
from noisecleaner.engines import is_elsewhere
from noisecleaner.files import AnyPath, located
from noisecleaner.networks.devices import choose_device
from noisecleaner.progress import Progress


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
    elsewhere = is_elsewhere(config.engine)
    here = choose_device("auto" if elsewhere else config.device)
    rows = ImageRows.read(config.source)
    progress.tell(*rows.notices)
    model = named_model(config.model, rows=len(rows), device=here, progress=progress)
    config = replace(config, model=model, device=config.device if elsewhere else str(here))
    joined = frozen_backbones(model)
    progress.tell(*joined.notices())
    maker = maker_of(joined)
    opening = Opening(
        load=partial(frozen_backbones, model), device=config.device, decoding=config.decoding, maker=maker
    )
    record = ShardRecord.of(config, rows, maker)
    with open_shards(out, record, rows, size=config.rows_per_shard, resume=resume) as shards:
        if shards is None:
            progress.note(f"{out} holds these vectors already; nothing was done.")
        else:
            fill(shards, rows, opening, engine=config.engine, strict=config.strict, progress=progress)
    return EmbedResult.of(out, maker, time.monotonic() - started)
