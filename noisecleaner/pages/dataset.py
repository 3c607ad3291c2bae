"""The images that a page shows: those of the rows that were scored, or none."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns, Manifest, Source, open_tables
from noisecleaner.ingest.payloads import own_vectors
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


def shows_images(source: Source) -> bool:
    """Whether pages can show rows of a source, as far as its columns tell; what is not there any more may have some."""
    columns = source.columns
    try:
        if columns.embedding is None and columns.probabilities is None:
            files = open_tables(source.data)
            return files is None or not own_vectors(files, columns)
        return pictured(source) != source
    except NoisecleanerError:  # whoever reads it will say so
        return True


def moved(source: Source, data: Source | None) -> Source:
    """Return the source at the place where it is now.

    Args:
        source: as it was read before.
        data: where it is now; None where it has not moved.

    Raises:
        NoisecleanerError: columns are named, too: they are known, and these would do nothing.
    """
    if data is None:
        return source
    if replace(data.columns, label_names=()) != Columns():
        raise NoisecleanerError(
            f"What the columns of {source.data} are called is known, but others are named beside `data`.",
            "Leave the columns out, and name only where the dataset is now: `data=PATH`.",
        )
    return replace(source, data=data.data, allow_absolute=source.allow_absolute or data.allow_absolute)


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
