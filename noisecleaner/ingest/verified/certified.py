"""Rows of a clean copy that carry a verified label: they are right by how the copy was made, and cannot measure it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import BoolArray
from noisecleaner.errors import listed
from noisecleaner.ingest.columns import CERTIFIED
from noisecleaner.ingest.files.kinds import OWN_FILE
from noisecleaner.ingest.manifest import Manifest
from noisecleaner.ingest.verified.corrections import COLUMN
from noisecleaner.notices import Notice, Severity
from noisecleaner.tables import count_true, with_column
from noisecleaner.texts import agreeing


def withhold(dataset: Manifest) -> Manifest:
    """Take verified labels of marked rows for corrections: they override and steer, and measure nothing.

    Args:
        dataset: with its verified labels.
    """
    table = dataset.table
    marked = pc.and_(pc.fill_null(table["certified"], fill_value=False), pc.is_valid(table["trusted_label"]))
    count, nothing = count_true(marked), pa.scalar(None, pa.string())
    if not count:
        return dataset
    verified = len(table) - table["trusted_label"].null_count
    changed = {
        COLUMN: pc.if_else(marked, pc.coalesce(table[COLUMN], table["trusted_label"]), table[COLUMN]),
        "trusted_label": pc.if_else(marked, nothing, table["trusted_label"]),
        "sample_probability": pc.if_else(marked, pa.scalar(None, pa.float64()), table["sample_probability"]),
    }
    for name, column in changed.items():
        table = with_column(table, name, column)
    return replace(dataset, table=table).noting(cannot_measure(count, verified))


def carried(rows: pa.Table | pa.RecordBatch) -> BoolArray:
    """Find rows of a copy that stand for corrections and are none: somebody verified what they carry, shape [rows].

    Args:
        rows: with the columns given_label, corrected_label and certified.
    """
    same = pc.equal(rows[COLUMN], rows["given_label"])
    return np.asarray(pc.fill_null(pc.and_(rows["certified"], same), fill_value=False))


def cannot_measure(count: int, verified: int) -> Notice:
    """Say that rows were verified before their copy was made.

    Args:
        count: of such rows.
        verified: all rows that are given as verified.
    """
    rest = " Rates are those of the rows that nobody had verified before." if count < verified else ""
    return Notice(
        code="verified-before-the-copy",
        message=f"{count:,} of {verified:,} verified rows {agreeing(count, 'carries', 'carry')} their verified label "
        "since this copy was exported "
        f"({CERTIFIED}): they cannot measure how much of it is wrong, and only steer.{rest} Verify other rows, drawn "
        "at random or by `plan()`.",
    )


def without_marks(data: str, notes: Sequence[str]) -> Notice:
    """Say that a clean copy lacks the column that tells which of its rows were verified.

    Args:
        data: the copy.
        notes: its columns that only a clean copy has; none where the file beside it tells that it is one.
    """
    told = f"of its columns {listed(notes, 3)}" if notes else f"of the {OWN_FILE} beside it"
    return Notice(
        code="copy-without-marks",
        severity=Severity.VOID,
        message=f"{data} is a clean copy, because {told}, but the column {CERTIFIED} is gone, which says which of its "
        "rows carry a verified label. Those are right by how the copy was made, and verified rows may be the same "
        f"ones: no rate can be told. Export the copy again, and leave {CERTIFIED} as it is.",
    )
