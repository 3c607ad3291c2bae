"""Images of rows that were not fitted -> vectors by the frozen networks of a run, wherever an engine runs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.embedding.config import EmbedConfig
from noisecleaner.embedding.filling import fill
from noisecleaner.embedding.opening import Opening
from noisecleaner.embedding.rows import ImageRows
from noisecleaner.embedding.shards import ShardRecord, discard_other, open_shards
from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Manifest, Skip, Source, open_tables
from noisecleaner.ingest.tables.maker import EMBEDDING, SKIP_REASON
from noisecleaner.ingest.vectors.columns import VectorColumn
from noisecleaner.ingest.vectors.orders import AnyVectors
from noisecleaner.networks.joined import Joined
from noisecleaner.progress import Progress
from noisecleaner.runs.auditor_record import AuditorRecord
from noisecleaner.runs.kinds import maker_of_run
from noisecleaner.runs.run import Run
from noisecleaner.settings import Decoding, Inference, Model


@contextmanager
def embedded(
    dataset: Manifest, run: Run, source: Source, out: Path, *, inference: Inference, progress: Progress
) -> Iterator[Manifest]:
    """Yield the rows with vectors in place of their images; those without one are skipped.

    Where an earlier call was interrupted with the same rows and run, this one goes on with what that had done.

    Args:
        dataset: rows with images.
        run: a finished run of images, with frozen networks.
        source: where the rows are.
        out: the scores to come; vectors lie beside them while the block runs.
        inference: how images are looked at, and by which engine.
        progress: is told about rows.

    Raises:
        NoisecleanerError: the rows bring vectors, the run has no frozen networks, or the engine cannot be had.
    """
    run, record = Run(run.path.absolute()), AuditorRecord.read(run)
    maker = maker_of_run(run, record)
    if maker is None or record.shape.backbone is None or isinstance(dataset.payload, AnyVectors):
        raise _nothing_to_embed(dataset, run, inference.engine)
    config = _config(record, source, inference)
    config.check()
    rows = ImageRows(table=dataset.table.select(["sample_id"]), images=dataset.payload)  # type: ignore[arg-type]  # images
    load = partial(Joined.restore, record.shape, run.auditor / "backbone.safetensors")
    opening = Opening(load=load, device=config.device, decoding=config.decoding, maker=maker)
    folder, asked = out.with_name(f".{out.name}.vectors"), ShardRecord.of(config, rows, maker)
    discard_other(folder, asked, rows)
    with open_shards(folder, asked, rows, size=config.rows_per_shard, resume=True) as shards:
        if shards is not None:
            fill(shards, rows, opening, engine=config.engine, progress=progress)
    yield _with_vectors(dataset, folder)
    shutil.rmtree(folder, ignore_errors=True)


def _config(record: AuditorRecord, source: Source, inference: Inference) -> EmbedConfig:
    """Ask for the vectors of a run's own networks."""
    return EmbedConfig(
        source=source,
        model=Model(backbone=record.shape.backbone, image_size=record.shape.size),
        decoding=Decoding(max_pixels=inference.max_pixels),
        device=inference.device,
        engine=inference.engine,
    )


def _nothing_to_embed(dataset: Manifest, run: Run, engine: str) -> NoisecleanerError:
    vectors = isinstance(dataset.payload, AnyVectors)
    found = "the rows bring vectors" if vectors else f"{run.path} has none"
    return NoisecleanerError(
        f"`engine={engine!r}` lets frozen networks look at images elsewhere, but {found}.", "Leave `engine` out."
    )


def _with_vectors(dataset: Manifest, folder: Path) -> Manifest:
    """Put the vectors of a folder in place of images."""
    files = open_tables(str(folder))
    assert files is not None  # noqa: S101  # shards are tables
    reasons = files.column(SKIP_REASON)
    there = pc.indices_nonzero(pc.is_valid(reasons))
    skipped = {row: Skip(reasons[row].as_py()) for row in pa.array(there).to_pylist()}
    payload = VectorColumn.open(files, EMBEDDING, "embeddings")
    return replace(dataset, payload=payload).skipping(skipped)
