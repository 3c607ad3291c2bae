"""Rows as a folder or table holds them: ids, labels as text, and what the rows bring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.columns import read_ids, read_labels, read_probability
from noisecleaner.ingest.folders import read_folder
from noisecleaner.ingest.labels import index_or_name, order
from noisecleaner.ingest.manifest import Payload
from noisecleaner.ingest.no_class import read_verified
from noisecleaner.ingest.opening import open_data, open_tables
from noisecleaner.ingest.payloads import Content, ImageFiles, find_content, no_content
from noisecleaner.ingest.places import Place, check_relative
from noisecleaner.ingest.source import Source
from noisecleaner.ingest.tabular import Files
from noisecleaner.ingest.vectors import vector_file
from noisecleaner.ingest.walk import Walk
from noisecleaner.notices import Notice
from noisecleaner.tables import require_columns


@dataclass(frozen=True, kw_only=True)
class RawRows:
    """Rows of one folder or table; the columns have the shape [rows], and are None where there is no such column.

    Args:
        ids: sample ids.
        paths: of the images.
        labels: the given labels, as text.
        trusted: the verified labels, as text.
        irrelevant: task-irrelevant labels, as text.
        probability: with which a row was drawn to be verified.
        names: the class names that came with the labels, `()` without any.
        payload: images or vectors; None where the rows bring neither.
        notices: what was found in reading them that a reader of the results must know.
        labelled_by: where the given labels come from, in words.
        unread: sentences that name files that may hold labels but are not read; empty without any.
    """

    ids: pa.ChunkedArray
    paths: pa.ChunkedArray | None = None
    labels: pa.ChunkedArray | None = None
    trusted: pa.ChunkedArray | None = None
    irrelevant: pa.ChunkedArray | None = None
    probability: pa.ChunkedArray | None = None
    names: tuple[str, ...] = ()
    payload: Payload | None = None
    notices: tuple[Notice, ...] = ()
    labelled_by: str = ""
    unread: str = ""


def read_dataset(source: Source, classes: tuple[str, ...] | None) -> RawRows:
    """Read a dataset; integer labels count as indices into `classes`, where those are given.

    Raises:
        NoisecleanerError: it has no labels where it needs them, or brings nothing to look at.
    """
    vectors, files = vector_file(source.columns), open_data(source.data)
    if isinstance(files, Walk):
        rows = read_images(source, files)
        _refuse_columns(source)
    else:
        _refuse_level(source)
        content = find_content(files, source, required=True)
        if content.payload is None and vectors is None:
            raise no_content(source)
        rows = _read_table(files, source, content, classes)
    if vectors is None:
        return rows
    vectors.refuse_other_length(len(rows.ids), source.data)
    return replace(rows, payload=vectors)


def read_beside_dataset(source: Source) -> RawRows:
    """Read rows whose labels are not those of a dataset: they keep the names they have."""
    files, columns = open_data(source.data), source.columns
    if isinstance(files, Walk):
        return read_images(source, files)
    content = find_content(files, source, required=False)
    labelled = next((name for name in (columns.trusted, columns.label) if name in files), columns.label)
    return RawRows(
        ids=read_ids(files, columns, content.paths),
        paths=content.paths,
        labels=read_labels(files, columns.label),
        trusted=read_labels(files, columns.trusted),
        irrelevant=read_labels(files, columns.irrelevant),
        names=files.names(labelled),
        payload=content.payload,
    )


def read_images(source: Source, walk: Walk | None = None) -> RawRows:
    """Read an image folder: its metadata files if it has any, else the folders that name the classes.

    Args:
        source: the folder.
        walk: its files, where somebody has looked already.

    Raises:
        NoisecleanerError: metadata names no files, folders name no classes, or paths leave the folder.
    """
    walk = walk or Walk.of(Path(source.data))
    rows = read_folder(source, walk)
    table, root = rows.table, Place.parse(walk.folder)
    columns = dict(zip(table.column_names, table.columns, strict=True))
    check_relative(table["path"].to_pylist(), root, source.allow_absolute)
    return RawRows(
        ids=table["sample_id"],
        paths=table["path"],
        labels=table["label"],
        trusted=columns.get("trusted"),
        irrelevant=columns.get("irrelevant"),
        names=rows.names,
        payload=ImageFiles(root, table["path"].combine_chunks()),
        notices=rows.notices,
        labelled_by=rows.words,
        unread=rows.unread,
    )


def with_images(source: Source) -> Source:
    """Return the source with its images instead of a file of vectors, if it has any."""
    if source.columns.vector_file is None:
        return source
    files = open_tables(source.data)
    if files is not None and source.columns.image not in files:
        return source
    return replace(source, columns=replace(source.columns, embedding=None, probabilities=None))


def _refuse_columns(source: Source) -> None:
    """Refuse a column of vectors where there are no columns."""
    name = source.columns.embedding or source.columns.probabilities
    if name is not None and source.columns.vector_file is None:
        raise NoisecleanerError(
            f"Only a table has columns of vectors, but {source.data} is an image folder, and {name!r} is no .npy file.",
            "Give a table, or a .npy file with one row for each image, in the order of their paths.",
        )


def _refuse_level(source: Source) -> None:
    """Refuse a level of folders where no folders name the classes."""
    if source.label_level is not None:
        raise NoisecleanerError(
            f"`Source.label_level` says which folders of an image folder name the classes, but {source.data} is a "
            "table.",
            "Leave it out, or give the image folder.",
        )


def _read_table(files: Files, source: Source, content: Content, classes: tuple[str, ...] | None) -> RawRows:
    columns = source.columns
    if classes is None:
        require_columns(files.schema, {"label": columns.label}, files)
    labels = trusted = None
    if columns.label in files:
        labels = read_labels(files, columns.label) if classes is None else _named(files, columns.label, classes)
    if columns.trusted in files:
        # without `classes` there are labels: they have been required
        trusted = _verified(files, source, classes or order(labels))
    return RawRows(
        ids=read_ids(files, columns, content.paths),
        paths=content.paths,
        labels=labels,
        trusted=trusted,
        irrelevant=read_labels(files, columns.irrelevant),
        probability=None if trusted is None else read_probability(files, trusted),
        names=files.names(columns.label),
        payload=content.payload,
        notices=files.notices,
        labelled_by=f"column {columns.label} of {files}",
    )


def _named(files: Files, name: str, classes: Sequence[str]) -> pa.ChunkedArray:
    """Read a label column under the names of some classes; its integers index its own names."""
    return index_or_name(files.column(name), names=files.names(name), classes=classes, where=files.where(name))


def _verified(files: Files, source: Source, classes: Sequence[str]) -> pa.ChunkedArray:
    """Read the verified labels; their integers index the column's own names, else those of the label column."""
    name, names = source.columns.trusted, files.names(source.columns.label)
    return read_verified(
        files.column(name),
        names=files.names(name) or names,
        classes=classes,
        where=files.where(name),
        none_label=source.no_class(names or classes),
    )
