"""A scored run -> what a report tells of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import UNVERIFIED, BoolArray, FloatArray
from noisecleaner.export.decisions import OnFlag, Policy, decide
from noisecleaner.export.expectation import expectation
from noisecleaner.ingest.labels.cells import indices
from noisecleaner.ingest.labels.indices import disputed, verified_indices
from noisecleaner.notices import void
from noisecleaner.quality.calibration import ReliabilityBin, reliability_bins
from noisecleaner.report.contents import ClassBar, Remainder, Report, SharedImage, SkippedRows
from noisecleaner.report.gallery import worst_rows
from noisecleaner.runs.lowest import SHOWN
from noisecleaner.runs.run import Run
from noisecleaner.runs.scored_run import ScoredRun
from noisecleaner.runs.summary import PAIRED, likely_confusions, worst_classes
from noisecleaner.runs.suspects import SUSPECTS
from noisecleaner.runs.threshold_table import ThresholdLine, ThresholdTable
from noisecleaner.tables import DUPLICATES, doubles, read_table

#: Points of a curve: more are not told apart in a picture.
_POINTS = 100
#: Ids of skipped rows that are named for each reason.
_NAMED = 5
#: How label quality was made where it is a probability.
_CALIBRATED = ("audited", "planted")


def gather(run: ScoredRun, *, rows: int) -> Report:
    """Read what a report tells, but for pictures.

    Args:
        run: the scored run.
        rows: of the gallery, at most.

    Raises:
        NoisecleanerError: one of its files is missing or damaged.
    """
    summary, metadata = run.summary(), run.metadata
    calibrated = metadata.quality in _CALIBRATED and not void(metadata.notices)
    expected = _Expected.of(run) if calibrated else None
    return Report(
        dataset=metadata.source.data,
        run=str(run.path),
        day=_day(),
        versions=metadata.versions,
        summary=summary,
        remaining=tuple(_remaining(run)),
        curve=_curve(run.thresholds(), metadata.by),
        classes=_classes(run, expected),
        confusions=tuple(likely_confusions(run.batches(PAIRED), metadata.classes, len(metadata.classes) ** 2)),
        calibration=_calibration(run) if calibrated else (),
        contradicted=next((notice for notice in metadata.notices if notice.code == SUSPECTS), None),
        shared=tuple(_shared(run)),
        skipped=tuple(_skipped(run)),
        gallery=worst_rows(run.batches([*SHOWN, metadata.by]), metadata.by, rows),
    )


def _day() -> str | None:
    """When a report is made, where somebody says it: the same run gives the same bytes on any other day."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    return datetime.fromtimestamp(int(epoch), UTC).date().isoformat() if epoch.isdecimal() else None


def _remaining(run: ScoredRun) -> Iterator[Remainder]:
    """Ask what copies would hold, by what happens to flagged rows."""
    scores, metadata = run.scores(), run.metadata
    none_label = metadata.source.no_class(metadata.classes)
    for treatment in OnFlag:
        policy = Policy(on_flag=treatment)
        decisions = decide(scores, metadata.classes, policy, none_label=none_label)
        expected = expectation(scores, metadata, policy, decisions=decisions, none_label=none_label)
        yield Remainder(treatment=treatment.value, rows=int(decisions.keep.sum()), **expected._asdict())


def _curve(table: ThresholdTable, by: str) -> tuple[ThresholdLine, ...]:
    """Choose points of one column that keep different rows, evenly where there are many."""
    lines = [line for line in table.lines if line.by == by]
    different = [next(group) for _, group in groupby(lines, key=lambda line: line.kept)]
    chosen = np.unique(np.linspace(0, len(different) - 1, min(_POINTS, len(different))).round().astype(int))
    return tuple(different[place] for place in chosen)


