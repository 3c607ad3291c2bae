"""Read a dataset, its verified labels, and what stands beside it -> manifests."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.checks import check_ids, check_labels, require_two
from noisecleaner.ingest.labels import order
from noisecleaner.ingest.manifest import SCHEMA, Manifest, Skip
from noisecleaner.ingest.raw import no_content, present, read_content, read_raw, read_trusted
from noisecleaner.ingest.source import Source
from noisecleaner.ingest.trusted import join


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
    raw = read_trusted(trusted, source, dataset.classes)
    joined, clean_only = join(dataset, raw.ids, present(raw.trusted), raw.payload, trusted)
    if raw.probability is None:
        return joined, clean_only
    positions = pc.index_in(raw.ids, value_set=dataset.table["sample_id"].combine_chunks())
    pairs = zip(positions.to_pylist(), raw.probability.to_pylist(), strict=True)
    return joined.drawn({row: share for row, share in pairs if row is not None and share is not None}), clean_only


def read_manifest(source: Source, classes: tuple[str, ...] | None = None) -> Manifest:
    """Read one dataset.

    Args:
        source: the dataset.
        classes: the classes of a fitted run; None takes those of the dataset itself.

    Raises:
        NoisecleanerError: the input cannot be used as a whole.
    """
    raw = read_raw(source, classes)
    labels = pa.chunked_array([pa.nulls(len(raw.ids), pa.string())]) if raw.labels is None else raw.labels
    assert raw.payload is not None  # noqa: S101  # `_read_table` has refused a table without content
    known = classes or raw.names or order(labels)
    require_two(known, source.data)
    if raw.trusted is not None:
        check_labels(raw.trusted, tuple(known), source.data)
    unknown = pc.and_(pc.is_valid(labels), pc.invert(pc.is_in(labels, value_set=pa.array(known, pa.string()))))
    unlabelled = pc.if_else(pc.is_null(labels), pa.scalar(Skip.NO_LABEL.value), pa.scalar(None, pa.string()))
    reasons = pc.if_else(unknown, pa.scalar(Skip.UNKNOWN_CLASS.value), unlabelled)
    empty = pa.nulls(len(labels), pa.string())
    drawn = raw.probability or pa.nulls(len(labels), pa.float64())
    columns = [raw.ids, raw.paths or empty, labels, raw.trusted or empty, raw.irrelevant or empty, drawn, reasons]
    table = pa.table(columns, schema=SCHEMA)
    check_ids(table["sample_id"], source.data)
    return Manifest(table, tuple(known), raw.payload)


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
    raw = read_content(source)
    check_ids(raw.ids, data)
    positions = pc.index_in(raw.ids, value_set=dataset.table["sample_id"].combine_chunks())
    outside = pc.is_null(positions)
    if raw.irrelevant is not None:
        pairs = zip(positions.to_pylist(), raw.irrelevant.to_pylist(), strict=True)
        dataset = dataset.marking({row: label for row, label in pairs if row is not None and label is not None})
    if raw.payload is None and raw.irrelevant is None:
        raise no_content(source)
    if raw.payload is None or not pc.any(outside).as_py():
        return dataset, None
    empty = pa.nulls(len(raw.ids), pa.string())
    joined = pc.if_else(outside, pa.scalar(None, pa.string()), pa.scalar(Skip.IN_DATASET.value))
    undrawn = pa.nulls(len(raw.ids), pa.float64())
    columns = [raw.ids, raw.paths or empty, empty, empty, raw.irrelevant or empty, undrawn, joined]
    return dataset, Manifest(pa.table(columns, schema=SCHEMA), dataset.classes, raw.payload)


def read_target(trusted: str, like: Source) -> Manifest:
    """Read the target of a transfer: rows with verified labels of classes of their own.

    Args:
        trusted: table or folder; its labels are in the trusted column, or else in the label column or the folders.
        like: how the dataset's columns are called.

    Raises:
        NoisecleanerError: the input cannot be used as a whole.
    """
    source = replace(like, data=trusted)
    raw = read_content(source)
    if raw.payload is None:
        raise no_content(source)
    check_ids(raw.ids, trusted)
    labels = raw.trusted if raw.trusted is not None else raw.labels
    if labels is None:
        raise NoisecleanerError(
            f"The target needs a label for each row, but {trusted} has no column {like.columns.trusted!r} or "
            f"{like.columns.label!r}.",
            "Name it with --trusted-column NAME.",
        )
    classes = raw.names or order(labels)
    require_two(classes, trusted)
    empty = pa.nulls(len(raw.ids), pa.string())
    unlabelled = pc.if_else(pc.is_null(labels), pa.scalar(Skip.NO_LABEL.value), pa.scalar(None, pa.string()))
    undrawn = pa.nulls(len(raw.ids), pa.float64())
    columns = [raw.ids, raw.paths or empty, empty, labels, empty, undrawn, unlabelled]
    return Manifest(pa.table(columns, schema=SCHEMA), tuple(classes), raw.payload)
