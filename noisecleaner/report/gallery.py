"""The rows to look at first: which they are, what is known of them, and their pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.ingest import Skip
from noisecleaner.pages.pictures import Size, Thumbnail
from noisecleaner.runs.lowest import finite, lowest

#: Of pictures of a row, and of one that looks like it: two hundred rows make a page of half a megabyte.
CARD, SMALL = Size(edge=96, bytes=1150), Size(edge=44, bytes=400)


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """A row that looks alike: its number, its id, and the class whose nearest rows it is one of."""

    row: int
    sample_id: str
    label: str
    picture: Thumbnail | None = None


@dataclass(frozen=True, kw_only=True)
class GalleryRow:
    """One row.

    Args:
        row: its number in the dataset.
        sample_id: the user's id.
        given: the given label, None where it has none.
        suggested: the suggested one, likewise.
        confidence: probability that the suggestion is right, None without one.
        verified: what somebody verified or corrected it to be, None where nobody did.
        flagged: whether it is flagged.
        value: of the column that is cut, None where it has none.
        picture: None where it cannot be shown.
        lost: why it cannot, a value of `Skip`; empty where it is shown, or nobody asked for it.
        neighbours: rows that look alike, of the given and of the suggested class.
    """

    row: int
    sample_id: str
    given: str | None
    suggested: str | None
    confidence: float | None
    verified: str | None
    flagged: bool
    value: float | None
    picture: Thumbnail | None = None
    lost: str = ""
    neighbours: tuple[Neighbour, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Describe it as a JSON object, without the picture."""
        names = ("row", "sample_id", "given", "suggested", "confidence", "verified", "flagged", "value")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """Rows, the worst first.

    Args:
        rows: those that are shown.
        of: rows that could be.
        by: the column by which they are sorted.
        note: why there are no pictures; empty where there are, or nobody asked for them.
    """

    rows: tuple[GalleryRow, ...]
    of: int
    by: str
    note: str = ""

    def with_pictures(self, pictures: Mapping[int, Thumbnail | Skip], small: Mapping[int, Thumbnail]) -> Gallery:
        """Return it with pictures.

        Args:
            pictures: row of the dataset -> its picture, or why there is none.
            small: row of the dataset -> its small picture, of rows that look like others.
        """
        return replace(self, rows=tuple(_with_pictures(row, pictures[row.row], small) for row in self.rows))

    def to_json(self) -> dict[str, Any]:
        """Describe it as a JSON object, without pictures."""
        return {"of": self.of, "by": self.by, "note": self.note, "rows": [row.to_json() for row in self.rows]}


def worst_rows(batches: Iterable[pa.RecordBatch], by: str, most: int) -> Gallery:
    """Choose the rows with the lowest values; behind them come flagged rows that have none.

    Args:
        batches: of scores.parquet, with the columns `lowest.SHOWN` and `by`.
        by: the column whose values count.
        most: how many to choose.
    """
    table, numbers, of = lowest(
        batches, by, most, lambda batch, values: np.isfinite(values) | np.asarray(pc.fill_null(batch["flagged"], False))
    )
    cells = [] if table is None else table.to_pylist()
    rows = (_row(row, own, own[by]) for row, own in zip(numbers.tolist(), cells, strict=True))
    return Gallery(rows=tuple(rows), of=of, by=by)


def _row(number: int, cells: Mapping[str, Any], value: float | None) -> GalleryRow:
    return GalleryRow(
        row=number,
        sample_id=cells["sample_id"],
        given=cells["given_label"],
        suggested=cells["suggested_label"],
        confidence=cells["suggested_confidence"],
        verified=cells["corrected_label"] or cells["trusted_label"],
        flagged=bool(cells["flagged"]),
        value=finite(value),
    )


def _with_pictures(row: GalleryRow, own: Thumbnail | Skip, small: Mapping[int, Thumbnail]) -> GalleryRow:
    near = tuple(replace(other, picture=small[other.row]) for other in row.neighbours if other.row in small)
    if isinstance(own, Skip):
        return replace(row, lost=own.value, neighbours=near)
    return replace(row, picture=own, neighbours=near)
