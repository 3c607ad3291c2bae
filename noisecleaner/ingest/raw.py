"""Rows as a folder or table holds them: ids, labels as they are written, and what the rows bring."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.columns import notes_in, read_certified, read_ids, read_labels, read_skipped
from noisecleaner.ingest.files.places import Place, check_relative
from noisecleaner.ingest.files.walk import Walk
from noisecleaner.ingest.folders import read_folder
from noisecleaner.ingest.labels.naming import LabelColumn
from noisecleaner.ingest.manifest import Images, Payload
from noisecleaner.ingest.opening import open_data, open_tables
from noisecleaner.ingest.payloads import Content, ImageColumn, ImageFiles, find_content, no_content
from noisecleaner.ingest.source import VECTOR_FILES, Source, refuse_missing
from noisecleaner.ingest.tables.sound import refuse_twice
from noisecleaner.ingest.tables.tabular import Files
from noisecleaner.ingest.vectors.columns import VectorFile
from noisecleaner.ingest.vectors.files import vector_file
from noisecleaner.notices import Notice
from noisecleaner.tables import require_columns


@dataclass(frozen=True, kw_only=True)
class RawRows:
    """Rows of one folder or table; the columns have the shape [rows], and are None where there is no such column.

    Args:
        ids: sample ids.
        paths: of the images.
        labels: the given labels.
        trusted: the verified labels.
        irrelevant: task-irrelevant labels.
        certified: whether a given label is a verified one, because the rows are a clean copy; booleans.
        skipped: why a row has no vector, where the rows say so; values of `Skip`.
        notes: columns that only a clean copy has, but for the one that says which rows are certified.
        payload: images or vectors; None where the rows bring neither.
        files: the tables, None where the rows are those of an image folder.
        notices: what was found in reading them that a reader of the results must know.
        labelled_by: where the given labels come from, in words.
        unread: sentences that name files that may hold labels but are not read; empty without any.
    """

    ids: pa.ChunkedArray
    paths: pa.ChunkedArray | None = None
    labels: LabelColumn | None = None
    trusted: LabelColumn | None = None
    irrelevant: LabelColumn | None = None
    certified: pa.ChunkedArray | None = None
    skipped: pa.ChunkedArray | None = None
    notes: tuple[str, ...] = ()
    payload: Payload | None = None
    files: Files | None = None
    notices: tuple[Notice, ...] = ()
    labelled_by: str = ""
    unread: str = ""


def read_dataset(source: Source, *, labelled: bool) -> RawRows:
    """Read a dataset.

    Args:
        source: where it is.
        labelled: whether it has to have labels.

    Raises:
        NoisecleanerError: it has no labels where it needs them, or brings nothing to look at.
    """
    source.columns.refuse_shared()
    vectors, files = vector_file(source.columns), open_data(source.data)
    if isinstance(files, Walk):
        rows = read_images(source, files, labelled=labelled)
        _refuse_columns(source)
    else:
        _refuse_level(source)
        refuse_twice(files.schema, files)
        content = find_content(files, source, required=True)
        if content.payload is None and vectors is None:
            raise no_content(source, files)
        if labelled:
            require_columns(files.schema, {"label": source.columns.label}, files)
        rows = _read_table(files, source, content)
    if vectors is None:
        return rows
    if isinstance(vectors, VectorFile):
        vectors.refuse_other_length(len(rows.ids), source.data)
        return replace(rows, payload=vectors)
    payload, notices = vectors.of(rows.ids, source.data)
    return replace(rows, payload=payload, notices=(*rows.notices, *notices))


def read_beside_dataset(source: Source) -> RawRows:
    """Read rows whose labels are not those of a dataset."""
    files = open_data(source.data)
    if isinstance(files, Walk):
        return read_images(source, files, labelled=False)
    return _read_table(files, source, find_content(files, source, required=False))


def read_images(source: Source, walk: Walk | None = None, *, labelled: bool = True) -> RawRows:
    """Read an image folder: its metadata files if it has any, else the folders that name the classes.

    Args:
        source: the folder.
        walk: its files, where somebody has looked already.
        labelled: whether it has to have labels.

    Raises:
        NoisecleanerError: metadata names no files, or other classes than the metadata of another split; folders name no
            classes, or paths leave the folder.
    """
    walk = walk or Walk.of(Path(source.data))
    rows = read_folder(source, walk, labelled=labelled)
    table, root = rows.table, walk.folder if isinstance(walk.folder, Place) else Place.parse(walk.folder)
    check_relative(table["path"].to_pylist(), root, source.allow_absolute)
    return RawRows(
        ids=table["sample_id"],
        paths=table["path"],
        labels=LabelColumn(text=table["label"], own=rows.names, where=source.data, folders=rows.level is not None),
        trusted=_column_of(table, "trusted", source.data, own=rows.names),
        irrelevant=_column_of(table, "irrelevant", source.data),
        certified=table["certified"] if "certified" in table.column_names else None,
        notes=rows.notes,
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


def images_beside(source: Source, paths: pa.ChunkedArray) -> Images | None:
    """Find the images of rows whose vectors are in a file of their own; None where they have none.

    Args:
        source: the dataset.
        paths: of its rows, as its manifest has them.
    """
    pictured = with_images(source)
    if pictured == source:
        return None
    files = open_tables(source.data)
    if files is None:
        return ImageFiles(Place.parse(source.data), paths.combine_chunks())
    payload = find_content(files, pictured, required=False).payload
    return payload if isinstance(payload, (ImageFiles, ImageColumn)) else None


def _refuse_columns(source: Source) -> None:
    """Refuse a column of vectors where there are no columns."""
    name = source.columns.embedding or source.columns.probabilities
    if name is not None and source.columns.vector_file is None:
        refuse_missing(name, "embedding" if source.columns.embedding else "probabilities")
        raise NoisecleanerError(
            f"Only a table has columns of vectors, but {source.data} is an image folder, and {name!r} is no "
            f"{', '.join(VECTOR_FILES)} file.",
            "Give a table, or a file of vectors: .npz or .parquet with the ids of the images, or .npy in the order of "
            f"`ids(Source({source.data!r}))`.",
        )


def _refuse_level(source: Source) -> None:
    """Refuse a level of folders where no folders name the classes."""
    if source.label_level is not None:
        raise NoisecleanerError(
            f"`Source.label_level` says which folders of an image folder name the classes, but {source.data} is a "
            "table.",
            "Leave it out, or give the image folder.",
        )


def _read_table(files: Files, source: Source, content: Content) -> RawRows:
    columns = source.columns
    return RawRows(
        ids=read_ids(files, columns, content.paths),
        paths=content.placed,
        labels=read_labels(files, columns.label),
        trusted=read_labels(files, columns.trusted, beside=columns.label),
        irrelevant=read_labels(files, columns.irrelevant),
        certified=read_certified(files),
        skipped=read_skipped(files),
        notes=notes_in(files.schema.names),
        payload=content.payload,
        files=files,
        notices=(*files.notices, *content.notices),
        labelled_by=files.origin(columns.label),
    )


def _column_of(table: pa.Table, name: str, where: str, own: tuple[str, ...] = ()) -> LabelColumn | None:
    if name not in table.column_names:
        return None
    return LabelColumn(text=table[name], own=own, where=f"{where} ({name} labels)")
