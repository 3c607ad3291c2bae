"""What a table of verified labels says for itself: the columns that were taken, and what contradicts the dataset."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.errors import listed, quoted
from noisecleaner.ingest.columns import read_labels
from noisecleaner.ingest.labels.indices import SECOND
from noisecleaner.ingest.manifest import Column
from noisecleaner.ingest.verified.verification import Verification
from noisecleaner.notices import Notice, Severity
from noisecleaner.tables import count_true
from noisecleaner.texts import agreeing, counted

_SHOWN = 3
#: The column of given labels in the tables that noisecleaner writes.
_GIVEN = "given_label"


def verified_lines(verification: Verification, labels: pa.ChunkedArray, given: Column) -> Iterator[Notice]:
    """Say which columns were taken for the verified labels and for second looks.

    Args:
        verification: the table or folder.
        labels: its labels, one for each row of the dataset, shape [verified rows].
        given: the given labels of these rows, null for rows that are not in the dataset, shape [verified rows].
    """
    if verification.second is not None:
        looks, where = verification.second, f"column {SECOND!r} of {verification.where}"
        message = f"Second looks: {where}, {len(looks) - looks.null_count:,} of {len(looks):,} rows filled."
        yield Notice(code="second-looks-read", severity=Severity.NOTE, message=message)
    if not verification.second_only:
        yield _verified_line(verification, labels, given)


def _verified_line(verification: Verification, labels: pa.ChunkedArray, given: Column) -> Notice:
    """Say which column was taken for the verified labels, and how it compares with the given ones."""
    rows, filled = len(verification.labels), len(verification.labels) - verification.labels.null_count
    beside, differing = (
        count_true(pc.and_(pc.is_valid(labels), pc.is_valid(given))),
        count_true(pc.not_equal(labels, given)),
    )
    some = "" if beside == filled else f", {beside:,} of them beside a given label"
    words = verification.read_from or f"verified labels of {verification.where}"
    return Notice(
        code="verified-labels",
        severity=Severity.NOTE,
        message=f"Verified labels: {words}, {filled:,} of {rows:,} rows filled{some}; {differing:,} differ from the "
        "given label.",
    )


def disagreeing(verification: Verification, labels: pa.ChunkedArray, before: Column) -> Iterator[Notice]:
    """Say so where a table contradicts what was known of a row before.

    Args:
        verification: the table or folder.
        labels: its labels, shape [verified rows].
        before: the labels that were verified before, null where there was none, shape [verified rows].
    """
    wrong = np.flatnonzero(np.asarray(pc.fill_null(pc.not_equal(labels, before), fill_value=False)))
    if not len(wrong):
        return
    both = count_true(pc.and_(pc.is_valid(labels), pc.is_valid(before)))
    pairs = [
        f"{verification.ids[row].as_py()} ({before[row].as_py()}, now {labels[row].as_py()})" for row in wrong.tolist()
    ]
    yield Notice(
        code="verified-labels-disagree",
        message=f"{len(wrong):,} of {both:,} rows had been verified before with another label than that of "
        f"{verification.where}, which holds now: {listed(pairs, _SHOWN)}. Look at them again.",
    )


def sorted_apart(verification: Verification, given: Column) -> Iterator[Notice]:
    """Say so where a table that noisecleaner wrote tells other given labels than the dataset.

    Args:
        verification: the table or folder.
        given: the given labels of its rows in the dataset, shape [verified rows].
    """
    told = None if verification.files is None else read_labels(verification.files, _GIVEN)
    if told is None:
        return
    wrong = np.flatnonzero(np.asarray(pc.fill_null(pc.not_equal(told.text, given), fill_value=False)))
    if len(wrong):
        row = int(wrong[0])
        own, theirs, name = (quoted(column[row].as_py()) for column in (told.text, given, verification.ids))
        yield Notice(
            code="given-labels-disagree",
            message=f"{counted(len(wrong), 'row')} of {verification.where} {agreeing(len(wrong), 'tells', 'tell')} "
            f"another {_GIVEN} than the dataset (such as "
            f"{name}: {own}, in the dataset {theirs}). Either its "
            "columns were sorted apart, and labels stand beside the wrong ids, or the dataset was changed since.",
        )
