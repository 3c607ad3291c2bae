"""Rows that look like a row of the gallery: the nearest ones of its given and of its suggested class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import FloatArray, IntArray, RealArray
from noisecleaner.report.gallery import GalleryRow, Neighbour
from noisecleaner.runs.scored_run import ScoredRun

#: Neighbours of each class.
_NEAREST = 3
#: Rows of the gallery that get some, and rows among which they are looked for, taken evenly: a page stays small, and is
#: made in a moment.
_SHOWN, _LOOKED_AT = 16, 10_000


def with_neighbours(rows: Sequence[GalleryRow], run: ScoredRun) -> tuple[GalleryRow, ...]:
    """Find rows that look like the first ones; without features of the run there are none.

    Args:
        rows: of a gallery.
        run: theirs.
    """
    features = _features(run.path / "features.npy", run.counts.rows)
    if features is None:
        return tuple(rows)
    kept = _kept(run)
    found = [replace(row, neighbours=_of(row, kept, features)) for row in rows[:_SHOWN]]
    return (*found, *rows[_SHOWN:])


def _features(path: Path, rows: int) -> RealArray | None:
    """Open the features of a run, which begin with those of its dataset; None where it has none."""
    try:
        features = np.load(path, mmap_mode="r")
    except (OSError, ValueError):
        return None
    return features if features.ndim == 2 and len(features) >= rows else None


def _kept(run: ScoredRun) -> pa.Table:
    """Rows among which neighbours are looked for: kept ones, with their number in the dataset, taken evenly."""
    columns = ("sample_id", "given_label", "flagged", "skip_reason")
    table = run.scores(columns)
    table = table.append_column("row", pa.array(np.arange(len(table))))
    usable = pc.and_(pc.equal(table["flagged"], False), pc.is_null(table["skip_reason"]))
    kept = table.filter(usable)
    if len(kept) > _LOOKED_AT:
        kept = kept.take(pa.array(np.linspace(0, len(kept) - 1, _LOOKED_AT).astype(np.int64)))
    return kept


def _of(row: GalleryRow, kept: pa.Table, features: RealArray) -> tuple[Neighbour, ...]:
    """The nearest rows of the given class, then those of the suggested one."""
    own, found = _unit(features[[row.row]])[0], []
    for label in dict.fromkeys(label for label in (row.given, row.suggested) if label is not None):
        others = kept.filter(pc.and_(pc.equal(kept["given_label"], label), pc.not_equal(kept["row"], row.row)))
        rows = np.asarray(others["row"]).astype(np.int64)
        for place in _nearest(own, _unit(features[rows])):
            id = others["sample_id"][int(place)].as_py()
            found.append(Neighbour(row=int(rows[place]), sample_id=id, label=label))
    return tuple(found)


def _nearest(own: FloatArray, others: FloatArray) -> IntArray:
    return np.argsort(-(others @ own), kind="stable")[:_NEAREST]


def _unit(vectors: RealArray) -> FloatArray:
    """Vectors of length one, in double precision; those that are not finite are near to nothing."""
    wide = np.nan_to_num(vectors.astype(np.float64))
    return np.asarray(wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12))
