"""A scored run -> what a person is asked of its flagged rows: is the given label right, or the suggested one?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import BoolArray, IntArray
from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Manifest, Source, read_manifest
from noisecleaner.pages.dataset import moved, pictured, refuse_changed
from noisecleaner.review.sheet import FlaggedRow, Kind, Sheet
from noisecleaner.runs.lowest import SHOWN, finite, lowest
from noisecleaner.runs.scored_run import ScoredRun
from noisecleaner.texts import agreeing, counted


def flagged(run: ScoredRun, data: Source | None, *, most: int) -> tuple[Sheet, Manifest]:
    """Choose flagged rows that nobody has verified or corrected, the worst ones.

    Args:
        run: the scored run.
        data: where its dataset is, if it has moved.
        most: rows to choose.

    Returns:
        What is asked, pairs of given and suggested label together, frequent ones first; and the dataset.

    Raises:
        NoisecleanerError: there is no such row, or the dataset is not there or has changed.
    """
    classes, by = run.metadata.classes, run.metadata.by
    source = pictured(moved(run.metadata.source, data))
    chosen = lowest(run.batches([*SHOWN, by]), by, most, lambda batch, _: _open(batch, classes))
    if not len(chosen.numbers) or chosen.table is None:
        raise NoisecleanerError(
            f"Rows to correct are flagged ones that nobody has looked at, but {run.path} has none of "
            f"{counted(run.counts.flagged, 'flagged row')}.",
            "Look at random ones instead: `plan(RUN, out=FILE)`, then `review(FILE, out=PAGE)`.",
        )
    manifest = read_manifest(source, classes)
    refuse_changed(manifest, run, source)
    places = {name: place for place, name in enumerate(classes)}
    rows = tuple(_row(cells, places, cells[by]) for cells in chosen.table.to_pylist())
    order = _by_pair(rows)
    sheet = Sheet(
        kind=Kind.FIX,
        classes=classes,
        none_label=source.no_class(classes),
        rows=rows,
        order=order,
        numbers=chosen.numbers[order],
        source=source,
        by=by,
        aside=_aside(shown=len(rows), of=chosen.of, flagged=run.counts.flagged),
        back=f"`export_clean({str(run.path)!r}, out=DIR, corrections={f'{Kind.FIX.table}.csv'!r})`",
    )
    return sheet, manifest


def _open(batch: pa.RecordBatch, classes: Sequence[str]) -> BoolArray:
    """Flagged rows of a known class that nobody has verified or corrected."""
    looked_at = pc.or_(pc.is_valid(batch["trusted_label"]), pc.is_valid(batch["corrected_label"]))
    wanted = pc.and_(
        pc.fill_null(batch["flagged"], fill_value=False), pc.is_in(batch["given_label"], pa.array(classes))
    )
    return np.asarray(pc.and_(wanted, pc.invert(looked_at)))


def _row(cells: Mapping[str, Any], places: Mapping[str, int], value: float | None) -> FlaggedRow:
    given, suggested = places[cells["given_label"]], places.get(cells["suggested_label"])
    confidence = cells["suggested_confidence"]
    return FlaggedRow(
        sample_id=cells["sample_id"],
        given=given,
        suggested=None if suggested == given else suggested,
        value=finite(value),
        confidence=finite(confidence),
    )


def _by_pair(rows: tuple[FlaggedRow, ...]) -> IntArray:
    """Put rows of one pair together, frequent pairs first, the worst rows of a pair first."""
    pairs = [(row.given, row.suggested) for row in rows]
    counts, first = Counter(pairs), {pair: place for place, pair in reversed(list(enumerate(pairs)))}
    return np.array(sorted(range(len(rows)), key=lambda row: (-counts[pairs[row]], first[pairs[row]], row)), np.int64)


def _aside(*, shown: int, of: int, flagged: int) -> str:
    """Say which flagged rows are not shown."""
    known = flagged - of
    parts = [f"The worst {shown:,} of {of:,} flagged rows."] if shown < of else []
    if known:
        parts.append(f"{counted(known, 'flagged row')} {agreeing(known)} verified or corrected already: not shown.")
    return " ".join(parts)
