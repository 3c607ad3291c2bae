"""The flagged rows of a run, the worst first; flagged.csv lists them for people who work with a spreadsheet."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.files import replacing
from noisecleaner.runs.edited import COLUMNS, FLAGGED, is_edited, kept_as
from noisecleaner.runs.lowest import lowest
from noisecleaner.runs.scored_run import ScoredRun
from noisecleaner.texts import cell

#: Rows that are listed unless somebody asks for more: as many as a person looks at.
TOP = 1000


def flagged_rows(run: ScoredRun, columns: Sequence[str], most: int) -> pa.Table:
    """Read the flagged rows with the lowest values, in the order of the dataset where they are equal.

    Args:
        run: the scores.
        columns: those to read.
        most: how many rows to read; so many, and one batch, are in memory.

    Raises:
        NoisecleanerError: scores.parquet is damaged.
    """
    by = run.metadata.by
    batches = run.batches(list(dict.fromkeys([*columns, by, "flagged"])))
    rows = lowest(batches, by, most, lambda batch, _: np.asarray(pc.fill_null(batch["flagged"], False))).table
    return run.scores_schema(columns).empty_table() if rows is None else rows.select(list(columns))


def write_flagged(folder: Path, run: ScoredRun, *, top: int) -> None:
    """Write flagged.csv: UTF-8 with the mark by which Excel knows it; no cell of it runs as a formula, see `cell`.

    Args:
        folder: where to write it.
        run: the scores.
        top: how many rows to list, the worst first.
    """
    # after a transfer, rows have no label quality
    columns = list(dict.fromkeys([*COLUMNS, run.metadata.by]))
    rows = flagged_rows(run, columns, top)
    with replacing(folder / FLAGGED) as temporary, temporary.open("w", encoding="utf-8-sig", newline="") as file:
        # quotes around all texts: some spreadsheets end a field at a semicolon
        writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        writer.writerow(columns)
        for batch in rows.to_batches(2**13):
            writer.writerows(zip(*(_cells(column) for column in batch.columns), strict=True))


def keep_edited(folder: Path, staged: Path) -> str | None:
    """Put a list that somebody has worked on where `staged` keeps it beside the new one; None where nobody has.

    Args:
        folder: of the scores that are replaced.
        staged: of the files that replace them.

    Returns:
        The name of the file.
    """
    if not is_edited(folder):
        return None
    kept = kept_as(folder).name
    shutil.copy2(folder / FLAGGED, staged / kept)
    return kept


def _cells(column: pa.Array) -> list[object]:
    """The cells of a column: texts made safe, and numbers with the digits that they have in single precision."""
    if not pa.types.is_floating(column.type):
        return [None if text is None else cell(text) for text in column.to_pylist()]
    return [None if number is None else _Digits(number) for number in column.to_pylist()]


class _Digits(float):
    """A number of single precision; the CSV writer takes it for a number, and writes it without needless digits."""

    def __repr__(self) -> str:
        return str(np.float32(self))

    __str__ = __repr__
