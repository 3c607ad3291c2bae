"""Rows as a reader finds them: folder, table or glob -> ids, labels as text, and a payload."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.checks import check_ids
from noisecleaner.ingest.folders import iter_images, metadata_files, read_folder, read_metadata
from noisecleaner.ingest.labels import as_text, index_or_name, order
from noisecleaner.ingest.manifest import Payload
from noisecleaner.ingest.payloads import ImageColumn, ImageFiles
from noisecleaner.ingest.places import Place, check_relative, matching
from noisecleaner.ingest.source import Columns, Source
from noisecleaner.ingest.tabular import ENDINGS, Files, read_ids, read_paths
from noisecleaner.ingest.vectors import VECTOR_OPTIONS, VectorColumn, VectorFile, vector_file
from noisecleaner.tables import require_columns

#: The column in which `plan` tells with which probability it drew a row.
_PROBABILITY = "sample_probability"


@dataclass(frozen=True)
class Raw:
    """What a reader found, labels still as text: the columns of a manifest, its class names, its payload."""

    ids: pa.ChunkedArray
    paths: pa.ChunkedArray | None
    labels: pa.ChunkedArray | None
    trusted: pa.ChunkedArray | None
    names: tuple[str, ...]
    payload: Payload | None
    irrelevant: pa.ChunkedArray | None = None
    probability: pa.ChunkedArray | None = None


def open_tables(data: str) -> Files | None:
    """Open the tables that `data` names; None where it names an image folder.

    Raises:
        NoisecleanerError: it names neither.
    """
    return None if _is_image_folder(data) else _tables(data)


def with_images(source: Source) -> Source:
    """Return the source with its images instead of a file of vectors, if it has any."""
    if source.columns.vector_file is None:
        return source
    files = open_tables(source.data)
    if files is not None and source.columns.image not in files.schema.names:
        return source
    return replace(source, columns=replace(source.columns, embedding=None, probabilities=None))


def read_raw(source: Source, classes: tuple[str, ...] | None) -> Raw:
    """Read a dataset; integer labels count as indices into `classes`, where those are given."""
    vectors, files = vector_file(source.columns), open_tables(source.data)
    if files is not None:
        raw = _read_table(files, source, classes, vectors)
    else:
        raw = _read_images(Path(source.data), source)
        _refuse_columns(source)
    if vectors is None:
        return raw
    vectors.refuse_other_length(len(raw.ids), source.data)
    return replace(raw, payload=vectors)


def read_content(source: Source) -> Raw:
    """Read rows whose labels are not those of a dataset: they keep the names they have."""
    files = open_tables(source.data)
    if files is None:
        return _read_images(Path(source.data), source)
    columns = source.columns
    paths, payload = _payload(files, source) if _has_content(files, columns) else (None, None)
    found = {name: _text(files, name) for name in (columns.label, columns.trusted, columns.irrelevant) if name}
    name = next((n for n in (columns.trusted, columns.label) if found[n] is not None), columns.label)
    irrelevant = found[columns.irrelevant] if columns.irrelevant else None
    ids = read_ids(files, columns, paths)
    return Raw(ids, paths, found[columns.label], found[columns.trusted], files.names(name), payload, irrelevant)


def read_trusted(trusted: str, source: Source, classes: tuple[str, ...]) -> Raw:
    """Read verified labels: the trusted column if there is one, else the label column, or the folders.

    Args:
        trusted: table or folder.
        source: how the dataset's columns are called.
        classes: of the dataset; integer labels count as indices into them.
    """
    columns = source.columns
    files = open_tables(trusted)
    if files is None:
        raw = _read_images(Path(trusted), replace(source, data=trusted))
        return Raw(raw.ids, None, None, raw.trusted or raw.labels, (), raw.payload)
    paths, payload = _payload(files, source) if _has_content(files, columns) else (None, None)
    name = next((n for n in (columns.trusted, columns.label) if n in files.schema.names), columns.trusted)
    require_columns(files.schema, {"--trusted-column": name}, files)
    where = f"{files}, column {name!r}"
    labels = index_or_name(files.column(name), files.names(name), classes, where)
    ids = read_ids(files, columns, paths)
    check_ids(ids, trusted)
    return Raw(ids, None, None, labels, (), payload, probability=_probability(files, labels))


def no_content(source: Source) -> NoisecleanerError:
    """Say that a table brings neither images nor vectors."""
    if source.columns.vector_file is not None:
        return NoisecleanerError(
            f"{source.data} needs vectors of its own, but {source.columns.vector_file} holds only the dataset's.",
            "Put the vectors of both tables into a list column.",
        )
    return NoisecleanerError(
        f"{source.data} needs a column {source.columns.image!r} with images (paths or bytes), but it has none.",
        "Name it with --image-column NAME, or give --embedding-column or --probabilities-column NAME.",
    )


def present(labels: pa.ChunkedArray | None) -> pa.ChunkedArray:
    """Narrow an optional column that the caller has made sure of."""
    assert labels is not None  # noqa: S101  # a caller's mistake, not a user's
    return labels


def _is_image_folder(data: str) -> bool:
    folder = Path(data)
    return folder.is_dir() and bool(metadata_files(folder) or next(iter_images(folder), None))


def _read_images(folder: Path, source: Source) -> Raw:
    read = [read_metadata(folder, file, source.columns) for file in metadata_files(folder)]
    tables = [table for table, _ in read] or [read_folder(folder)]
    table = pa.concat_tables(tables, promote_options="default")
    paths = table["path"].to_pylist()
    root = Place.parse(folder)
    check_relative(paths, root, source.allow_absolute)
    trusted = table["trusted"] if "trusted" in table.column_names else None
    irrelevant = table["irrelevant"] if "irrelevant" in table.column_names else None
    names = read[0][1] if read else ()
    return Raw(
        table["sample_id"],
        table["path"],
        table["label"],
        trusted,
        names,
        ImageFiles(root, table["path"].combine_chunks()),
        irrelevant,
    )


def _refuse_columns(source: Source) -> None:
    """Refuse a column of vectors where there are no columns."""
    name = source.columns.embedding or source.columns.probabilities
    if name is not None and source.columns.vector_file is None:
        raise NoisecleanerError(
            f"Only a table has columns of vectors, but {source.data} is an image folder, and {name!r} is no .npy file.",
            "Give a table, or a .npy file with one row for each image, in the order of their paths.",
        )


def _read_table(files: Files, source: Source, classes: tuple[str, ...] | None, vectors: VectorFile | None) -> Raw:
    columns = source.columns
    paths, payload = _payload(files, source)
    if payload is None and vectors is None:
        raise no_content(source)
    if classes is None:
        require_columns(files.schema, {"--label-column": columns.label}, files)
    names = files.names(columns.label)
    labels = trusted = None
    if columns.label in files.schema.names:
        where = f"{files}, column {columns.label!r}"
        column = files.column(columns.label)
        labels = as_text(column, names, where) if classes is None else index_or_name(column, names, classes, where)
    if columns.trusted in files.schema.names:
        where = f"{files}, column {columns.trusted!r}"
        known = files.names(columns.trusted) or names
        trusted = index_or_name(files.column(columns.trusted), known, classes or order(present(labels)), where)
    irrelevant = _text(files, columns.irrelevant) if columns.irrelevant else None
    probability = None if trusted is None else _probability(files, trusted)
    return Raw(read_ids(files, columns, paths), paths, labels, trusted, names, payload, irrelevant, probability)


def _payload(files: Files, source: Source) -> tuple[pa.ChunkedArray | None, Payload | None]:
    """Find the rows' content: vectors if a column was named, else images; and the images' paths."""
    columns = source.columns
    columns.refuse_both()
    if columns.vector_file is not None:  # it has no rows but those of the dataset, which `read_raw` gives them
        return None, None
    if columns.embedding is not None:
        return None, _vectors(files, columns.embedding, "embeddings")
    if columns.probabilities is not None:
        return None, _vectors(files, columns.probabilities, "probabilities")
    if columns.image not in files.schema.names:
        return None, None
    paths = read_paths(files, columns.image)
    if pa.types.is_struct(files.schema.field(columns.image).type) or paths is None:
        return paths, ImageColumn(files, columns.image, source.allow_absolute)
    check_relative(paths.to_pylist(), files.root, source.allow_absolute)
    return paths, ImageFiles(files.root, paths.combine_chunks())


def _vectors(files: Files, name: str, kind: Literal["embeddings", "probabilities"]) -> VectorColumn:
    require_columns(files.schema, {VECTOR_OPTIONS[kind]: name}, files)
    return VectorColumn.open(files, name, kind)


def _text(files: Files, name: str) -> pa.ChunkedArray | None:
    """A label column under the names it has itself; None where there is no such column."""
    if name not in files.schema.names:
        return None
    return as_text(files.column(name), files.names(name), f"{files}, column {name!r}")


def _probability(files: Files, trusted: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """With which probability each row was drawn to be verified; None where there is no such column.

    Raises:
        NoisecleanerError: it holds something else, or nothing for a row that was verified.
    """
    if _PROBABILITY not in files.schema.names:
        return None
    where = f"{files}, column {_PROBABILITY!r}"
    hint = f"Leave the column as `noisecleaner plan` wrote it; for a plain random sample, rename {_PROBABILITY!r}."
    try:
        known = files.column(_PROBABILITY).cast(pa.float64())
    except pa.ArrowException as error:
        raise NoisecleanerError(f"Sampling probabilities must be numbers, but {where} holds others.", hint) from error
    outside = pc.invert(pc.and_(pc.greater(known, 0), pc.less_equal(known, 1)))
    bad = pc.and_(pc.is_valid(trusted), pc.fill_null(outside, fill_value=True))
    count = pc.sum(bad).as_py() or 0
    if count:
        raise NoisecleanerError(
            f"Verified rows need a sampling probability above 0 and at most 1, but {count} in {where} have none.",
            hint,
        )
    unfilled = pc.sum(pc.and_(pc.is_null(trusted), pc.is_valid(known))).as_py() or 0
    if unfilled:
        raise NoisecleanerError(
            f"A planned sample must be verified as a whole, or its rates are wrong, but {unfilled} of {len(trusted)} "
            f"rows of {files} have no verified label.",
            "Fill them in, or plan fewer: noisecleaner plan RUN --n NUMBER --out FILE.",
        )
    return known


def _has_content(files: Files, columns: Columns) -> bool:
    return (columns.embedding or columns.probabilities or columns.image) in files.schema.names


def _tables(data: str) -> Files:
    """Find the tables that `data` names: one file, a glob, or all Parquet files of a folder."""
    places = matching(data)
    if not places:
        place = Place.parse(data)
        places = place.files(".parquet") if place.is_dir() else [place] if place.is_file() else []
        if not places:
            found = "an empty folder" if place.is_dir() else "nothing"
            raise NoisecleanerError(
                f"An image folder (class/x.png), a table or a glob is required, but {data} is {found}.",
                "Check the path, and quote a glob, as in 'data/train-*.parquet'.",
            )
    wrong = [place for place in places if place.suffix not in ENDINGS]
    if wrong:
        raise NoisecleanerError(
            f"A table must end in {', '.join(ENDINGS)}, but {wrong[0]} does not.",
            "Give an image folder (class/x.png) or a table of images; a single image is no dataset.",
        )
    return Files.open(places)
