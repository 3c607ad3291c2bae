"""Read a dataset, its verified labels, and what stands beside it -> manifests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.checks import alike_unknown, check_ids, check_labels, require_two
from noisecleaner.ingest.class_line import class_notices, refuse_ids_as_labels
from noisecleaner.ingest.columns import read_probability
from noisecleaner.ingest.files.copy_record import CopyRecord
from noisecleaner.ingest.files.kinds import OWN_FILE
from noisecleaner.ingest.fingerprints import Fingerprint, refuse_other
from noisecleaner.ingest.labels.lookalikes import alike_notices
from noisecleaner.ingest.labels.naming import Reading
from noisecleaner.ingest.manifest import Column, Manifest, Payload, Skip, by_row
from noisecleaner.ingest.payloads import no_content
from noisecleaner.ingest.raw import RawRows, read_beside_dataset, read_dataset
from noisecleaner.ingest.source import Source
from noisecleaner.ingest.vectors.orders import in_order
from noisecleaner.ingest.verified.answers import refuse_own_copy
from noisecleaner.ingest.verified.certified import withhold, without_marks
from noisecleaner.ingest.verified.corrections import correct, read_corrections, refuse_same
from noisecleaner.ingest.verified.joining import join
from noisecleaner.ingest.verified.remembered import as_remembered
from noisecleaner.ingest.verified.verification import read_verification
from noisecleaner.ingest.verified.verified_line import odd_labels, own_column
from noisecleaner.notices import Notice, Severity


def ingest(
    source: Source,
    trusted: str | None = None,
    classes: tuple[str, ...] | None = None,
    *,
    corrections: str | None = None,
    before: Path | None = None,
) -> tuple[Manifest, Manifest | None]:
    """Read a dataset, its verified labels and its corrections.

    Args:
        source: the dataset.
        trusted: table or folder with verified labels, joined on `sample_id`.
        classes: the classes of a fitted run; None takes those of the dataset itself.
        corrections: table with corrections, joined likewise.
        before: scores of these rows, where `trusted` holds second looks at what was verified by then.

    Returns:
        The dataset, and the clean-only trusted rows (None where there are none).

    Raises:
        NoisecleanerError: the input cannot be used as a whole; the message says how to mend it.
    """
    refuse_same(trusted=trusted, corrections=corrections)
    dataset, clean_only = read_manifest(source, classes), None
    told = source.telling(dataset.classes if dataset.ordered else ())
    where = f"column {source.columns.trusted!r} of {source.data}"
    dataset = dataset.noting(*own_column(dataset, where))
    if before is not None:
        dataset = as_remembered(dataset, before)
    if trusted is not None:
        verification = read_verification(trusted, told, dataset.classes)
        dataset, clean_only = join(dataset, verification, source, fitted=classes is not None)
        where = verification.read_from
    dataset = withhold(dataset)
    dataset.sampling.refuse_unlikely()
    dataset = dataset.noting(*odd_labels(dataset, where))
    if corrections is not None:
        read = read_corrections(corrections, told, dataset.classes, fitted=classes is not None)
        corrected = correct(dataset.table, read)
        dataset = replace(dataset, table=corrected.rows).noting(*corrected.notices)
    return dataset, clean_only


def read_manifest(source: Source, classes: tuple[str, ...] | None = None) -> Manifest:
    """Read one dataset.

    Args:
        source: the dataset.
        classes: the classes of a fitted run; None takes those of the dataset itself.

    Raises:
        NoisecleanerError: the input cannot be used as a whole.
    """
    rows = read_dataset(source, labelled=classes is None)
    given = _given(rows, source.columns.told, classes)
    require_two(given.classes, source.data, _said(given) + rows.unread)
    none_label = source.no_class(given.classes)
    if source.columns.trusted == source.columns.label:
        rows = replace(rows, trusted=None)  # the name is that of a table of verified labels
    verified = _verified(rows, given, told=source.columns.told, none_label=none_label)
    if verified is not None:
        fitted = classes is not None
        check_labels(verified.labels, given.classes, source.data, none_label=none_label, fitted=fitted)
        _refuse_copy(rows, given, verified, source)
    irrelevant = None if rows.irrelevant is None else rows.irrelevant.defining()
    check_ids(rows.ids, source.data)
    if classes is None:
        refuse_ids_as_labels(rows)
    assert rows.payload is not None  # noqa: S101  # `read_dataset` has refused a table without content
    manifest = Manifest.of(
        rows.ids,
        paths=rows.paths,
        given=given.labels,
        trusted=None if verified is None else verified.labels,
        irrelevant=None if irrelevant is None else irrelevant.labels,
        probability=None if verified is None else _probability(rows, verified.labels),
        certified=rows.certified,
        skipped=_skipped(given) if rows.skipped is None else pc.coalesce(_skipped(given), rows.skipped),
        classes=given.classes,
        payload=in_order(rows.payload, given.classes, source.columns.told),
    )
    named = class_notices(given, rows, fitted=classes is not None)
    readings = [reading.notices for reading in (given, verified, irrelevant) if reading is not None]
    manifest = replace(manifest, none_label=none_label, ordered=given.ordered)
    return manifest.noting(
        *_carried(source), *_unmarked(source, rows), *named, *rows.notices, *chain.from_iterable(readings)
    )


def _carried(source: Source) -> tuple[Notice, ...]:
    """Say so where a clean copy brings the names of its classes with it."""
    if not source.carried or source.carried != source.columns.told:
        return ()
    names = listed([f"{number} is {name}" for number, name in enumerate(source.carried)], 3)
    message = f"The classes are called as the copy's own {OWN_FILE} says: {names}."
    return (Notice(code="class-names-of-the-copy", message=message, severity=Severity.NOTE),)


def _unmarked(source: Source, rows: RawRows) -> Iterator[Notice]:
    """Say so where a clean copy does not say any more which of its rows were verified."""
    record = CopyRecord.beside(source.data)
    if rows.certified is None and (rows.notes if record is None else record.marked):
        yield without_marks(source.data, rows.notes)


def reopened(
    source: Source, classes: tuple[str, ...], ids: pa.Array, contents: Sequence[Fingerprint] = ()
) -> Payload | None:
    """Open what the rows of a dataset bring once more; None where it is not there any more, or holds other rows.

    Args:
        source: the dataset.
        classes: the classes of the fitted run.
        ids: of its rows then, shape [rows].
        contents: what they brought then.

    Raises:
        NoisecleanerError: it holds the same rows, but they bring something else.
    """
    try:
        manifest = read_manifest(source, classes)
    except NoisecleanerError:
        return None
    if not manifest.table["sample_id"].combine_chunks().equals(ids):
        return None
    refuse_other(
        contents,
        manifest,
        required=f"Verified rows are compared with the fitted ones, which {source.data} must hold as they were",
        hint="Bring back what was fitted, run `fit(..., overwrite=True)` again, or leave images and vectors out of the "
        "verified table.",
    )
    return manifest.payload


def read_beside(data: str, like: Source, dataset: Manifest) -> tuple[Manifest, Manifest | None]:
    """Read rows that stand beside a dataset; labels of its classes, if they have any, are not looked at.

    Args:
        data: table or folder; a table without images may bring task-irrelevant labels for rows of the dataset.
        like: how the dataset's columns are called.
        dataset: gets the task-irrelevant labels of its rows, joined on `sample_id`.

    Returns:
        The dataset with those labels, and the other rows (None where there are none).

    Raises:
        NoisecleanerError: the input cannot be used as a whole.
    """
    source = replace(like, data=data)
    rows = read_beside_dataset(source)
    check_ids(rows.ids, data)
    positions = dataset.rows_of(rows.ids)
    outside = pc.is_null(positions)
    irrelevant = None if rows.irrelevant is None else rows.irrelevant.defining()
    if irrelevant is not None:
        dataset = dataset.marking(by_row(positions, irrelevant.labels)).noting(*irrelevant.notices)
    if rows.payload is None and irrelevant is None:
        raise no_content(source, rows.files)
    if rows.payload is None or not pc.any(outside).as_py():
        return dataset, None
    skipped = pc.if_else(outside, pa.scalar(None, pa.string()), pa.scalar(Skip.IN_DATASET.value))
    beside = Manifest.of(
        rows.ids,
        paths=rows.paths,
        irrelevant=None if irrelevant is None else irrelevant.labels,
        skipped=skipped,
        classes=dataset.classes,
        payload=in_order(rows.payload, dataset.classes),
    )
    return dataset, beside


def read_target(trusted: str, like: Source) -> Manifest:
    """Read the target of a transfer: rows with verified labels of classes of their own.

    Args:
        trusted: table or folder; its labels are in the trusted column, or else in the label column or the folders.
        like: how the dataset's columns are called.

    Raises:
        NoisecleanerError: the input cannot be used as a whole.
    """
    source = replace(like, data=trusted)
    rows = read_beside_dataset(source)
    if rows.payload is None:
        raise no_content(source, rows.files)
    check_ids(rows.ids, trusted)
    labels = rows.trusted if rows.trusted is not None else rows.labels
    if labels is None:
        raise NoisecleanerError(
            f"The target needs a label for each row, but {trusted} has no column {like.columns.trusted!r} or "
            f"{like.columns.label!r}.",
            "Name it with `Columns(trusted=NAME)`.",
        )
    target = labels.defining()
    require_two(target.classes, trusted, _said(target))
    manifest = Manifest.of(
        rows.ids,
        paths=rows.paths,
        trusted=target.labels,
        skipped=_unlabelled(target.labels),
        classes=target.classes,
        payload=rows.payload,
    )
    filled = len(target.labels) - target.labels.null_count
    line = f"Verified labels of the target: {labels.where}, {filled:,} of {len(target.labels):,} rows filled."
    read = Notice(code="verified-labels", message=line, severity=Severity.NOTE)
    return replace(manifest, ordered=target.ordered).noting(*target.notices, read)


def _given(rows: RawRows, told: tuple[str, ...], classes: tuple[str, ...] | None) -> Reading:
    """Read the given labels: they say what the classes are, or are those of a run."""
    if rows.labels is None:
        nothing = pa.chunked_array([pa.nulls(len(rows.ids), pa.string())])
        return Reading(labels=nothing, classes=classes or (), ordered=bool(told))
    where = rows.labels.where
    reading = rows.labels.defining(told) if classes is None else rows.labels.known(classes, told=told)
    alike = alike_notices(reading.classes, where) if classes is None else ()
    unknown = alike_unknown(reading.labels, reading.classes, where)
    return replace(reading, notices=(*reading.notices, *alike, *unknown))


def _verified(rows: RawRows, given: Reading, *, told: tuple[str, ...], none_label: str | None) -> Reading | None:
    """Read the verified labels of the dataset's own column; None where there is none."""
    if rows.trusted is None:
        return None
    return rows.trusted.known(given.classes, told=given.classes if given.ordered else told, beside=none_label)


