"""Image folders: `class/x.png`, with or without split folders, and Hugging Face `imagefolder` metadata."""

from __future__ import annotations

import posixpath
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.columns import notes_in, read_certified, read_labels
from noisecleaner.ingest.files.leftovers import Leftovers, unread
from noisecleaner.ingest.files.levels import Level
from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.files.slashes import all_forward
from noisecleaner.ingest.files.spelling import composed
from noisecleaner.ingest.files.walk import Walk
from noisecleaner.ingest.source import Columns, Source
from noisecleaner.ingest.tables.tabular import Files, no_rows
from noisecleaner.notices import Notice, Severity
from noisecleaner.tables import with_column
from noisecleaner.texts import agreeing, counted

#: The files of a folder that Hugging Face `imagefolder` reads.
METADATA = ("metadata.parquet", "metadata.csv", "metadata.jsonl")


@dataclass(frozen=True, kw_only=True)
class FolderRows:
    """The rows of an image folder.

    Args:
        table: the columns sample_id, path and label, and with metadata trusted and irrelevant where there are any.
        words: where the labels come from.
        names: the class names that came with a column of labels, `()` without any.
        level: of the folders that name the classes, None where a column does.
        notices: how the folder was read, and what is no row.
        unread: sentences that name files that may hold labels but are not read; empty without any.
        notes: columns of the metadata that only a clean copy has.
    """

    table: pa.Table
    words: str
    names: tuple[str, ...] = ()
    level: Level | None = None
    notices: tuple[Notice, ...] = ()
    unread: str = ""
    notes: tuple[str, ...] = ()


def metadata_files(folder: Path | Place) -> list[Path]:
    """List the `metadata.*` files of the folder itself and of the folders just below (the splits), of this machine."""
    if isinstance(folder, Place):
        return []
    places = [folder, *sorted(p for p in folder.iterdir() if p.is_dir())]
    return [place / name for place in places for name in METADATA if (place / name).is_file()]


def read_folder(source: Source, walk: Walk, *, labelled: bool) -> FolderRows:
    """Read an image folder: its metadata files if it has any, else the folders that name the classes.

    Args:
        source: the folder.
        walk: its files.
        labelled: whether it has to have labels.

    Raises:
        NoisecleanerError: metadata names no files, folders name no classes, or a file's name is no text.
    """
    _refuse_metadata_of_a_store(walk)
    metadata = metadata_files(walk.folder)
    rows = _of_metadata(source, walk, metadata) if metadata else _of_folders(source, walk)
    if labelled and rows.level is not None:
        rows.level.refuse_bare_splits(walk.folder, rows.unread)
    return rows


def _refuse_metadata_of_a_store(walk: Walk) -> None:
    """Refuse what would be read on this machine, rather than leave it out without a word."""
    named = [path for path in walk.others if path.rpartition("/")[2] in METADATA and path.count("/") < 2]
    if isinstance(walk.folder, Place) and named:
        raise NoisecleanerError(
            f"The metadata files of an image folder are read on this machine only, but {walk.folder} holds "
            f"{listed(named, 3)} in a store.",
            "Give that file itself, with `Columns(image='file_name')`, or copy the folder here.",
        )


def _of_folders(source: Source, walk: Walk) -> FolderRows:
    """Make rows of images, and of pictures in the class folders."""
    level = Level.of(walk.images or walk.pictures, source.label_level)
    placed = [path for path in walk.pictures if level.name(path) is not None]
    paths = sorted([*walk.images, *placed])
    _refuse_no_text(paths, walk.folder)
    unplaced = sorted(set(walk.pictures).difference(placed))
    left = Leftovers(walk=walk, unplaced=unplaced, bare=level.bare(walk.others)).notice()
    return FolderRows(
        table=pa.table({"sample_id": paths, "path": paths, "label": level.labels(paths)}),
        words=level.words,
        level=level,
        notices=(*level.notices(), *([left] if left else [])),
        unread=_instead(level, walk) + unread(walk.others),
    )


