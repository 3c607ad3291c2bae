"""Labels as users write them (text, integers, Hugging Face ClassLabel) -> class names."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import IntArray
from noisecleaner.errors import NoisecleanerError


def class_names(schema: pa.Schema, column: str) -> tuple[str, ...]:
    """Read the names of a Hugging Face ClassLabel column from a schema's metadata; `()` if it is none."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        names = features[column]["names"]
    except (KeyError, ValueError, TypeError):
        return ()
    return tuple(str(name) for name in names)


def as_text(column: pa.ChunkedArray, *, names: Sequence[str], where: str) -> pa.ChunkedArray:
    """Turn a label column into text, null where a row has no label.

    Integers that index `names` become those names; NaN and the empty string count as no label, and so does -1
    beside `names` or beside a 0 (but -1 and 1 are two classes); an integer outside `names` stays a number, which
    makes it an unknown class later.

    Args:
        column: labels of any type that a user's table may hold.
        names: the class names that integers index; empty when integers are names themselves.
        where: file and column, for the message.

    Raises:
        NoisecleanerError: the column holds something that cannot be a label.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        return as_text(column.cast(kind.value_type), names=names, where=where)
    if pa.types.is_floating(kind):  # pandas turns integers into floats where one is missing
        return as_text(_integral(column, where), names=names, where=where)
    if pa.types.is_integer(kind):
        return _integers_as_text(column, names)
    if pa.types.is_null(kind):
        return column.cast(pa.string())
    if pa.types.is_boolean(kind):  # spelled as Python and pandas do, also in CSV files
        return pc.if_else(column, pa.scalar("True"), pa.scalar("False"))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        text = column.cast(pa.string())
        return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
    raise NoisecleanerError(
        f"Labels must be text or integers, but {where} holds {kind}.",
        "Name the column that holds the label with `Columns.label` (or `Columns(trusted=NAME)`).",
    )


def index_or_name(
    column: pa.ChunkedArray, *, names: Sequence[str], classes: Sequence[str], where: str
) -> pa.ChunkedArray:
    """Turn labels into the class names of another table, by their own names, as text, or by index.

    Integers (also those that a CSV file holds as text) are read as indices into `classes` only where
    `classes` are not numbers themselves.

    Args:
        column: labels of any type that a user's table may hold, shape [rows].
        names: the class names that the column's own integers index; empty without such.
        classes: those of the other table.
        where: file and column, for the message.

    Raises:
        NoisecleanerError: the column holds something that cannot be a label.
    """
    own = names or (() if all(_is_integer(name) for name in classes) else classes)
    if not names and _is_text(column.type):
        numbers = pc.match_substring_regex(pc.unique(column.cast(pa.string())).drop_null(), r"^[0-9]{1,9}$")
        if own and len(numbers) and pc.all(numbers).as_py():
            return as_text(column.cast(pa.string()).cast(pa.int64()), names=own, where=where)
    return as_text(column, names=own, where=where)


def indices(column: pa.ChunkedArray, classes: Sequence[str]) -> IntArray:
    """Turn class names into class indices, -1 where a row has none of them, shape [rows]."""
    positions = pc.index_in(column, value_set=pa.array(classes, pa.string()))
    return np.asarray(pc.fill_null(positions, -1)).astype(np.int64)


def order(labels: pa.ChunkedArray) -> tuple[str, ...]:
    """List the distinct labels: numbers in numeric order, anything else in text order."""
    names = pc.unique(labels).drop_null().to_pylist()
    return tuple(sorted(names, key=int) if all(_is_integer(name) for name in names) else sorted(names))


def _integers_as_text(column: pa.ChunkedArray, names: Sequence[str]) -> pa.ChunkedArray:
    if not names:
        unlabelled = pc.equal(column, -1) if pc.any(pc.equal(column, 0)).as_py() else pa.scalar(False)
        return pc.if_else(unlabelled, pa.scalar(None, pa.string()), column.cast(pa.string()))
    numbers = column.cast(pa.int64())
    inside = pc.and_(pc.greater_equal(numbers, 0), pc.less(numbers, len(names)))
    named = pc.take(pa.array(names, pa.string()), pc.if_else(inside, numbers, pa.scalar(None, pa.int64())))
    unlabelled = pa.scalar(None, pa.string())
    other = pc.if_else(pc.equal(numbers, -1), unlabelled, numbers.cast(pa.string()))
    return pc.if_else(inside, named, other)


def _integral(column: pa.ChunkedArray, where: str) -> pa.ChunkedArray:
    present = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    try:
        return present.cast(pa.int64())
    except pa.ArrowInvalid as error:
        raise NoisecleanerError(
            f"Labels must be text or integers, but {where} holds fractions ({error}).",
            "Name the column that holds the label with `Columns(label=NAME)`.",
        ) from error


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_integer(text: str) -> bool:
    return re.fullmatch(r"-?[0-9]+", text) is not None