def _probability(rows: RawRows, verified: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Read with which probability rows were drawn to be verified; None where nothing tells."""
    return None if rows.files is None else read_probability(rows.files, verified, ids=rows.ids)


def _refuse_copy(rows: RawRows, given: Reading, verified: Reading, source: Source) -> None:
    """Refuse verified labels that repeat the given ones beside a column that does not."""
    if rows.files is not None:
        refuse_own_copy(
            rows.files,
            source.columns,
            labels=verified.labels,
            given=given.labels,
            classes=given.classes,
            none_label=source.no_class(given.classes),
        )


def _skipped(given: Reading) -> Column:
    """The reason to skip a row without a label, or with one of no class; null where it has one."""
    known = pc.is_in(given.labels, value_set=pa.array(given.classes, pa.string()))
    unknown = pc.and_(pc.is_valid(given.labels), pc.invert(known))
    return pc.if_else(unknown, pa.scalar(Skip.UNKNOWN_CLASS.value), _unlabelled(given.labels))


def _said(reading: Reading) -> str:
    """How labels were read, as sentences that follow another."""
    return "".join(f" {notice.message}" for notice in reading.notices)


def _unlabelled(labels: Column) -> Column:
    """The reason to skip a row without a label, null where it has one."""
    return pc.if_else(pc.is_null(labels), pa.scalar(Skip.NO_LABEL.value), pa.scalar(None, pa.string()))
