"""What was verified of rows when they were last scored: second looks alone are at those rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from noisecleaner.files import SCORES_MANIFEST, Seal, damaged
from noisecleaner.ingest.manifest import Manifest
from noisecleaner.tables import SCORES, read_table, with_column

#: Columns that hold it.
REMEMBERED = ("trusted_label", "second_label", "sample_probability")


def remembered(scores: Path, ids: pa.ChunkedArray) -> pa.Table | None:
    """Read what was verified, with which probability, and what second looks saw.

    Args:
        scores: scores.parquet.
        ids: the sample ids of the rows, in their order.

    Returns:
        The columns of `REMEMBERED` and judging, in that order; None where the scores are of other rows.

    Raises:
        NoisecleanerError: the file is damaged.
    """
    try:
        seal = Seal.read(scores.with_name(SCORES_MANIFEST))
    except (OSError, ValueError) as error:
        raise damaged(scores.with_name(SCORES_MANIFEST), error) from error
    sealed = None if seal is None else seal.files.get(scores.name)
    table, _ = read_table(scores, SCORES, ["sample_id", *REMEMBERED, "judging"], sealed)
    return table if table["sample_id"].combine_chunks().equals(ids.combine_chunks()) else None


def as_remembered(dataset: Manifest, scores: Path) -> Manifest:
    """Return the rows of a dataset with what was verified of them; as they are where the scores are of others."""
    last, table = remembered(scores, dataset.table["sample_id"]), dataset.table
    if last is None:
        return dataset
    for name in REMEMBERED:
        table = with_column(table, name, last[name])
    return replace(dataset, table=table)
