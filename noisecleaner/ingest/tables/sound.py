"""Cells are what the type of their column says: what a damaged file holds instead would be found far from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.files.places import Place


def sound(batches: Iterable[pa.RecordBatch], place: Place) -> Iterator[pa.RecordBatch]:
    """Yield batches whose texts are UTF-8, and whose lists and dictionaries point at what is there.

    Args:
        batches: as they are read.
        place: the file.

    Raises:
        NoisecleanerError: one holds something else; Arrow would decode it later, or read past its end.
    """
    checked: dict[str, pa.Array] = {}  # the dictionary that a column had last: many batches share one
    for batch in batches:
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            try:
                if pa.types.is_dictionary(column.type):
                    _check_indices(column)
                    if checked.get(name) is not column.dictionary:
                        column.dictionary.validate(full=True)
                        checked[name] = column.dictionary
                else:
                    column.validate(full=True)
            except (pa.ArrowInvalid, pa.ArrowIndexError) as error:
                raise NoisecleanerError(
                    f"Cells must hold what the type of their column says ({column.type}), but column {name!r} of "
                    f"{place} holds something else ({error}).",
                    "Write the table again: text must be UTF-8, and the file be copied completely.",
                ) from error
        yield batch


def refuse_twice(schema: pa.Schema, where: object, names: Iterable[str] | None = None) -> None:
    """Refuse columns of one name: nobody can say which is meant, and no copy of the table could hold both.

    Args:
        schema: of the table.
        where: the file, for the message.
        names: of columns that mean something; None stands for all.

    Raises:
        NoisecleanerError: names the first that is there more than once.
    """
    counts = Counter(schema.names)
    for name in counts if names is None else names:
        if counts[name] > 1:
            raise NoisecleanerError(
                f"Column names must be unique, but {where} has {counts[name]} columns called {name!r}.", "Rename them."
            )


def _check_indices(column: pa.DictionaryArray) -> None:
    """Refuse numbers of words that there are not.

    Raises:
        pa.ArrowIndexError: there are some.
    """
    ends = pc.min_max(column.indices).as_py()
    if ends["max"] is not None and not 0 <= ends["min"] <= ends["max"] < len(column.dictionary):
        raise pa.ArrowIndexError(f"{ends['max']} of {len(column.dictionary)} words")
