"""Read a dataset, its verified labels, and what stands beside it -> manifests."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.checks import check_ids, check_labels, require_two
from noisecleaner.ingest.class_line import class_notices
from noisecleaner.ingest.labels import order
from noisecleaner.ingest.manifest import Column, Manifest, Skip, by_row
from noisecleaner.ingest.payloads import no_content
from noisecleaner.ingest.raw import read_beside_dataset, read_dataset
from noisecleaner.ingest.source import Source
from noisecleaner.ingest.verification import join, read_verification


def ingest(
    source: Source, trusted: str | None = None, classes: tuple[str, ...] | None = None
) -> tuple[Manifest, Manifest | None]:
    """Read a dataset and its verified labels.

    Args:
        source: the dataset.
        trusted: table or folder with verified labels, joined on `sample_id`.
        classes: the classes of a fitted run; None takes those of the dataset itself.

    Returns:
        The dataset, and the clean-only trusted rows (None where there are none).

    Raises:
        NoisecleanerError: the input cannot be used as a whole; the message says how to mend it.
    """
    dataset = read_manifest(source, classes)
    if trusted is None:
        return dataset, None
    return join(dataset, read_verification(trusted, source, dataset.classes))


def read_manifest(source: Source, classes: tuple[str, ...] | None = None) -> Manifest:
    """Read one dataset.

    Args:
        source: the dataset.
        classes: the classes of a fitted run; None takes those of the dataset itself.

    Raises:
        NoisecleanerError: the input cannot be used as a whole.
    """
    rows = read_dataset(source, classes)
    labels = pa.chunked_array([pa.nulls(len(rows.ids), pa.string())]) if rows.labels is None else rows.labels
    known = classes or rows.names or order(labels)
    require_two(known, source.data, rows.unread)
    none_label = source.no_class(known)
    if rows.trusted is not None:
        check_labels(rows.trusted, tuple(known), source.data, none_label=none_label)
    unknown = pc.and_(pc.is_valid(labels), pc.invert(pc.is_in(labels, value_set=pa.array(known, pa.string()))))
    skipped = pc.if_else(unknown, pa.scalar(Skip.UNKNOWN_CLASS.value), _unlabelled(labels))
    check_ids(rows.ids, source.data)
    assert rows.payload is not None  # noqa: S101  # `read_dataset` has refused a table without content
    manifest = Manifest.of(
        rows.ids,
        paths=rows.paths,
        given=labels,
        trusted=rows.trusted,
        irrelevant=rows.irrelevant,
        probability=rows.probability,
        skipped=skipped,
        classes=known,
        payload=rows.payload,
    )
    named = class_notices(known, labels, rows, fitted=classes is not None)
    return replace(manifest, none_label=none_label, notices=(*named, *rows.notices))


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
    if rows.irrelevant is not None:
        dataset = dataset.marking(by_row(positions, rows.irrelevant))
    if rows.payload is None and rows.irrelevant is None:
        raise no_content(source)
    if rows.payload is None or not pc.any(outside).as_py():
        return dataset, None
    skipped = pc.if_else(outside, pa.scalar(None, pa.string()), pa.scalar(Skip.IN_DATASET.value))
    beside = Manifest.of(
        rows.ids,
        paths=rows.paths,
        irrelevant=rows.irrelevant,
        skipped=skipped,
        classes=dataset.classes,
        payload=rows.payload,
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
        raise no_content(source)
    check_ids(rows.ids, trusted)
    labels = rows.trusted if rows.trusted is not None else rows.labels
    if labels is None:
        raise NoisecleanerError(
            f"The target needs a label for each row, but {trusted} has no column {like.columns.trusted!r} or "
            f"{like.columns.label!r}.",
            "Name it with `Columns(trusted=NAME)`.",
        )
    classes = rows.names or order(labels)
    require_two(classes, trusted)
    return Manifest.of(
        rows.ids,
        paths=rows.paths,
        trusted=labels,
        skipped=_unlabelled(labels),
        classes=classes,
        payload=rows.payload,
    )


def _unlabelled(labels: Column) -> Column:
    """The reason to skip a row without a label, null where it has one."""
    return pc.if_else(pc.is_null(labels), pa.scalar(Skip.NO_LABEL.value), pa.scalar(None, pa.string()))
