"""Columns of a user's tables -> those of a manifest: ids, paths, labels as text, sampling probabilities."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.errors import NoisecleanerError, listed, quoted
from noisecleaner.ingest.labels.cells import as_text
from noisecleaner.ingest.labels.naming import LabelColumn
from noisecleaner.ingest.source import Columns
from noisecleaner.ingest.tables.maker import SKIP_REASON, Maker
from noisecleaner.ingest.tables.tabular import Files
from noisecleaner.tables import ARROW_ERRORS, count_true
from noisecleaner.texts import agreeing, shortened

#: The column by which a clean copy marks rows that carry a verified label.
CERTIFIED = "nc_verified"
#: Numbers and labels of the scores that a clean copy holds beside each row, under `noted(NAME)`.
NOTES = ("given_label", "label_quality", "alpha", "beta", "suggested_label", "suggested_confidence")
#: The column of a clean copy with the flags.
FLAGGED = "nc_flagged"
#: The column in which `plan` tells with which probability it drew a row.
_PROBABILITY = "sample_probability"
_AS_WRITTEN = f"Leave the column as `plan()` wrote it; for a plain random sample, rename {_PROBABILITY!r}."


def read_ids(files: Files, columns: Columns, paths: pa.ChunkedArray | None) -> pa.ChunkedArray:
    """Find the sample ids: the id column, else unique image paths, else row numbers if asked for.

    Args:
        files: the tables.
        columns: what their columns are called.
        paths: the images' paths, shape [rows], if they have any.

    Returns:
        Texts, shape [rows]; they may be missing or repeated, see `checks.check_ids`.

    Raises:
        NoisecleanerError: there is nothing that identifies a row.
    """
    if columns.sample_id in files:
        return id_texts(files, columns.sample_id)
    if columns.sample_id == Columns.sample_id and paths is not None and _identifies(paths):
        return paths
    if columns.row_ids:
        return files.row_ids()
    raise NoisecleanerError(
        f"Every row needs an id that joins the tables, but {files} has no column {columns.sample_id!r} "
        f"(its columns are {listed(files.schema.names)}).",
        "Name the id column with `Columns(sample_id=NAME)` (if only a table of verified labels calls it so, with "
        "`Columns(trusted_id=NAME)`), or pass `Columns(row_ids=True)` to number the rows of each file.",
    )


def id_texts(files: Files, name: str) -> pa.ChunkedArray:
    """Read a column of ids as text, shape [rows].

    Raises:
        NoisecleanerError: it holds something that is no id.
    """
    column = files.column(name)
    try:
        return column.cast(pa.string())
    except ARROW_ERRORS as error:
        raise NoisecleanerError(
            f"Sample ids must be text or integers, but column {name!r} of {files} holds {column.type}.",
            "Name another column with `Columns(sample_id=NAME)`.",
        ) from error


def read_paths(files: Files, image: str) -> pa.ChunkedArray | None:
    """Read the image paths of a text column or of a Hugging Face image column, shape [rows]; None without any."""
    kind = files.schema.field(image).type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return files.column(image).cast(pa.string())
    if pa.types.is_struct(kind) and kind.get_field_index("path") >= 0:
        return files.column(f"{image}.path").cast(pa.string())
    return None


def read_labels(files: Files, name: str | None, *, beside: str | None = None) -> LabelColumn | None:
    """Read a label column.

    Args:
        files: the tables.
        name: of the column.
        beside: another label column, whose names integers have where this one has none of its own.

    Returns:
        Its text, shape [rows]; None where there is no such column.
    """
    if name is None or name not in files:
        return None
    kind = files.schema.field(name).type
    numbers = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    own = files.names(name) or (files.names(beside) if beside is not None and numbers else ())
    where = files.where(name)
    return LabelColumn(text=as_text(files.column(name), names=own, where=where), own=own, where=where)


def noted(name: str) -> str:
    """How a clean copy calls what it notes of a row."""
    return f"nc_{name}"


def notes_in(names: Iterable[str]) -> tuple[str, ...]:
    """Find columns that only a clean copy has, but for the one that marks rows."""
    made = {FLAGGED, *map(noted, NOTES)}
    return tuple(name for name in names if name in made)


def read_certified(files: Files) -> pa.ChunkedArray | None:
    """Read which rows a copy marks, booleans of shape [rows]; None where it marks none.

    Raises:
        NoisecleanerError: the column holds something else.
    """
    if CERTIFIED not in files:
        return None
    try:
        return pc.fill_null(files.column(CERTIFIED).cast(pa.bool_()), fill_value=False)
    except ARROW_ERRORS as error:
        raise NoisecleanerError(
            f"{files.where(CERTIFIED)} must say true or false of each row, as `export_clean()` wrote it, but it holds "
            "something else.",
            f"Leave the column as it was, or call it otherwise than {CERTIFIED}.",
        ) from error


def read_skipped(files: Files) -> pa.ChunkedArray | None:
    """Read why rows of tables that `embed` made have no vector, shape [rows]; None of other tables."""
    if Maker.of(files.schema) is None or SKIP_REASON not in files:
        return None
    return files.column(SKIP_REASON).cast(pa.string())


def read_probability(files: Files, verified: pa.ChunkedArray, *, ids: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Read with which probability each row was drawn to be verified.

    Args:
        files: the tables.
        verified: the verified labels of their rows, shape [rows], null where there is none.
        ids: sample ids, for messages, null where a row has none, shape [rows].

    Returns:
        Doubles, shape [rows]; None where there is no such column.

    Raises:
        NoisecleanerError: the column holds something else, or nothing for a row that was verified.
    """
    drawn = written_probability(files)
    if drawn is None:
        return None
    outside = pc.invert(pc.and_(pc.greater(drawn, 0), pc.less_equal(drawn, 1)))
    bad = pc.and_(pc.is_valid(verified), pc.fill_null(outside, fill_value=True))
    count = count_true(bad)
    if count:
        raise NoisecleanerError(
            f"Verified rows need a sampling probability above 0 and at most 1, but {count} in "
            f"{files.where(_PROBABILITY)} have none.",
            _AS_WRITTEN,
        )
    _refuse_unfilled(files, ids.filter(pc.and_(pc.is_null(verified), pc.is_valid(drawn))), of=len(verified))
    return drawn