@dataclass(frozen=True)
class _Expected:
    """What scores expect of the rows of each given label: their number, and the sum of 1 - label quality, [classes]."""

    rows: FloatArray
    wrong: FloatArray

    @classmethod
    def of(cls, run: ScoredRun) -> _Expected:
        """Sum it up, a part at a time."""
        classes = run.metadata.classes
        rows, wrong = np.zeros(len(classes)), np.zeros(len(classes))
        for batch in run.batches(["given_label", "label_quality"]):
            table = pa.table(batch)
            given, quality = indices(table["given_label"], classes), doubles(table["label_quality"])
            known = (given >= 0) & np.isfinite(quality)
            rows += np.bincount(given[known], minlength=len(classes))
            wrong += np.bincount(given[known], 1 - quality[known], len(classes))
        return cls(rows, wrong)

    def share(self, place: int) -> float | None:
        """Of one class; None where no row of it has a score."""
        return float(self.wrong[place] / self.rows[place]) if self.rows[place] else None


def _classes(run: ScoredRun, expected: _Expected | None) -> tuple[ClassBar, ...]:
    classes = run.metadata.classes
    places = {name: place for place, name in enumerate(classes)}
    return tuple(
        ClassBar(
            name=line.name,
            rows=line.rows,
            flagged=line.flagged,
            noise=line.noise,
            expected=None if expected is None else expected.share(places[line.name]),
        )
        for line in worst_classes(run.counts, run.noise, len(classes))
    )


#: What is compared: forecasts with what was verified.
_JUDGED = ("given_label", "trusted_label", "second_label", "label_quality", "judging", "skip_reason")


def _calibration(run: ScoredRun) -> tuple[ReliabilityBin, ...]:
    """Compare label quality with what was verified of the rows that judge it: those of noise.json."""
    parts = [_outcomes(pa.table(batch), run) for batch in run.batches(_JUDGED)]
    quality, right = (np.concatenate(arrays) for arrays in zip(*parts, strict=True)) if parts else (np.empty(0),) * 2
    return tuple(reliability_bins(quality, right.astype(bool)))


def _outcomes(rows: pa.Table, run: ScoredRun) -> tuple[FloatArray, BoolArray]:
    """Label quality of the rows that judge, and whether their given label is right; each of shape [judging]."""
    classes = run.metadata.classes
    none_label = run.metadata.source.no_class(classes)
    given, quality = indices(rows["given_label"], classes), doubles(rows["label_quality"])
    trusted = verified_indices(rows["trusted_label"], classes, none_label=none_label)
    judging = np.asarray(pc.and_(pc.fill_null(rows["judging"], False), pc.is_null(rows["skip_reason"])))
    judged = judging & (given >= 0) & (trusted != UNVERIFIED) & ~disputed(rows) & np.isfinite(quality)
    return quality[judged], given[judged] == trusted[judged]


def _shared(run: ScoredRun) -> Iterator[SharedImage]:
    """Find identical images with several labels, among the rows of a fit."""
    fit = Run(run.path)
    path, sealed = fit.duplicates, fit.sealed(fit.duplicates)
    if not path.exists() and sealed is None:
        return
    table, _ = read_table(path, DUPLICATES, ["sample_id", "kind", "group", "given_label"], sealed)
    identical = table.filter(pc.equal(table["kind"], "identical")).sort_by("group")
    for _, lines in groupby(identical.to_pylist(), key=lambda line: line["group"]):
        rows = tuple((line["sample_id"], line["given_label"]) for line in lines)
        if len({label for _, label in rows}) > 1:
            yield SharedImage(rows=rows)


def _skipped(run: ScoredRun) -> Iterator[SkippedRows]:
    """Name the first rows of each reason."""
    ids: dict[str, list[str]] = {reason: [] for reason in run.counts.skipped}
    for batch in run.batches(["sample_id", "skip_reason"]) if ids else ():
        lost = batch.filter(pc.is_valid(batch["skip_reason"]))
        for reason, found in ids.items():
            own = lost.filter(pc.equal(lost["skip_reason"], reason))
            found.extend(own["sample_id"].slice(0, _NAMED - len(found)).to_pylist())
    for reason, rows in sorted(run.counts.skipped.items(), key=lambda line: -line[1]):
        yield SkippedRows(reason=reason, rows=rows, ids=tuple(ids[reason]))