def _instead(level: Level, walk: Walk) -> str:
    """Say what other folders could name the classes, where these name too few, and what is hidden."""
    other = "" if level.asked or len(level.classes()) > 1 else level.other()
    hidden = (
        f" {counted(len(walk.hidden), 'hidden image')} {agreeing(len(walk.hidden))} left out." if walk.hidden else ""
    )
    return (f" Of its folders, {other}." if other else "") + hidden


def _of_metadata(source: Source, walk: Walk, metadata: list[Path]) -> FolderRows:
    """Make rows of what metadata files name; without a label column the folders name the classes."""
    _refuse_two_kinds(metadata)
    folder = Path(str(walk.folder))  # of this machine: others have no such files
    read = [_read_metadata(folder, file, source.columns) for file in metadata]
    parts, by_folder = _told_apart(read, source.columns.sample_id)
    table = pa.concat_tables(parts, promote_options="default")
    if not table.num_rows:
        raise no_rows(f"the metadata of {walk.folder} has none")
    listed = set(map(posixpath.normpath, filter(None, table["path"].to_pylist())))
    named = set(map(composed, listed))
    unlisted = sorted(path for path in {*walk.images, *walk.pictures} - listed if composed(path) not in named)
    own = [file.relative_to(folder).as_posix() for file in metadata]
    left = Leftovers(walk=walk, unlisted=unlisted, read=own).notice()
    notices: Iterable[Notice] = [left] if left else []
    words = f"column {source.columns.label} of {own[0]}{' and others' * (len(own) > 1)}"
    level = None
    if "label" not in table.column_names:
        level = Level.of(sorted(listed), source.label_level)
        table = table.append_column("label", level.labels(table["path"].to_pylist()))
        words, notices = level.words, [*level.notices(), *notices]
    elif source.label_level is not None:
        raise NoisecleanerError(
            f"`Source.label_level` says which folders name the classes, but {walk.folder} has labels in {words}.",
            "Leave it out, or take that column away.",
        )
    return FolderRows(
        table=table,
        names=_one_order([part.names for part in read if "label" in part.rows.column_names], walk.folder),
        words=words,
        level=level,
        notices=(*by_folder, *notices, *(notice for part in read for notice in part.notices)),
        unread=unread(set(walk.others).difference(own)),
        notes=tuple(dict.fromkeys(name for part in read for name in part.notes)),
    )


def _refuse_two_kinds(metadata: Sequence[Path]) -> None:
    """Refuse metadata files of two kinds in one folder.

    Raises:
        NoisecleanerError: names them.
    """
    for one, other in pairwise(metadata):
        if one.parent == other.parent:
            raise NoisecleanerError(
                f"A folder needs one metadata file, but {one.parent} holds {one.name} and {other.name}.",
                "Remove one of them.",
            )


def _one_order(orders: Sequence[tuple[str, ...]], folder: Path | Place) -> tuple[str, ...]:
    """The class names of metadata files, which have to be the same; `()` without any.

    Raises:
        NoisecleanerError: two files number the classes differently.
    """
    if len(set(orders)) > 1:
        first, other = list(dict.fromkeys(orders))[:2]
        raise NoisecleanerError(
            f"All metadata files of a dataset need the same class names, but in {folder} one has "
            f"{listed(list(first))} and another {listed(list(other))}.",
            "Write the files again with one order of the classes, or with labels as text.",
        )
    return orders[0] if orders else ()


class _Metadata(NamedTuple):
    """What a metadata file holds.

    Rows, the names of their classes, columns that only a clean copy has, its folder as seen from the dataset's, and
    what was found.
    """

    rows: pa.Table
    names: tuple[str, ...]
    notes: tuple[str, ...]
    below: str
    notices: tuple[Notice, ...]


