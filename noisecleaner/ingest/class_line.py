"""The line that names the classes, and what it would be wrong to take for classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.labels.naming import Reading
from noisecleaner.ingest.raw import RawRows
from noisecleaner.notices import Notice, Severity
from noisecleaner.tables import count_true
from noisecleaner.texts import agreeing, counted, printable, shortened

#: Names of classes that are told, and characters of each.
_SHOWN, _LENGTH = 10, 40
#: Below so many rows nothing can be said about how many of them share a label.
_LEAST_ROWS = 20
#: Rows for each class: fewer are those of an id.
_LEAST_MEAN = 2
#: And fewer are odd.
_USUAL_MEAN = 5


def class_notices(given: Reading, rows: RawRows, *, fitted: bool) -> Iterator[Notice]:
    """Name the classes, say where the labels come from, and whether they look like labels at all.

    Args:
        given: the given labels, and the classes.
        rows: what was read.
        fitted: whether the classes are those of a fitted run, not of the rows.

    Raises:
        NoisecleanerError: hardly two rows share a label.
    """
    classes, labels, source = given.classes, given.labels, rows.labelled_by
    names = pc.unique(labels).drop_null()
    if fitted:
        known = count_true(pc.is_in(names, value_set=pa.array(classes, pa.string())))
        message = f"{known:,} of the {len(classes):,} classes of the run from {source}: {_shown(classes)}."
        yield Notice(code="classes", message=message, severity=Severity.NOTE)
        return
    message = f"{counted(len(classes), 'class', 'classes')} from {source}: {_shown(classes)}."
    yield Notice(code="classes", message=message, severity=Severity.NOTE)
    labelled = len(labels) - labels.null_count
    if not given.ordered and _LEAST_ROWS <= labelled < _USUAL_MEAN * len(names):
        yield _too_many(names.to_pylist(), labelled, source, _others(rows))


def refuse_ids_as_labels(rows: RawRows) -> None:
    """Refuse a label column that holds the ids.

    Args:
        rows: what was read.

    Raises:
        NoisecleanerError: in every row they are the same.
    """
    labels = None if rows.labels is None else rows.labels.text
    if labels is None or len(labels) < 2 or not labels.equals(rows.ids):
        return
    raise NoisecleanerError(
        f"Labels must be shared by rows, but {rows.labelled_by} holds the id of each row.{_others(rows)}",
        "Name the column that holds the label with `Columns(label=NAME)`.",
    )


def _too_many(names: Sequence[str], rows: int, source: str, others: str) -> Notice:
    """Say that classes have few rows; refuse labels that hardly two rows share: they are ids."""
    found = f"{counted(rows, 'row')} {agreeing(rows, 'has', 'have')} {counted(len(names), 'label')}, from {source} "
    found += f"(such as {_shown(names, 3)})"
    if rows < _LEAST_MEAN * len(names):
        raise NoisecleanerError(
            f"Labels must be shared by rows, but {found}: that looks like an id or a file's name, not like a label."
            f"{others}",
            "Name the column that holds the label with `Columns(label=NAME)`, or the level of the folders with "
            "`Source(label_level=NUMBER)`.",
        )
    return Notice(
        code="many-classes",
        message=f"{found}: fewer than {_USUAL_MEAN} rows each are too few to tell wrong labels from right ones. Check "
        f"that these are the labels.{others}",
    )


def _others(rows: RawRows) -> str:
    """Name columns of few values, which may be the labels: a sentence that begins with a blank, empty without any."""
    if rows.files is None:
        return ""
    found = []
    for field in rows.files.schema:
        if _may_be_label(field.type):
            column = rows.files.column(field.name)
            values, filled = pc.count_distinct(column).as_py(), len(column) - column.null_count
            if values >= 2 and filled >= _USUAL_MEAN * values and filled > len(column) / 2:
                found.append(f"{field.name} ({counted(values, 'value')})")
    return f" Columns of few values are {listed(found, 3)}." if found else ""


def _may_be_label(kind: pa.DataType) -> bool:
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_boolean(kind)
    return bool(text or pa.types.is_integer(kind) or pa.types.is_dictionary(kind))


def _shown(names: Sequence[str], most: int = _SHOWN) -> str:
    return listed([shortened(printable(name), _LENGTH) for name in names], most)
