"""Verified labels: read from a table or folder, and joined to the dataset by `sample_id` or kept beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.checks import check_ids, check_labels
from noisecleaner.ingest.column_names import in_order
from noisecleaner.ingest.columns import read_ids, read_labels, read_probability
from noisecleaner.ingest.manifest import Manifest, Payload, Skip, by_row
from noisecleaner.ingest.opening import open_tables
from noisecleaner.ingest.payloads import find_content
from noisecleaner.ingest.raw import read_images
from noisecleaner.ingest.source import Source
from noisecleaner.notices import Notice, Severity
from noisecleaner.tables import require_columns


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What somebody verified; the columns have the shape [trusted rows].

    Args:
        ids: sample ids.
        labels: verified labels as class names; null where nobody verified the row.
        probability: with which a row was drawn to be verified; None for a plain random sample.
        payload: images or vectors of the rows, if they bring any.
        where: the table or folder, for messages.
        none_label: the label that says that none of the classes is right; None where no label can.
        notices: what was found in reading them that a reader of the results must know.
    """

    ids: pa.ChunkedArray
    labels: pa.ChunkedArray
    probability: pa.ChunkedArray | None = None
    payload: Payload | None = None
    where: str
    none_label: str | None = None
    notices: tuple[Notice, ...] = ()

    def noting(self, *notices: Notice) -> Verification:
        """Return the same with more notices."""
        return replace(self, notices=(*self.notices, *notices))


def read_verification(trusted: str, source: Source, classes: tuple[str, ...]) -> Verification:
    """Read verified labels: the trusted column if there is one, else the label column, or the folders.

    Args:
        trusted: table or folder.
        source: how the dataset's columns are called.
        classes: of the dataset; a number is a position in them only where `source` tells their order.

    Raises:
        NoisecleanerError: there are no such labels, or ids that cannot join tables.
    """
    files, columns, none_label = open_tables(trusted), source.columns, source.no_class(classes)
    if files is None:
        rows = read_images(replace(source, data=trusted))
        column = rows.trusted or rows.labels
        assert column is not None  # noqa: S101  # folders name classes
        read = column.known(classes, told=columns.told, beside=none_label)
        return Verification(
            ids=rows.ids,
            labels=read.labels,
            payload=rows.payload,
            where=trusted,
            none_label=none_label,
            notices=(*read.notices, *unfilled(read.labels, trusted, none_label)),
        )
    content = find_content(files, source, required=False)
    name = next((name for name in (columns.trusted, columns.label) if name in files), columns.trusted)
    require_columns(files.schema, {"trusted": name}, files)
    column = read_labels(files, name)
    assert column is not None  # noqa: S101  # it has been required
    read = column.known(classes, told=columns.told, beside=none_label)
    ids = read_ids(files, columns, content.paths)
    check_ids(ids, trusted)
    return Verification(
        ids=ids,
        labels=read.labels,
        probability=read_probability(files, read.labels),
        payload=content.payload,
        where=trusted,
        none_label=none_label,
        notices=(*read.notices, *unfilled(read.labels, trusted, none_label)),
    )


def join(dataset: Manifest, verification: Verification) -> tuple[Manifest, Manifest | None]:
    """Give dataset rows their verified labels; rows that are not in the dataset become clean-only.

    Returns:
        The dataset with `trusted_label` and `sample_probability` set, and the clean-only rows (None without any).

    Raises:
        NoisecleanerError: rows that cannot be joined, or that name classes the dataset does not have.
    """
    ids, labels = verification.ids, verification.labels
    check_labels(labels, dataset.classes, verification.where, none_label=dataset.none_label)
    positions = dataset.rows_of(ids)
    joined = dataset.trusting(by_row(positions, labels)).noting(*verification.notices)
    if verification.probability is not None:
        joined = joined.drawn(by_row(positions, verification.probability))
    outside = pc.and_(pc.is_null(positions), pc.is_valid(labels))
    if not pc.any(outside).as_py():
        return joined, None
    if verification.payload is None:
        raise _strangers(verification, ids.filter(outside).to_pylist())
    # every trusted row stays in place, because the payload is in that order, but only the outside ones have a label
    nothing = pa.scalar(None, pa.string())
    no_class = pc.and_(outside, pc.fill_null(pc.equal(labels, dataset.none_label), fill_value=False))
    inside = pc.if_else(outside, nothing, pa.scalar(Skip.IN_DATASET.value))
    clean_only = Manifest.of(
        ids,
        trusted=pc.if_else(outside, labels, nothing),
        skipped=pc.if_else(no_class, pa.scalar(Skip.NO_CLASS.value), inside),
        classes=dataset.classes,
        payload=in_order(verification.payload, dataset.classes),
    )
    clean_only = replace(clean_only, ordered=dataset.ordered)
    return joined.noting(*_useless(verification, pc.sum(no_class).as_py() or 0)), clean_only


def unfilled(labels: pa.ChunkedArray, where: str, none_label: str | None) -> tuple[Notice, ...]:
    """Say so where rows of a table of verified labels have none: often those in which no class is right."""
    empty, rows = labels.null_count, len(labels)
    if not 0 < empty < rows:
        return ()
    write = "" if none_label is None else f"; write {none_label} where no class fits"
    return (
        Notice(
            code="verified-cells-empty",
            message=f"{empty:,} of {rows:,} rows of {where} are empty: they measure nothing{write}.",
            # where most are empty, the table is one of all rows, and some of them were verified
            severity=Severity.WARNING if 2 * empty <= rows else Severity.NOTE,
        ),
    )


def _useless(verification: Verification, count: int) -> tuple[Notice, ...]:
    """Say so where rows beside the dataset are of none of its classes."""
    if not count:
        return ()
    message = (
        f"{count:,} rows of {verification.where} are none of the classes ({verification.none_label}) and not in the "
        "dataset: they can neither steer nor measure, and are left out."
    )
    return (Notice(code="clean-only-of-no-class", message=message, severity=Severity.NOTE),)


def _strangers(verification: Verification, ids: list[str]) -> NoisecleanerError:
    """Say that rows are neither in the dataset nor bring content of their own."""
    return NoisecleanerError(
        f"Trusted rows must be rows of the dataset or bring their own images, but {len(ids)} of "
        f"{len(verification.ids)} in {verification.where} have a sample_id that the dataset does not hold (such as "
        f"{listed(ids, 3)}).",
        "Check that both sides use the same ids, and name the column with `Columns(sample_id=NAME)`.",
    )
