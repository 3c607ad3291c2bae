"""Labels of a copy, written as the owner's column writes them: 3 stays 3, text stays text, ClassLabel stays ClassLabel.

A row that keeps its label keeps its very cell. One that gets another gets the cell of a row that carries it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import IntArray
from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.export.owner import Owner
from noisecleaner.ingest.labels.cells import class_names, indices, is_integer
from noisecleaner.tables import ARROW_ERRORS
from noisecleaner.texts import counted

#: Rows that are looked at together.
_BLOCK = 2**20


@dataclass(frozen=True, kw_only=True)
class KnownClasses:
    """What is known of the classes.

    Args:
        classes: their names, in the order of their indices.
        needed: those of them that copied rows get.
        told: the names in the order of their numbers, where the user told it, else `()`.
    """

    classes: Sequence[str]
    needed: Sequence[str]
    told: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class LabelCells:
    """What is written for each class.

    Args:
        values: of each class, shape [classes]; null where the column cannot hold it.
        names: the class names that integers index (ClassLabel), in their order; `()` where they do not.
        given: class index of each row's cell, -1 where it is none, shape [rows].
        own: the owner's cells, shape [rows]; None where folders name the classes. Of texts a number for each, as
            Arrow's dictionaries have them.
        type: of the cells as they are written.
    """

    values: pa.Array
    names: tuple[str, ...]
    given: IntArray
    own: pa.Array | None
    type: pa.DataType

    @classmethod
    def of_folders(cls, classes: Sequence[str], rows: int) -> LabelCells:
        """Number the classes where no column says how to write them: a Hugging Face ClassLabel."""
        return cls(
            values=pa.array(range(len(classes)), pa.int64()),
            names=tuple(classes),
            given=np.full(rows, -1, np.int32),
            own=None,
            type=pa.int64(),
        )

    @classmethod
    def of_column(cls, owner: Owner, column: str, *, text: pa.ChunkedArray, known: KnownClasses) -> LabelCells:
        """Learn from the owner's column how classes are written.

        Args:
            owner: has the column.
            column: its name.
            text: the labels as they were read, shape [rows].
            known: the classes.
        """
        kind, own = _typed(owner, column)
        given = indices(text, known.classes)
        first = _first_rows(given, len(known.classes))
        values = own.take(pa.array(first, mask=first < 0))
        values = values.dictionary_decode() if pa.types.is_dictionary(own.type) else values
        names = class_names(owner.schema, column)
        if names:
            names = (*names, *(name for name in known.needed if name not in names))
        absent = {place: known.classes[place] for place in np.flatnonzero(first < 0).tolist()}
        if absent:
            made = {place: _written(name, values.type, names or known.told) for place, name in absent.items()}
            values = pa.array([made.get(place, value) for place, value in enumerate(values.to_pylist())], values.type)
        return cls(values=values, names=names, given=given, own=own, type=kind)

    def of(self, rows: IntArray, labels: IntArray) -> pa.Array:
        """Write labels.

        Args:
            rows: their numbers in the dataset, shape [n].
            labels: the class index that each gets, -1 for none, shape [n].
        """
        made = self.values.take(pa.array(labels, mask=labels < 0))
        if self.own is None:
            return made
        own, kept = self.own.take(pa.array(rows)), (labels == self.given[rows]) | (labels < 0)
        own = own if own.type == self.type else own.cast(self.type)
        if kept.all():
            return own
        if not pa.types.is_dictionary(own.type):
            return pc.if_else(pa.array(kept), own, made)
        return _encoded(pc.if_else(pa.array(kept), own.dictionary_decode(), made), self.own)

    def check(self, counts: IntArray, classes: Sequence[str], column: str) -> None:
        """Refuse labels that the column cannot hold.

        Args:
            counts: rows that are copied with each class, shape [classes].
            classes: the class names.
            column: the name of the column.

        Raises:
            NoisecleanerError: rows get a class that no row carries, and that has no value of the column's type.
        """
        lost = np.flatnonzero((counts > 0) & np.asarray(self.values.is_null()))
        if len(lost):
            named = listed([f"{classes[place]!r} ({counted(counts[place], 'row')})" for place in lost.tolist()], 5)
            raise NoisecleanerError(
                f"Labels are written as column {column!r} writes them, which holds {self.type}, but no row there "
                f"carries {named}, so that nobody knows how to write it.",
                "Leave such rows out, or make the column text before the fit.",
            )


def _first_rows(labels: IntArray, classes: int) -> IntArray:
    """The first row of each class, -1 of one without rows, shape [classes]."""
    first = np.full(classes, -1)
    for start in reversed(range(0, len(labels), _BLOCK)):
        block = labels[start : start + _BLOCK]
        rows = np.flatnonzero(block >= 0)[::-1]  # so that the first one is written last
        first[block[rows]] = start + rows
    return first


def _typed(owner: Owner, name: str) -> tuple[pa.DataType, pa.Array]:
    """The type of cells and the cells in one piece, where they are texts as a dictionary.

    Where the table has no types, and all cells are integers, they are those integers.
    """
    column, kind = owner.texts(name), owner.schema.field(name).type
    if not owner.typed:
        present = pc.unique(column).drop_null().cast(kind).to_pylist()
        if present and all(map(_is_plain_integer, present)):
            column, kind = column.cast(kind).cast(pa.int64()), pa.int64()
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        column = column.dictionary_encode()
    return kind, column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def _is_plain_integer(text: str) -> bool:
    """Whether a number would be written as this very text: `007` would not."""
    return is_integer(text) and len(text) < 19 and str(int(text)) == text


def _written(name: str, kind: pa.DataType, names: Sequence[str]) -> Any:
    """What stands for a class that no row carries; None where the type has no such value."""
    value: object = name
    if name in names and pa.types.is_integer(kind):
        value = names.index(name)
    elif pa.types.is_boolean(kind):
        value = {"True": True, "False": False}.get(name)
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
        value = int(name) if is_integer(name) else None
    try:
        return pa.scalar(value, kind).as_py()
    except (*ARROW_ERRORS, OverflowError, TypeError, ValueError):
        return None


def _encoded(cells: pa.Array, like: pa.Array) -> pa.Array:
    """Write cells as places in a dictionary, which gets what it lacks at its end."""
    there = set(like.dictionary.to_pylist())
    lacking = [cell for cell in pc.unique(cells).drop_null().to_pylist() if cell not in there]
    dictionary = pa.concat_arrays([like.dictionary, pa.array(lacking, like.dictionary.type)])
    places = pc.index_in(cells, value_set=dictionary).cast(like.type.index_type)
    return pa.DictionaryArray.from_arrays(places, dictionary, ordered=like.type.ordered)
