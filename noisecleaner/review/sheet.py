"""What a person is asked: rows, classes, and what the answers are for."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from noisecleaner.arrays import IntArray
from noisecleaner.ingest import Columns, Source
from noisecleaner.ingest.labels.indices import SECOND
from noisecleaner.ingest.verified.corrections import COLUMN as CORRECTED


class Kind(StrEnum):
    """What is asked of each row; the values name it in pages."""

    AUDIT = "audit"
    RECHECK = "recheck"
    FIX = "fix"

    @property
    def column(self) -> str:
        """The column of the answers."""
        return {Kind.AUDIT: Columns.trusted, Kind.RECHECK: SECOND, Kind.FIX: CORRECTED}[self]

    @property
    def table(self) -> str:
        """How the table of the answers is called, without its ending."""
        return {Kind.AUDIT: "verified", Kind.RECHECK: "second-looks", Kind.FIX: "corrections"}[self]


@dataclass(frozen=True, kw_only=True)
class SheetRow:
    """A row of the table that a person makes.

    Args:
        sample_id: the user's id.
        probability: with which it would be in the table, None where nobody knows.
        known: the label that stands in the table already, empty where none does.
    """

    sample_id: str
    probability: float | None = None
    known: str = ""

    def to_json(self) -> list[Any]:
        """What a page knows of it; the number as it will be written."""
        return [self.sample_id, "" if self.probability is None else repr(self.probability), self.known]


@dataclass(frozen=True, kw_only=True)
class FlaggedRow:
    """A row that may be corrected; classes by their places.

    Args:
        sample_id: the user's id.
        given: the class that it carries.
        suggested: the class that it looks like, None where there is no other.
        value: of the column that was cut.
        confidence: probability that the suggestion is right, None without one.
    """

    sample_id: str
    given: int
    suggested: int | None
    value: float | None
    confidence: float | None

    def to_json(self) -> list[Any]:
        """What a page knows of it."""
        numbers = [None if number is None else f"{number:.2f}" for number in (self.value, self.confidence)]
        return [self.sample_id, self.given, self.suggested, *numbers]


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """All that is asked.

    Args:
        kind: what for.
        classes: the class names.
        none_label: the answer that says that none of them is right; None where no label can.
        rows: of the table, in its order.
        order: places in `rows` of those that are to be shown, as they are shown, shape [shown].
        numbers: of the rows to be shown in the dataset, in the same order.
        source: the dataset.
        by: the column that was cut, where flagged rows are shown.
        aside: what is said of rows that are not shown, a sentence or nothing.
        back: the call that takes the answers back, as Python.
    """

    kind: Kind
    classes: tuple[str, ...]
    none_label: str | None
    rows: tuple[SheetRow, ...] | tuple[FlaggedRow, ...]
    order: IntArray
    numbers: IntArray
    source: Source
    by: str = ""
    aside: str = ""
    back: str = ""

    @property
    def key(self) -> str:
        """What says that answers are of these rows: 16 characters."""
        content = [self.kind.value, self.classes, self.none_label, [row.to_json() for row in self.rows]]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
