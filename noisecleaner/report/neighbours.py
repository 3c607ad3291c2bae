"""Rows that look like a row of the gallery: the nearest ones of its given and of its suggested class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import FloatArray, IntArray, RealArray
from noisecleaner.files import require_regular
from noisecleaner.ingest.vectors.orders import AnyVectors
from noisecleaner.report.gallery import GalleryRow, Neighbour
from noisecleaner.runs.scored_run import ScoredRun
from noisecleaner.runs.vector_blocks import VectorSample, vector_blocks

#: Neighbours of each class.
_NEAREST = 3
#: Rows of the gallery that get some, and rows among which they are looked for, taken evenly: a page stays small, and is
#: made in a moment.
_SHOWN, _LOOKED_AT = 16, 10_000


def with_neighbours(
    rows: Sequence[GalleryRow], run: ScoredRun, embeddings: AnyVectors | None = None
) -> tuple[GalleryRow, ...]:
    """Find rows that look like the first ones; without features of the run and without embeddings there are none.

    Args:
        rows: of a gallery.
        run: theirs.
        embeddings: that the dataset brings beside its images.
    """
    kept = _kept(run)
    wanted = np.union1d([row.row for row in rows[:_SHOWN]], kept["row"]).astype(np.int64)
    features = _features(run.path / "features.npy", run.counts.rows)
    if features is not None:
        known = _Features(wanted, features[wanted])
    elif embeddings is not None:
        known = _sampled(embeddings, wanted)
    else:
        return tuple(rows)
    kept = kept.filter(pa.array(np.isin(kept["row"], known.rows)))
    found = [replace(row, neighbours=_of(row, kept, known)) if row.row in known.rows else row for row in rows[:_SHOWN]]
    return (*found, *rows[_SHOWN:])


@dataclass(frozen=True)
class _Features:
    """Rows, ascending, and their features, shape [rows, width]."""

    rows: IntArray
    features: RealArray

    def of(self, rows: IntArray) -> FloatArray:
        """Features of some of them, of length one, in double precision; what is not finite is near to nothing."""
        wide = np.nan_to_num(self.features[np.searchsorted(self.rows, rows)].astype(np.float64))
        return np.asarray(wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12))


def _sampled(embeddings: AnyVectors, rows: IntArray) -> _Features:
    """Read the embeddings of some rows."""
    sample = VectorSample(rows, embeddings.width)
    for block in vector_blocks(embeddings):
        sample.take(block)
    return _Features(*sample.seen())


def _features(path: Path, rows: int) -> RealArray | None:
    """Open the features of a run, which begin with those of its dataset; None where it has none."""
    try:
        require_regular(path)
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


def _of(row: GalleryRow, kept: pa.Table, known: _Features) -> tuple[Neighbour, ...]:
    """The nearest rows of the given class, then those of the suggested one."""
    own, found = known.of(np.array([row.row]))[0], list[Neighbour]()
    for label in dict.fromkeys(label for label in (row.given, row.suggested) if label is not None):
        others = kept.filter(pc.and_(pc.equal(kept["given_label"], label), pc.not_equal(kept["row"], row.row)))
        rows = np.asarray(others["row"]).astype(np.int64)
        nearest = np.argsort(-(known.of(rows) @ own), kind="stable")[:_NEAREST]
        ids = others["sample_id"].take(pa.array(nearest)).to_pylist()
        pairs = zip(rows[nearest].tolist(), ids, strict=True)
        found += [Neighbour(row=near, sample_id=id, label=label) for near, id in pairs]
    return tuple(found)
