"""The rows of a copy one by one, as formats write them that hold a record beside each image."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from noisecleaner.export.copying import IMAGE_ROWS, Copy
from noisecleaner.export.json_values import records
from noisecleaner.export.stems import PATH, original_name
from noisecleaner.ingest.columns import CERTIFIED, FLAGGED, noted

#: What is told of a row beside the owner's columns and the notes.
_CLASS, _SPLIT = noted("class"), noted("split")


@dataclass(frozen=True, kw_only=True)
class Item:
    """A row of a copy.

    Args:
        row: its number in the dataset.
        content: its image, as it is in the dataset.
        label: its class index in the copy, None for none.
        name: the name of that class.
        split: the name of its split as the owner writes it, None without.
        columns: its sample id, the owner's columns with the label as the copy writes it, and what else is known, by the
            names of the columns, as JSON can hold it.
    """

    row: int
    content: bytes
    label: int | None
    name: str | None
    split: str | None
    columns: Mapping[str, Any]

    @property
    def suggestion(self) -> tuple[str, float | None] | None:
        """The class that the scores suggest for a row that is flagged and kept, with its probability; else None."""
        name = self.columns.get(noted("suggested_label"))
        open_question = self.columns.get(FLAGGED) and not self.columns.get(CERTIFIED)
        if not open_question or name is None or self.name != self.columns.get(noted("given_label")):
            return None
        return name, self.columns.get(noted("suggested_confidence"))

    @property
    def confidence(self) -> float | None:
        """The probability that the label in the copy is right; None where a person said so, or nobody knows."""
        if self.name is None or self.columns.get(CERTIFIED):
            return None
        for label, probability in (("given_label", "label_quality"), ("suggested_label", "suggested_confidence")):
            if self.columns.get(noted(label)) == self.name:
                found: float | None = self.columns.get(noted(probability))
                return found
        return None


def items(copy: Copy) -> Iterator[Item]:
    """Yield the rows of a copy in the order of the dataset, but for those whose image is not there.

    Raises:
        NoisecleanerError: see `Copy.images`.
    """
    images, splits = copy.images(), copy.structure.folders
    for part in copy.parts(IMAGE_ROWS):
        owned = records(part.owned.append_column(copy.label_field, part.cells))
        for own, notes, label in zip(owned, records(part.notes), part.labels.to_pylist(), strict=True):
            row, content = next(images)
            if content is None:
                continue
            name = None if label is None else copy.classes[label]
            split = None if splits is None else splits.names[splits.rows[row]]
            told = {_CLASS: name, **({} if split is None else {_SPLIT: split}), PATH: str(original_name(copy, row))}
            yield Item(row=row, content=content, label=label, name=name, split=split, columns={**own, **notes, **told})


def schema_of(copy: Copy) -> pa.Schema:
    """Names and types, in a table, of what `Item.columns` has, in their order."""
    part = next(iter(copy.parts(IMAGE_ROWS)))
    told = [_CLASS, *([_SPLIT] if copy.structure.folders else []), PATH]
    fields = [*part.owned.schema, copy.label_field, *part.notes.schema, *(pa.field(name, pa.string()) for name in told)]
    return pa.schema(list({field.name: field for field in fields}.values()))


def column_names(copy: Copy) -> list[str]:
    """The names that `Item.columns` has, in their order."""
    return list(schema_of(copy).names)


def renamed(names: Collection[str], refused: Callable[[str], bool]) -> dict[str, str]:
    """Find other names for columns that a tool cannot call so.

    Args:
        names: of the columns.
        refused: whether the tool takes a name for something else; never true of all identifiers.

    Returns:
        Name -> what it is called instead: `nc_own_NAME`, with what no identifier has replaced; all of them differ.
    """
    found: dict[str, str] = {}
    for name in names:
        candidate, number = name, 1
        while refused(candidate) or candidate in found.values() or (candidate != name and candidate in names):
            plain = "".join(c if f"_{c}".isidentifier() else "_" for c in name)
            candidate = noted(f"own_{plain}" if number == 1 else f"own_{plain}_{number}")
            number += 1
        found[name] = candidate
    return found


def class_numbers(copy: Copy) -> list[int]:
    """The number of each class: the owner's where the column of labels holds integers, else its place."""
    values = copy.cells.values
    if not pa.types.is_integer(values.type):
        return list(range(len(copy.classes)))
    return [place if value is None else value for place, value in enumerate(values.to_pylist())]
