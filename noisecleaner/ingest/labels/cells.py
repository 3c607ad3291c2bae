"""Labels as users write them (text, integers, Hugging Face ClassLabel) -> class names."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import IntArray
from noisecleaner.errors import NoisecleanerError
from noisecleaner.texts import parsed_json


def class_names(schema: pa.Schema, column: str) -> tuple[str, ...]:
    """Read the names of a Hugging Face ClassLabel column from a schema's metadata; `()` if it is none."""
    try:
        features = parsed_json((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return tuple(str(name) for name in features[column]["names"])
    except (KeyError, ValueError, TypeError):
        return ()


def as_text(column: pa.ChunkedArray, *, names: Sequence[str], where: str) -> pa.ChunkedArray:
    """Turn a label column into text, null where a cell is null, NaN or empty.

    Integers that index `names` become those names, and -1 beside `names` is no label; an integer outside `names` stays
    a number, which makes it an unknown class later. What the text means is said in `naming`.

    Args:
        column: labels of any type that a user's table may hold.
        names: the class names that integers index (ClassLabel); empty when integers are names themselves.
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
        return _named(column, names) if names else column.cast(pa.string())
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


def indices(column: pa.Array | pa.ChunkedArray, classes: Sequence[str]) -> IntArray:
    """Turn class names into class indices, 32 bits wide, -1 where a row has none of them, shape [rows]."""
    found, first, names = np.empty(len(column), dtype=np.int32), 0, pa.array(classes, pa.string())
    for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
        positions = pc.index_in(chunk, value_set=names)
        found[first : first + len(chunk)] = pc.fill_null(positions, -1)
        first += len(chunk)
    return found


def order(labels: pa.ChunkedArray) -> tuple[str, ...]:
    """List the distinct labels: numbers in numeric order, anything else in text order."""
    names = pc.unique(labels).drop_null().to_pylist()
    numbers = all(is_integer(name) for name in names)
    return tuple(sorted(names, key=lambda name: (int(name), name)) if numbers else sorted(names))


def is_integer(text: str) -> bool:
    """Whether a label is an integer in decimal digits, as long ones as Arrow has."""
    return re.fullmatch(r"-?[0-9]{1,19}", text) is not None


def without_fraction(text: str) -> str:
    """Write a whole number without its fraction of zero: 7 for 7.0; any other text stays as it is."""
    return re.sub(r"^(-?[0-9]+)\.0+$", r"\1", text)


def _named(column: pa.ChunkedArray, names: Sequence[str]) -> pa.ChunkedArray:
    numbers = column.cast(pa.int64())
    inside = pc.and_(pc.greater_equal(numbers, 0), pc.less(numbers, len(names)))
    named = pc.take(pa.array(names, pa.string()), pc.if_else(inside, numbers, pa.scalar(None, pa.int64())))
    unlabelled = pa.scalar(None, pa.string())
    text = numbers.cast(pa.string())
    # a number that is no position must not pass for the class that is called like it
    apart = pc.binary_join_element_wise("number", text, " ")
    outside = pc.if_else(pc.is_in(text, value_set=pa.array(names, pa.string())), apart, text)
    other = pc.if_else(pc.equal(numbers, -1), unlabelled, outside)
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
