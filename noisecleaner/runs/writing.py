"""Scored rows -> scores.parquet, report.parquet, noise.json and flagged.csv; `scored_run` reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from noisecleaner.arrays import BoolArray, FloatArray
from noisecleaner.files import together, write_json
from noisecleaner.ingest import Source
from noisecleaner.noise.cuts import Cut
from noisecleaner.noise.goal import Goal
from noisecleaner.noise.ranking import Rankings, rank
from noisecleaner.noise.rates import Rows, measure
from noisecleaner.noise.thresholds import TooFewVerifiedError
from noisecleaner.notices import Notice, void
from noisecleaner.progress import Progress
from noisecleaner.quality.calibration import reliability
from noisecleaner.runs.cleanlab_columns import with_cleanlab_columns
from noisecleaner.runs.cutoff import Cutoff, refuse_unranked
from noisecleaner.runs.fixes import Fixes
from noisecleaner.runs.flagged import FLAGGED, NOISE, fingerprint, keep_edited, write_flagged
from noisecleaner.runs.metadata import Metadata
from noisecleaner.runs.record import versions
from noisecleaner.runs.scored import IDENTITY, By, ScoredRows
from noisecleaner.runs.scored_run import ScoredRun
from noisecleaner.runs.second_looks import Rechecked, recheck
from noisecleaner.runs.summary import Summary
from noisecleaner.runs.threshold_table import ThresholdTable
from noisecleaner.tables import CLEANLAB, REPORT, SCORES, count_true, write_table
from noisecleaner.texts import counted

_NUMBERS = ("alpha", "beta", "alignment", "positive_share", "margin", "label_quality", "suggested_confidence")
#: Columns that report.parquet measures, where they hold numbers; and the one that is cut.
_REPORTED: tuple[By, ...] = ("label_quality", "alpha")
#: The rates of noise.json.
_RATES = ("overall", "per_given_class")
#: Rows of scores.parquet that are put together at a time.
_BATCH = 2**17


def write(
    out: Path,
    scored: ScoredRows,
    cutoff: Cutoff,
    *,
    run: Path,
    source: Source,
    fresh_labels: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Write the files and sum them up.

    Args:
        out: the directory, made where there is none.
        scored: the rows.
        cutoff: how they are flagged.
        run: the run directory of the fit, kept in the files.
        source: where the rows come from, likewise.
        fresh_labels: whether the rows hold labels that may stand in no other scores yet: those must not be lost.
        progress: is told where the scores are no better than chance; silent by default.

    Raises:
        TooFewVerifiedError: the goal cannot be reached with the verified rows; scores that are there stay. With fresh
            labels, or where there are none (a plan draws from scores), rows are flagged by the threshold instead, and
            all files are written before it is raised.
    """
    # what writing takes ends with its call: the summary reads the files again, and there may be ten million rows
    missed = _write_files(
        out, scored, cutoff, run=run, source=source, progress=progress or Progress(), fresh_labels=fresh_labels
    )
    pa.default_memory_pool().release_unused()
    if missed is not None:
        raise missed
    return ScoredRun(out).summary()


def _write_files(
    out: Path,
    scored: ScoredRows,
    cutoff: Cutoff,
    *,
    run: Path,
    source: Source,
    progress: Progress,
    fresh_labels: bool,
) -> TooFewVerifiedError | None:
    """Write the files; return why the goal is not reached, where they were written in spite of that."""
    by, scored = cutoff.by or "label_quality", scored.without_needless()
    rows, values = scored.rows(), scored.values(by)
    rechecked = recheck(scored.looks(rows.audited & rows.judging))
    if rechecked is not None:
        notice = _recheck_notice(scored, rows, rechecked)
        progress.tell(notice)
        scored = scored.noting(notice)
        rows = scored.rows() if rechecked.void else replace(rows, verifiers=rechecked.errors)
    rankings = rank(replace(rows, judging=rows.judging & ~scored.disputed))
    if rankings is not None and (doubt := rankings.doubt()) is not None:
        progress.tell(doubt)
        scored = scored.noting(doubt)
    refuse_unranked(scored, rows, by)
    cut = Cut(values, rows)
    missed = None
    try:
        threshold = cutoff.threshold_for(cut, out, model=scored.model, notices=scored.notices)
    except TooFewVerifiedError as error:
        if not fresh_labels and ScoredRun.has_scores(out):
            raise
        cutoff = cutoff.without_goal()
        threshold = cutoff.number()
        missed = error.after_writing(out, threshold=threshold)
    metadata = Metadata(
        run=run,
        source=source,
        classes=scored.classes,
        by=by,
        threshold=threshold,
        quality=scored.model,
        goal=cutoff.aim,
        versions=versions(),
        weighted=bool(np.isfinite(rows.probability[rows.audited]).any()),
        kept_noise=cut.wrong_among(threshold).kept,
        judged=int((rows.judging & rows.audited).sum()),
        notices=scored.notices,
        unused=scored.unused,
        basis=scored.basis,
        contents=scored.contents,
    ).to_json()
    flagged = flags(values, threshold, unlabelled=(rows.given < 0) & (scored.suggested >= 0))
    told = f"{counted(count_true(flagged), 'row')} of {len(flagged):,} are flagged"
    progress.detail(f"Below {threshold:g} of {by} {told}.")
    with together(out) as staged:
        parts, schema = _scores(scored, flagged), SCORES
        if cutoff.cleanlab_columns:
            parts = (with_cleanlab_columns(part, by) for part in parts)
            schema = pa.schema([*SCORES, *CLEANLAB])
        write_table(staged / "scores.parquet", parts, schema, metadata)
        write_table(staged / "report.parquet", _reports(scored, rows, by=by, cut=cut), REPORT, metadata)
        write_flagged(staged, ScoredRun(staged), top=cutoff.top)
        noise = _noise(scored, rows, rankings=rankings, rechecked=rechecked)
        fixes = None if scored.fixing is None else scored.fixing.fixes(flagged)
        more = {"corrections": _fixes(out / NOISE, noise, fixes), "flagged_csv": fingerprint(staged / FLAGGED)}
        write_json(staged / NOISE, {**noise, **more, "cut": _cut(by, threshold, cutoff.aim)})
        kept = keep_edited(out, staged)
    if kept is not None:
        progress.note(f"{out / FLAGGED} had been edited: what was in it is kept as {out / kept}.")
    return missed