def written_probability(files: Files) -> pa.ChunkedArray | None:
    """Read what stands in the column of sampling probabilities, whatever was verified.

    Returns:
        Doubles, shape [rows]; None where there is no such column.

    Raises:
        NoisecleanerError: the column holds something else.
    """
    if _PROBABILITY not in files:
        return None
    try:
        return _numbers(files.column(_PROBABILITY))
    except ARROW_ERRORS as error:
        raise NoisecleanerError(
            f"Sampling probabilities must be numbers, but {files.where(_PROBABILITY)} holds others.", _AS_WRITTEN
        ) from error


def _numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Read numbers, also those that a spreadsheet wrote with a decimal comma."""
    if pa.types.is_string(column.type) and not pc.any(pc.match_substring(column, ".")).as_py():
        column = pc.replace_substring(column, ",", ".")
    return column.cast(pa.float64())


def _refuse_unfilled(files: Files, unfilled: pa.ChunkedArray, *, of: int) -> None:
    """Refuse a sample of which nobody has verified some rows.

    Args:
        files: the tables.
        unfilled: ids of rows that were drawn and have no label, null where there is none.
        of: rows in the table.

    Raises:
        NoisecleanerError: there are some; it says what to do with them.
    """
    if not len(unfilled):
        return
    named = unfilled.drop_null()
    such = f" (such as {quoted(shortened(named[0].as_py(), 60))})" if len(named) else ""
    raise NoisecleanerError(
        f"A planned sample must be verified as a whole, or its rates are wrong, but {len(unfilled)} of {of} rows of "
        f"{files} {agreeing(len(unfilled), 'has', 'have')} a {_PROBABILITY} and no verified label{such}.",
        f"Fill them in; where you cannot tell, empty both cells of the row, the label and {_PROBABILITY}.",
    )


def _identifies(paths: pa.ChunkedArray) -> bool:
    return bool(paths.null_count == 0 and pc.count_distinct(paths).as_py() == len(paths))
