"""Verified labels find their rows in the dataset; rows that are not in it become clean-only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import BoolArray, IntArray
from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.checks import check_labels
from noisecleaner.ingest.manifest import Manifest, Payload, Skip, by_row
from noisecleaner.ingest.opening import open_tables
from noisecleaner.ingest.raw import read_dataset, with_images
from noisecleaner.ingest.source import Source
from noisecleaner.ingest.tables.tabular import Files
from noisecleaner.ingest.vectors.orders import in_order
from noisecleaner.ingest.verified.left_out import LeftOut, left_out_notices, without
from noisecleaner.ingest.verified.matching import CandidateRows, match
from noisecleaner.ingest.verified.repeats import DECIDE, Repeats
from noisecleaner.ingest.verified.second_looks import not_there, refuse_copies, without_first
from noisecleaner.ingest.verified.slipped import Table, slip_notices
from noisecleaner.ingest.verified.strangers import Strangers
from noisecleaner.ingest.verified.table_lines import disagreeing, sorted_apart, verified_lines
from noisecleaner.ingest.verified.verification import Verification
from noisecleaner.notices import Notice, Severity
from noisecleaner.tables import count_true
from noisecleaner.texts import agreeing, counted

_SHOWN = 3
_PEOPLE = "Labels of two people stand in rows of their own, with different names in a column verifier."
_SAME_IDS = (
    "Check that both sides use the same ids, and name the columns with `Columns(sample_id=NAME)` and "
    "`Columns(trusted_id=NAME)`."
)


@dataclass(frozen=True, kw_only=True)
class LabelledRows:
    """The rows that verified labels may belong to; the columns have the shape [rows].

    Args:
        table: with the columns sample_id, path, given_label and trusted_label.
        classes: the class names.
        none_label: the verified label that says that none of them is right; None where no label can.
        vectors: opens the vectors, in this order; gives None where that cannot be done.
        images: opens the images, also those that vectors stand in for; likewise.
        columns: opens the dataset's table; gives None where there is none.
        fitted: whether the classes are those of a fitted run.
        data: where they were read from, if from somewhere.
    """

    table: pa.Table
    classes: tuple[str, ...]
    none_label: str | None
    vectors: Callable[[], Payload | None]
    images: Callable[[], Payload | None]
    columns: Callable[[], Files | None] = lambda: None
    fitted: bool = False
    data: str | None = None

    @property
    def ids(self) -> pa.ChunkedArray:
        """Sample ids."""
        return self.table["sample_id"]

    @classmethod
    def of(cls, dataset: Manifest, source: Source | None, *, fitted: bool) -> LabelledRows:
        """Take the rows of a dataset.

        Args:
            dataset: as it was read.
            source: where it was read from, if from somewhere.
            fitted: whether the classes are those of a fitted run.
        """

        def images() -> Payload | None:
            if source is None or source.columns.vector_file is None:
                return dataset.payload
            return read_dataset(with_images(source), labelled=False).payload

        return cls(
            table=dataset.table,
            classes=dataset.classes,
            none_label=dataset.none_label,
            vectors=lambda: dataset.payload,
            images=images,
            columns=lambda: None if source is None else open_tables(source.data),
            fitted=fitted,
            data=None if source is None else source.data,
        )


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Verified labels with the rows that they belong to; arrays and columns have the shape [verified rows].

    Args:
        rows: of the dataset, -1 for those that are not in it.
        labels: verified labels, null where there is none, or where the row has one already.
        second: labels of second looks, null where there was none.
        bare: labelled rows that are not in the dataset and bring nothing that can be read.
        notices: what was found.
    """

    rows: IntArray
    labels: pa.ChunkedArray
    second: pa.ChunkedArray
    bare: BoolArray
    notices: tuple[Notice, ...]

    @property
    def labelled(self) -> BoolArray:
        """Rows that have a label, shape [verified rows]."""
        return np.asarray(pc.is_valid(self.labels))

    @property
    def empty(self) -> IntArray:
        """Rows of the dataset that have no label here, in any order, shape [n]."""
        return self.rows[(self.rows >= 0) & ~self.labelled & ~self.seen_again]

    @property
    def seen_again(self) -> BoolArray:
        """Rows of the dataset that hold a second look, shape [verified rows]."""
        seen: BoolArray = np.asarray(pc.is_valid(self.second)) & (self.rows >= 0)
        return seen

    @property
    def inside(self) -> BoolArray:
        """Labelled rows that are in the dataset, shape [verified rows]."""
        inside: BoolArray = self.labelled & (self.rows >= 0)
        return inside

    @property
    def outside(self) -> BoolArray:
        """Labelled rows that are not in the dataset, shape [verified rows]."""
        outside: BoolArray = self.labelled & (self.rows < 0)
        return outside

    def positions(self) -> pa.Array:
        """The rows of the dataset, null for those that are not in it."""
        return pa.array(self.rows, mask=self.rows < 0)