def _cut(by: By, threshold: float, goal: Goal | None) -> dict[str, Any]:
    """Say where rows are cut, and why there."""
    chosen = {"goal": asdict(goal), "reason": goal.reason(threshold)} if goal else {"goal": None, "reason": None}
    return {"by": by, "threshold": threshold, **chosen}


def _fixes(before: Path, noise: Mapping[str, Any], fixes: Fixes | None) -> dict[str, Any] | None:
    """Say what corrections did, and whether the rates are those of the scores that are there, if any are."""
    if fixes is None:
        return None
    try:
        old = json.loads(before.read_bytes())
        unchanged = all(old[name] == json.loads(json.dumps(noise[name])) for name in _RATES)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):  # none, or damaged ones
        return fixes.to_json()
    return fixes.compared(unchanged=unchanged).to_json()


def _recheck_notice(scored: ScoredRows, rows: Rows, rechecked: Rechecked) -> Notice:
    """Say what second looks make of the rate that first ones tell."""
    seen, errors = rows.rate(), rechecked.errors
    ids = scored.identity["sample_id"].filter(pa.array(scored.disputed)).to_pylist()
    return rechecked.notice(ids, seen=seen, moved=seen if errors is None else errors.moved(seen))


def flags(values: FloatArray, threshold: float, *, unlabelled: BoolArray) -> pa.Array:
    """Flag the rows below a threshold, and those without a label.

    Args:
        values: what is cut, NaN where a row has no value, shape [rows].
        threshold: where it is cut.
        unlabelled: rows that have a suggestion instead of a label, shape [rows].

    Returns:
        Booleans of shape [rows], null where a row has neither a value nor a suggestion.
    """
    return pa.array((values < threshold) | unlabelled, mask=~(np.isfinite(values) | unlabelled))


def _scores(scored: ScoredRows, flagged: pa.Array) -> Iterator[pa.Table]:
    """Make the rows of scores.parquet, a part at a time."""
    classes = pa.array(scored.classes, pa.string())
    for first in range(0, len(flagged), _BATCH):
        part = slice(first, first + _BATCH)
        suggested = scored.suggested[part]
        columns = {name: scored.identity[name].slice(first, _BATCH) for name in IDENTITY}
        numbers = {name: getattr(scored, name)[part] for name in _NUMBERS}
        columns |= {name: pa.array(v, pa.float32(), from_pandas=True) for name, v in numbers.items()}
        columns |= {"suggested_label": classes.take(pa.array(suggested, mask=suggested < 0))}
        columns |= {"flagged": flagged.slice(first, _BATCH), "judging": pa.array(scored.judging[part])}
        columns |= {"sample_probability": pa.array(scored.probability[part], from_pandas=True)}
        yield pa.table({name: columns[name] for name in SCORES.names}, schema=SCORES)


def _reports(scored: ScoredRows, rows: Rows, *, by: By, cut: Cut) -> Iterator[pa.Table]:
    """Make the rows of report.parquet, of each column that holds a number."""
    measured = [name for name in _REPORTED if np.isfinite(scored.values(name)).any()]
    for name in dict.fromkeys([*measured, by]):
        yield ThresholdTable.of(name, cut if name == by else Cut(scored.values(name), rows)).to_table()


def _noise(scored: ScoredRows, rows: Rows, *, rankings: Rankings | None, rechecked: Rechecked | None) -> dict[str, Any]:
    """Make noise.json."""
    judged = rows.judging & rows.audited & ~scored.disputed & np.isfinite(rows.expected)
    calibrated = reliability(1 - rows.expected[judged], ~rows.wrong[judged])
    measured = {
        "calibration": asdict(calibrated) if calibrated else None,
        "ranking": rankings.to_json() if rankings else None,
        "verifiers": rechecked.to_json() if rechecked else None,
    }
    # what nobody may believe is not told, not even as an expectation
    model = "uncalibrated" if void(scored.notices) else scored.model
    notices = {"notices": [notice.to_json() for notice in scored.notices]}
    return {**measure(rows, scored.classes, model).to_json(), "quality": scored.model, **measured, **notices}
