"""Verified labels as a table or folder holds them; `joining` finds their rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.columns import id_texts, read_labels, read_paths, read_probability
from noisecleaner.ingest.labels.indices import SECOND
from noisecleaner.ingest.labels.missing import NONE
from noisecleaner.ingest.labels.naming import LabelColumn, Reading
from noisecleaner.ingest.labels.spelling import as_spelled
from noisecleaner.ingest.manifest import Payload
from noisecleaner.ingest.opening import open_labels
from noisecleaner.ingest.payloads import Content, find_content
from noisecleaner.ingest.raw import read_images
from noisecleaner.ingest.source import Columns, Source
from noisecleaner.ingest.tables.tabular import Files
from noisecleaner.ingest.verified.answers import Answer, find_answer
from noisecleaner.ingest.verified.itself import refuse_itself
from noisecleaner.ingest.verified.second_looks import only_second, read_verifiers
from noisecleaner.notices import Notice, Severity
from noisecleaner.tables import require_columns
from noisecleaner.texts import agreeing

#: Columns that name the file of an image, where the one with the images does not.
_PATHS = ("path", "file_name", "filename", "file", "filepath", "file_path", "image_path", "image")


#: The column that names the folder above, where names are those of a split.
_SPLIT = "split"

#: The part of a sample above which rows of which nobody can tell the class may change its rates; where most rows lack a
#: probability, the table is one of all rows, and holds a sample of them.
_MANY_UNTOLD = 0.1


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What somebody verified; the columns have the shape [trusted rows].

    Args:
        ids: sample ids; null where a row has none.
        labels: verified labels as class names; null where nobody verified the row.
        probability: with which a row was drawn to be verified; None for a plain random sample.
        payload: images or vectors of the rows, if they bring any.
        where: the table or folder, for messages.
        none_label: the label that says that none of the classes is right; None where no label can.
        notices: what was found in reading them that a reader of the results must know.
        paths: what names the files of their images; None where nothing does.
        vouched: whether the ids are those of a column, not paths in place of one.
        read_from: what the labels were read from, in words.
        answer: the column that was taken, and those that were not; None where folders name the labels.
        files: the table; None where it is a folder of images.
        second: labels of second looks, as class names, null where there was none; None where no column holds any.
        verifiers: who verified the rows, null where nobody is named; None where no column says so.
    """

    ids: pa.ChunkedArray
    labels: pa.ChunkedArray
    probability: pa.ChunkedArray | None = None
    payload: Payload | None = None
    where: str
    none_label: str | None = None
    notices: tuple[Notice, ...] = ()
    paths: pa.ChunkedArray | None = None
    vouched: bool = True
    read_from: str = ""
    answer: Answer | None = None
    files: Files | None = None
    second: pa.ChunkedArray | None = None
    verifiers: pa.ChunkedArray | None = None

    @property
    def second_only(self) -> bool:
        """Whether the table holds second looks and no column of first ones."""
        return self.second is not None and self.answer is None


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What tells which rows those of a table are; the columns have the shape [rows of the table].

    Args:
        ids: sample ids, else paths; null where there is neither.
        vouched: whether the ids are those of a column, not paths in place of one.
        paths: what names the files of images; None where nothing does.
        payload: images or vectors of the rows, if they bring any.
    """

    ids: pa.ChunkedArray
    vouched: bool
    paths: pa.ChunkedArray | None
    payload: Payload | None

    @classmethod
    def read(cls, files: Files, source: Source, *, rows: int) -> Identity:
        """Read it.

        Args:
            files: a table of labels that somebody verified or corrected.
            source: how the dataset's columns are called.
            rows: of the table.
        """
        content, ids = _content(files, source), _ids(files, source.columns)
        paths = content.paths if content.paths is not None else _paths(files)
        unnamed = pa.chunked_array([pa.nulls(rows, pa.string())]) if paths is None else paths
        named = unnamed if ids is None else ids
        return cls(ids=named, vouched=ids is not None, paths=paths, payload=content.payload)


def read_verification(trusted: str, source: Source, classes: tuple[str, ...]) -> Verification:
    """Read verified labels: of the column that holds them (see `answers`), or of the folders.

    Args:
        trusted: table or folder.
        source: how the dataset's columns are called.
        classes: of the dataset; a number is a position in them only where `source` tells their order.

    Raises:
        NoisecleanerError: there are no such labels.
    """
    files, columns, none_label = open_labels(trusted), source.columns, source.no_class(classes)
    if files is None:
        return _read_folder(trusted, source, classes, none_label)
    second = None if files.schema.names.count(SECOND) != 1 else read_labels(files, SECOND)
    seen_again = None if second is None else _known(second, source, classes, none_label)
    if seen_again is not None and only_second(files, columns):
        return _second_looks(trusted, files, source, seen_again, none_label=none_label)
    answer = find_answer(files, columns, classes, none_label)
    refuse_itself(trusted, source, answer.name)
    column = read_labels(files, answer.name)
    assert column is not None  # noqa: S101  # it has been found
    read = _known(column, source, classes, none_label)
    identity = Identity.read(files, source, rows=len(read.labels))
    drawn = read_probability(files, read.labels, ids=identity.ids)
    empty = unfilled(read.labels, trusted, none_label) if drawn is None else untold(read.labels, trusted)
    return Verification(
        ids=identity.ids,
        labels=read.labels,
        probability=drawn,
        payload=identity.payload,
        where=trusted,
        none_label=none_label,
        notices=(*files.notices, *read.notices, *empty),
        paths=identity.paths,
        vouched=identity.vouched,
        read_from=f"column {answer.name!r} of {trusted}",
        answer=answer,
        files=files,
        second=None if seen_again is None else seen_again.labels,
        verifiers=read_verifiers(files),
    )


def _known(column: LabelColumn, source: Source, classes: tuple[str, ...], none_label: str | None) -> Reading:
    """Read labels that somebody typed under the names of the classes."""
    return as_spelled(
        column.known(classes, told=source.columns.told, beside=none_label), column.where, beside=none_label
    )


def _second_looks(trusted: str, files: Files, source: Source, read: Reading, *, none_label: str | None) -> Verification:
    """Read a table of nothing but second looks, as `recheck(RUN, count=N)` writes it."""
    refuse_itself(trusted, source, SECOND)
    rows = len(read.labels)
    identity = Identity.read(files, source, rows=rows)
    return Verification(
        ids=identity.ids,
        labels=pa.chunked_array([pa.nulls(rows, pa.string())]),
        payload=identity.payload,
        where=trusted,
        none_label=none_label,
        notices=(*files.notices, *read.notices),
        paths=identity.paths,
        vouched=identity.vouched,
        read_from=f"column {SECOND!r} of {trusted}",
        files=files,
        second=read.labels,
    )


def unfilled(labels: pa.ChunkedArray, where: str, none_label: str | None) -> tuple[Notice, ...]:
    """Say so where rows of a table of verified labels have none: often those in which no class is right."""
    empty, rows = labels.null_count, len(labels)
    if not 0 < empty < rows:
        return ()
    # a cell that says None is an empty one: programs write that
    word = f"{none_label}, in small letters," if none_label == NONE else none_label
    write = "" if none_label is None else f"; write {word} where no class fits"
    return (
        Notice(
            code="verified-cells-empty",
            message=f"{empty:,} of {rows:,} rows of {where} {agreeing(empty)} empty: "
            f"{agreeing(empty, 'it measures', 'they measure')} nothing{write}.",
            # where most are empty, the table is one of all rows, and some of them were verified
            severity=Severity.WARNING if 2 * empty <= rows else Severity.NOTE,
        ),
    )


def untold(labels: pa.ChunkedArray, where: str) -> tuple[Notice, ...]:
    """Say how many rows of a sample with probabilities have neither one nor a label: nobody could tell their class."""
    empty, rows = labels.null_count, len(labels)
    if not 0 < empty < rows:
        return ()
    many = _MANY_UNTOLD * rows < empty <= rows / 2
    message = (
        f"{empty:,} of {rows:,} rows of {where} {agreeing(empty, 'has', 'have')} neither a label nor a "
        f"sample_probability: {agreeing(empty, 'it counts', 'they count')} as rows of which nobody can tell the class"
    )
    return (
        Notice(
            code="verified-cells-empty",
            message=f"{message}, and rates are those of the others." if many else f"{message}.",
            severity=Severity.WARNING if many else Severity.NOTE,
        ),
    )


def _read_folder(folder: str, source: Source, classes: tuple[str, ...], none_label: str | None) -> Verification:
    """Read an image folder: the labels are those of its metadata files, else the folders name them."""
    rows = read_images(replace(source, data=folder))
    column = rows.trusted or rows.labels
    assert column is not None  # noqa: S101  # folders name classes
    read = _known(column, source, classes, none_label)
    name = source.columns.trusted if rows.trusted else source.columns.label
    refuse_itself(folder, source, None if column.folders else name)
    words = f"folders of {folder}" if column.folders else f"column {name!r} of the metadata of {folder}"
    return Verification(
        ids=rows.ids,
        labels=read.labels,
        payload=rows.payload,
        where=folder,
        none_label=none_label,
        notices=(*rows.notices, *read.notices, *unfilled(read.labels, folder, none_label)),
        paths=rows.paths,
        vouched=rows.paths is None or not rows.ids.equals(rows.paths),
        read_from=words,
    )


def _content(files: Files, source: Source) -> Content:
    """Find what verified rows bring; paths that lead out of their folder still name files."""
    name = source.columns.image
    if source.columns.embedding or source.columns.probabilities or name not in files:
        return find_content(files, source, required=False)
    try:
        return find_content(files, source, required=False)
    except NoisecleanerError:
        if (paths := read_paths(files, name)) is None:
            raise
        return Content(paths)


def _paths(files: Files) -> pa.ChunkedArray | None:
    """Read what names the files of images, shape [rows]; None where no column does."""
    names = {name.casefold().replace(" ", "_"): name for name in reversed(files.schema.names)}
    found = [names[name] for name in _PATHS if name in names and files.schema.names.count(names[name]) == 1]
    paths = (read_paths(files, name) for name in found)
    path = next((path for path in paths if path is not None and path.null_count < len(path)), None)
    split = None if path is None or files.schema.names.count(_SPLIT) != 1 else read_paths(files, _SPLIT)
    if path is None or split is None:
        return path
    inside = pc.or_(pc.is_null(split), pc.match_substring_regex(path, r"[/\\]"))
    return pc.if_else(inside, path, pc.binary_join_element_wise(split, path, "/"))


def _ids(files: Files, columns: Columns) -> pa.ChunkedArray | None:
    """Read the ids of verified rows, shape [rows]; None where no column holds any.

    A table that noisecleaner wrote calls them `sample_id`, whatever the dataset does.
    """
    if columns.trusted_id is not None:
        require_columns(files.schema, {"trusted_id": columns.trusted_id}, files)
        return _filled(id_texts(files, columns.trusted_id))
    name = next((name for name in (columns.sample_id, Columns.sample_id) if name in files), None)
    if name is not None:
        require_columns(files.schema, {"sample_id": name}, files)
        return _filled(id_texts(files, name))
    return files.row_ids() if columns.row_ids else None


def _filled(ids: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.if_else(pc.equal(ids, ""), pa.scalar(None, pa.string()), ids)