def place(verification: Verification, dataset: LabelledRows) -> Placement:
    """Find the row of each verified label, and check that they can be what they claim to be.

    Args:
        verification: what somebody verified.
        dataset: the rows that it may belong to.

    Raises:
        NoisecleanerError: labels are no classes, contradict each other, or repeat the given label beside a column that
            does not; or ids and contents contradict each other.
    """
    where, labels = verification.where, verification.labels
    seen = labels if verification.second is None else pc.coalesce(labels, verification.second)
    for column in filter(None, (labels, verification.second)):
        check_labels(column, dataset.classes, where, none_label=dataset.none_label, fitted=dataset.fitted)
    _refuse_missing(verification)
    known = CandidateRows(ids=dataset.ids, paths=dataset.table["path"], vectors=dataset.vectors, images=dataset.images)
    matches = match(replace(verification, labels=seen), known)
    gone = LeftOut.of(dataset.data, dataset.table["certified"]).rows(verification, matches.bare)
    # only of rows that somebody verified, which may be few of many
    positions = pa.array(matches.rows, mask=(matches.rows < 0) | np.asarray(pc.is_null(seen)))
    given = dataset.table["given_label"].take(positions)
    if verification.answer is not None:
        verification.answer.refuse_copies(labels, given, where)
    repeats = Repeats.find(
        labels, matches.rows, verification.ids, where, verifiers=verification.verifiers, hint=f"{DECIDE} {_PEOPLE}"
    )
    merged = repeats.merged(labels)
    second = repeats.second if verification.second is None else pc.coalesce(verification.second, repeats.second)
    before = dataset.table["trusted_label"].take(positions)
    refuse_copies(second, first=pc.coalesce(merged, before), given=given, where=where)
    notices = (
        *verified_lines(verification, merged, given),
        *not_there(second, ids=verification.ids, outside=matches.rows < 0, where=where),
        *left_out_notices(verification, gone),
        *matches.notices(where),
        *repeats.notices(),
        *disagreeing(verification, merged, before),
        *sorted_apart(verification, given),
        *slip_notices(Table.of(verification, matches.rows), dataset.table["given_label"]),
    )
    labels, bare = without(merged, gone), matches.bare & ~gone
    return Placement(
        rows=matches.rows, labels=labels, second=second, bare=bare, notices=(*verification.notices, *notices)
    )


def join(
    dataset: Manifest, verification: Verification, source: Source | None = None, *, fitted: bool = False
) -> tuple[Manifest, Manifest | None]:
    """Give dataset rows their verified labels; rows that are not in the dataset become clean-only.

    Args:
        dataset: as it was read.
        verification: what somebody verified.
        source: where the dataset is, to look at it again where ids do not match.
        fitted: whether the classes are those of a fitted run.

    Returns:
        The dataset with `trusted_label` and `sample_probability` set, and the clean-only rows (None without any).

    Raises:
        NoisecleanerError: rows that cannot be joined, or that name classes the dataset does not have.
    """
    labelled = LabelledRows.of(dataset, source, fitted=fitted)
    placed = place(verification, labelled)
    positions = placed.positions()
    joined = dataset.trusting(by_row(positions, placed.labels)).noting(*placed.notices)
    table, alone = without_first(joined.seen_again(by_row(positions, placed.second)).table)
    joined = replace(joined, table=table, empty=placed.empty, order=placed.rows[placed.inside]).noting(*alone)
    if verification.probability is not None:
        probability = pc.if_else(pa.array(placed.labelled), verification.probability, pa.scalar(None, pa.float64()))
        joined = joined.drawn(by_row(positions, probability))
    if not placed.outside.any():
        return joined, None
    lost = placed.outside & placed.bare
    if verification.payload is None or lost[placed.outside].all():
        strangers = pa.array(np.flatnonzero(placed.outside))
        raise Strangers(verification=verification, rows=strangers, ids=labelled.ids, columns=labelled.columns).refusal(
            "Trusted rows must be rows of the dataset or bring their own images", _SAME_IDS
        )
    clean_only = _clean_only(dataset, verification, placed, verification.payload)
    return joined.noting(*_useless(verification, placed, int(lost.sum()))), clean_only


def _clean_only(dataset: Manifest, verification: Verification, placed: Placement, payload: Payload) -> Manifest:
    """Make a manifest of all verified rows, because the payload is in their order; only those outside have a label."""
    outside, labels, nothing = pa.array(placed.outside), placed.labels, pa.scalar(None, pa.string())
    no_class = pc.and_(outside, pc.fill_null(pc.equal(labels, dataset.none_label), fill_value=False))
    inside = pc.if_else(outside, nothing, pa.scalar(Skip.IN_DATASET.value))
    clean_only = Manifest.of(
        verification.ids,
        trusted=pc.if_else(outside, labels, nothing),
        skipped=pc.if_else(no_class, pa.scalar(Skip.NO_CLASS.value), inside),
        classes=dataset.classes,
        payload=in_order(payload, dataset.classes),
    )
    return replace(clean_only, ordered=dataset.ordered)


def _refuse_missing(verification: Verification) -> None:
    """Refuse labels without an id, in a table that has ids."""
    missing = count_true(pc.and_(pc.is_valid(verification.labels), pc.is_null(verification.ids)))
    if missing and verification.vouched:
        raise NoisecleanerError(
            f"Every verified label needs the id of its row, but {missing:,} in {verification.where} have none.",
            "Fill the column of ids, or name another one with `Columns(trusted_id=NAME)`.",
        )


def _useless(verification: Verification, placed: Placement, lost: int) -> Iterator[Notice]:
    """Say so where rows beside the dataset can do nothing."""
    none = pc.fill_null(pc.equal(placed.labels, verification.none_label), fill_value=False)
    count = count_true(pc.and_(pa.array(placed.outside), none))
    if count:
        message = (
            f"{counted(count, 'row')} of {verification.where} {agreeing(count)} none of the classes "
            f"({verification.none_label}) and not in the dataset: "
            f"{agreeing(count, 'it', 'they')} can neither steer nor measure, and {agreeing(count)} left out."
        )
        yield Notice(code="clean-only-of-no-class", message=message, severity=Severity.NOTE)
    if lost:
        message = (
            f"{counted(lost, 'row')} of {verification.where} {agreeing(lost)} not in the dataset, without an image "
            f"that can be read: {agreeing(lost, 'it is', 'they are')} left out."
        )
        yield Notice(code="clean-only-unreadable", message=message)
