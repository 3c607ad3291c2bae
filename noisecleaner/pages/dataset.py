"""The images that a page shows: those of the rows that were scored, or none."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Manifest, Source, open_tables
from noisecleaner.runs.contents import refuse_other_scored
from noisecleaner.runs.scored_run import ScoredRun


def pictured(source: Source) -> Source:
    """Return the source with its images instead of vectors, of a file or of a column, if it has any."""
    columns = source.columns
    if columns.embedding is None and columns.probabilities is None:
        return source
    files = open_tables(source.data)
    if files is not None and columns.image not in files:
        return source
    return replace(source, columns=replace(columns, embedding=None, probabilities=None))


def refuse_changed(manifest: Manifest, run: ScoredRun, source: Source) -> None:
    """Refuse a dataset that does not hold any more what was scored: a wrong image is worse than none.

    Raises:
        NoisecleanerError: its rows, or what they bring, have changed.
    """
    ids = pa.chunked_array([batch["sample_id"] for batch in run.batches(["sample_id"])], pa.string())
    if not manifest.table["sample_id"].equals(ids):
        raise NoisecleanerError(
            f"The scores in {run.path} must belong to {source.data}, but its sample ids have changed since.",
            "Name the data that was scored with `data=PATH`.",
        )
    refuse_other_scored(run.metadata.contents, manifest, scored=run.path, data=source.data)