def _told_apart(read: Sequence[_Metadata], name: str) -> tuple[list[pa.Table], tuple[Notice, ...]]:
    """Give ids that are repeated only in metadata files of other folders those folders: `train/000.png`.

    Args:
        read: the metadata files.
        name: of the column of ids.
    """
    ids = [part.rows["sample_id"] for part in read]
    every = pa.chunked_array([chunk for own in ids for chunk in own.chunks], pa.string()).drop_null()
    repeated = pc.filter(every.value_counts().field("values"), pc.greater(every.value_counts().field("counts"), 1))
    if not len(repeated) or any(pc.count_distinct(own.drop_null()).as_py() < len(own.drop_null()) for own in ids):
        return [part.rows for part in read], ()
    longer = [
        own if part.below == "." else pc.binary_join_element_wise(part.below, own, "/")
        for own, part in zip(ids, read, strict=True)
    ]
    notice = Notice(
        code="ids-by-folder",
        severity=Severity.NOTE,
        message=f"{counted(len(repeated), 'id')} of column {name!r} {agreeing(len(repeated), 'is', 'are')} repeated in "
        f"metadata files of other folders (such as {repeated[0].as_py()!r}): ids begin with the folder there, as in "
        f"{longer[0][0].as_py()!r}.",
    )
    return [with_column(part.rows, "sample_id", own) for part, own in zip(read, longer, strict=True)], (notice,)


def _read_metadata(folder: Path, metadata: Path, columns: Columns) -> _Metadata:
    """Make the columns sample_id and path, and those of labels and certified where they are."""
    files = Files.open([Place.parse(metadata)], may_be_empty=True)  # that of a split may be
    paths = _named(files, metadata, metadata.parent.relative_to(folder).as_posix())
    table = {
        "sample_id": files.column(columns.sample_id).cast(pa.string()) if columns.sample_id in files else paths,
        "path": all_forward(Place.parse(folder), paths)[0],
    }
    for kind, name in (("label", columns.label), ("trusted", columns.trusted), ("irrelevant", columns.irrelevant)):
        labels = read_labels(files, name, beside=columns.label if kind == "trusted" else None)
        if labels is not None:
            table[kind] = labels.text
    certified = read_certified(files)
    if certified is not None:
        table["certified"] = certified
    below = metadata.parent.relative_to(folder).as_posix()
    notes = notes_in(files.schema.names)
    return _Metadata(pa.table(table), files.names(columns.label), notes, below, files.notices)


def _named(files: Files, metadata: Path, below: str) -> pa.ChunkedArray:
    """The paths that a metadata file names, as seen from the dataset's folder, shape [rows]."""
    if "file_name" not in files:
        raise NoisecleanerError(
            f"{metadata} needs a column file_name with the image's path, but its columns are "
            f"{', '.join(files.schema.names)}.",
            "Add that column (paths relative to the metadata file), or remove the file.",
        )
    names = files.column("file_name").cast(pa.string())
    inside = pc.binary_join_element_wise("" if below == "." else f"{below}/", names, "")
    return pc.if_else(pc.starts_with(names, "/"), names, inside)


def _refuse_no_text(paths: Iterable[str], folder: Path | Place) -> None:
    """Refuse file names that are no text.

    Raises:
        NoisecleanerError: names the first one.
    """
    for path in paths:
        if not path.isascii() and not _is_utf8(path):
            raise NoisecleanerError(
                f"File names must be UTF-8, because paths become sample ids, but {folder} holds {path!r}.",
                _how_to_read_names(),
            )


def _how_to_read_names() -> str:
    """Where the locale cannot say the name, the file is not to blame."""
    encoding = sys.getfilesystemencoding()
    if encoding != "utf-8":
        return f"File names are {encoding} in this environment: set PYTHONUTF8=1, or LC_ALL=C.UTF-8."
    return "Rename it, for example with convmv."


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # the system's bytes, kept as surrogates
        return False
    return True
