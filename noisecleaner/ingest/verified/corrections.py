"""Corrections: labels that somebody fixed because a row was picked. They override others, and measure nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import BoolArray, IntArray
from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.checks import check_labels
from noisecleaner.ingest.columns import read_labels
from noisecleaner.ingest.labels.spelling import as_spelled
from noisecleaner.ingest.opening import open_labels
from noisecleaner.ingest.source import Columns, Source
from noisecleaner.ingest.verified.itself import is_itself
from noisecleaner.ingest.verified.left_out import LeftOut, left_out_notices, without
from noisecleaner.ingest.verified.matching import CandidateRows, match
from noisecleaner.ingest.verified.repeats import Repeats
from noisecleaner.ingest.verified.slipped import Table, Words, slip_notices
from noisecleaner.ingest.verified.strangers import Strangers
from noisecleaner.ingest.verified.verification import Identity, Verification
from noisecleaner.notices import Notice, Severity
from noisecleaner.tables import count_true, overwritten, with_column
from noisecleaner.texts import agreeing, counted

#: The column that holds them, here and in what is written.
COLUMN = "corrected_label"
#: The notice that a part of them stands beside the wrong rows.
SLIPPED = "corrections-slipped"
_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Corrections:
    """What somebody corrected.

    Args:
        made: the labels, null where nothing is corrected; they are read and find their rows like verified ones.
        column: of the table that holds them, for messages.
        left_out: what is known of rows that the dataset has lost, because it is a clean copy.
    """

    made: Verification
    column: str
    left_out: LeftOut

    def rows_of(self, dataset: pa.Table) -> tuple[IntArray, BoolArray, tuple[Notice, ...]]:
        """Find the row of each correction, as those of verified labels are found.

        Args:
            dataset: with the columns sample_id and path.

        Returns:
            The row of each correction, which of them hold a label that no earlier one holds, and how they were found;
            shape [corrected rows].

        Raises:
            NoisecleanerError: a correction is of no row, or two of one row contradict each other.
        """
        made, ids = self.made, dataset["sample_id"].combine_chunks()
        matches = match(made, CandidateRows(ids=ids, paths=dataset["path"]))
        gone = self.left_out.rows(made, matches.bare)
        if (lost := matches.bare & ~gone).any():
            raise Strangers(verification=made, rows=pa.array(np.flatnonzero(lost)), ids=ids).refusal(
                "Corrections must be of rows of the dataset",
                "Check that both sides use the same ids, and name the column with `Columns(trusted_id=NAME)`.",
            )
        repeats = Repeats.find(made.labels, matches.rows, made.ids, made.where)
        labelled = np.asarray(pc.is_valid(without(repeats.merged(made.labels), gone)))
        notices = (*left_out_notices(made, gone, kind="corrected"), *matches.notices(made.where), *repeats.notices())
        return matches.rows, labelled, notices


def refuse_same(*, trusted: str | None, corrections: str | None) -> None:
    """Refuse labels that shall measure and shall not.

    Raises:
        NoisecleanerError: both are one file.
    """
    if trusted is None or corrections is None or os.path.realpath(trusted) != os.path.realpath(corrections):
        return
    raise NoisecleanerError(
        "Verified rows measure the noise, and corrections never do, but `trusted` and `corrections` are both "
        f"{trusted}.",
        "Pass rows drawn at random or by `plan()` as `trusted=FILE`, and rows that somebody picked as "
        "`corrections=FILE`.",
    )


def read_corrections(path: str, source: Source, classes: tuple[str, ...], *, fitted: bool = False) -> Corrections:
    """Read a table of corrections: the column `corrected_label`, else the trusted column, else the label column.

    Args:
        path: the table.
        source: the rows that are corrected, and how their columns are called.
        classes: of the dataset; a number is a position in them only where `source` tells their order.
        fitted: whether they are those of a fitted run.

    Raises:
        NoisecleanerError: it is no such table, it is the dataset itself, or its labels are no classes.
    """
    files, columns, none_label = open_labels(path), source.columns, source.no_class(classes)
    if files is None:
        raise NoisecleanerError(
            f"Corrections are a table with a sample id and a label for each row, but {path} is a folder of images.",
            "Write them as a table, and pass it with `corrections=FILE`.",
        )
    names = [name for name in (COLUMN, columns.trusted, Columns.trusted, columns.label) if name in files]
    dataset = is_itself(path, source)
    if not names or (dataset and names[0] == columns.label):
        found = "is the dataset, and has none" if dataset else f"has the columns {listed(files.schema.names)}"
        raise NoisecleanerError(
            f"Corrections need a column {COLUMN!r}, {columns.trusted!r} or {columns.label!r}, but {path} {found}.",
            f"Call the column with the right labels {COLUMN}.",
        )
    column = read_labels(files, names[0])
    assert column is not None  # noqa: S101  # it is among the columns of the files
    read = column.known(classes, told=columns.told, beside=none_label)
    read = as_spelled(read, column.where, beside=none_label)
    check_labels(read.labels, classes, column.where, none_label=none_label, kind="Corrections", fitted=fitted)
    identity = Identity.read(files, source, rows=len(read.labels))
    if read.labels.null_count == len(read.labels):
        raise NoisecleanerError(
            f"Corrections need labels, but all {len(read.labels):,} in {column.where} are empty.",
            f"Fill in the column {COLUMN}.",
        )
    made = Verification(
        ids=identity.ids,
        labels=read.labels,
        where=path,
        none_label=none_label,
        notices=(*files.notices, *read.notices),
        paths=identity.paths,
        vouched=identity.vouched,
        files=files,
    )
    return Corrections(made=made, column=names[0], left_out=LeftOut.of(source.data))


class CorrectedRows(NamedTuple):
    """Rows with corrections.

    Args:
        rows: all of them.
        notices: what was found.
        places: those that fresh corrections were put into, shape [corrections].
    """

    rows: pa.Table
    notices: tuple[Notice, ...]
    places: IntArray


def correct(rows: pa.Table, corrections: Corrections, likeliest: pa.ChunkedArray | None = None) -> CorrectedRows:
    """Put corrections into rows, over those that are there.

    Args:
        rows: with the columns sample_id, path, given_label, trusted_label and corrected_label.
        corrections: of some of them.
        likeliest: the label that scores take for right, shape [rows]: a part of the corrections may have slipped.

    Raises:
        NoisecleanerError: a correction is of no row, or two of one row contradict each other.
    """
    found, labelled, notices = corrections.rows_of(rows)
    places, fresh = found[labelled], corrections.made.labels.filter(pa.array(labelled)).combine_chunks()
    corrected = with_column(rows, COLUMN, overwritten(rows[COLUMN], places, fresh))
    counted = _counted(corrected.take(pa.array(places)), corrections)
    slipped = () if likeliest is None else _slipped(corrections.made, found, likeliest)
    told = (*corrections.made.notices, *notices, counted, *contradictions(corrected), *slipped)
    return CorrectedRows(rows=corrected, notices=told, places=places)


def _slipped(made: Verification, rows: IntArray, likeliest: pa.ChunkedArray) -> Iterator[Notice]:
    """Say so where a part of them fits the scores of the rows above or below far better; no rate rests on them."""
    table = Table(ids=made.ids, labels=made.labels, rows=rows, where=made.where)
    for notice in slip_notices(table, likeliest, Words(labels="Corrections", beside="the likeliest label")):
        yield replace(notice, code=SLIPPED, severity=Severity.WARNING)


def _counted(rows: pa.Table, corrections: Corrections) -> Notice:
    """Say how many corrections there are, and what they do."""
    none_label = corrections.made.none_label
    none = 0 if none_label is None else count_true(pc.equal(rows[COLUMN], none_label))
    confirmed = count_true(pc.equal(rows[COLUMN], rows["given_label"]))
    return Notice(
        code="corrections",
        message=f"{counted(len(rows), 'correction')} from the column {corrections.column} of {corrections.made.where}: "
        f"{len(rows) - confirmed - none:,} change the given label, {confirmed:,} confirm it, {none:,} say that no "
        "class is right. They override labels and measure nothing.",
        severity=Severity.NOTE,
    )


def contradictions(rows: pa.Table) -> tuple[Notice, ...]:
    """Say so where a correction is another label than the verified one."""
    other = rows.filter(pc.fill_null(pc.not_equal(rows[COLUMN], rows["trusted_label"]), fill_value=False))
    if not len(other):
        return ()
    ids = listed(other["sample_id"].slice(0, _SHOWN).to_pylist())
    return (
        Notice(
            code="correction-against-audit",
            message=f"{counted(len(other), 'row')} {agreeing(len(other), 'has', 'have')} a correction that differs "
            f"from their verified label (such as {ids}): "
            "exports take the correction, rates go by the verified label. Look at them again.",
        ),
    )
