"""Scored rows -> scores.parquet, report.parquet, noise.json and flagged.csv; `scored_run` reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from noisecleaner.arrays import BoolArray, RealArray
from noisecleaner.files import read_regular, together, write_json
from noisecleaner.ingest import Source
from noisecleaner.noise.cuts import Cut
from noisecleaner.noise.goal import Goal
from noisecleaner.noise.thresholds import TooFewVerifiedError
from noisecleaner.notices import Notice
from noisecleaner.progress import Progress
from noisecleaner.runs.assessment import Assessment
from noisecleaner.runs.cleanlab_columns import with_cleanlab_columns
from noisecleaner.runs.cut_notices import one_sided, tied
from noisecleaner.runs.cutoff import Cutoff, refuse_unranked
from noisecleaner.runs.edited import FLAGGED, NOISE, fingerprint
from noisecleaner.runs.fixes import Fixes
from noisecleaner.runs.flagged import keep_edited, write_flagged
from noisecleaner.runs.metadata import Metadata
from noisecleaner.runs.record import versions
from noisecleaner.runs.run import SEALED
from noisecleaner.runs.score_files import seal_scores
from noisecleaner.runs.scored import IDENTITY, By, ScoredRows
from noisecleaner.runs.scored_run import ScoredRun
from noisecleaner.runs.summary import Summary
from noisecleaner.runs.threshold_table import ThresholdTable
from noisecleaner.tables import CLEANLAB, REPORT, SCORES, count_true, write_table
from noisecleaner.texts import counted, parsed_json

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
    assessed = Assessment.of(scored.without_needless(), progress)
    flagging = _Flagging.of(assessed, cutoff, out, fresh_labels=fresh_labels)
    progress.detail(flagging.words())
    progress.tell(*flagging.notices)
    metadata = _metadata(flagging, run=run, source=source).to_json()
    with together(out) as staged:
        _stage_tables(staged, flagging, metadata)
        _stage_noise(staged, flagging, before=out / NOISE)
        seal_scores(staged, of=run)
        kept = keep_edited(out, staged)
    if kept is not None:
        progress.note(f"{out / FLAGGED} had been edited: what was in it is kept as {out / kept}.")
    return flagging.missed


@dataclass(frozen=True, kw_only=True)
class _Flagging:
    """Where assessed rows are cut, and which are flagged by that.

    Args:
        assessed: the rows.
        cutoff: what was asked; without its goal where that cannot be reached.
        cut: the rows in the order of the column that is cut.
        threshold: where it is cut.
        flagged: booleans of shape [rows], see `flags`.
        missed: why the goal is not reached; None where it is, or where there is none.
        notices: what must be said of the cut; the rows have them, too.
    """

    assessed: Assessment
    cutoff: Cutoff
    cut: Cut
    threshold: float
    flagged: pa.Array
    missed: TooFewVerifiedError | None
    notices: tuple[Notice, ...]

    @classmethod
    def of(cls, assessed: Assessment, cutoff: Cutoff, out: Path, *, fresh_labels: bool) -> _Flagging:
        """Choose the threshold, and flag rows; see `write`."""
        scored, rows, by = assessed.scored, assessed.rows, _column(cutoff)
        refuse_unranked(scored, rows, by)
        values = scored.singles(by)
        cut, missed = Cut(values, rows), None
        notices: tuple[Notice, ...] = ()
        try:
            threshold = cutoff.threshold_for(cut, out, model=scored.model, notices=scored.notices)
        except TooFewVerifiedError as error:
            if not fresh_labels and ScoredRun.has_scores(out):
                raise
            cutoff = cutoff.without_goal()
            threshold = cutoff.number()
            missed = error.after_writing(out, threshold=threshold)
        else:
            notices = _of_cut(cutoff, cut.values, threshold)
        flagged = flags(values, threshold, unlabelled=(rows.given < 0) & (scored.suggested >= 0))
        return cls(
            assessed=replace(assessed, scored=scored.noting(*notices)),
            cutoff=cutoff,
            cut=cut,
            threshold=threshold,
            flagged=flagged,
            missed=missed,
            notices=notices,
        )

    @property
    def by(self) -> By:
        """The column that is cut."""
        return _column(self.cutoff)

    def words(self) -> str:
        """Say how many rows are flagged."""
        told = f"{counted(count_true(self.flagged), 'row')} of {len(self.flagged):,} are flagged"
        return f"Below {self.threshold:g} of {self.by} {told}."


def _of_cut(cutoff: Cutoff, values: RealArray, threshold: float) -> tuple[Notice, ...]:
    """What must be said of a cut of such values, ascending, shape [known rows]."""
    by, aim = _column(cutoff), cutoff.aim
    found = one_sided(values, cutoff.threshold, by) if aim is None else tied(values, threshold, aim, by)
    return () if found is None else (found,)


def _column(cutoff: Cutoff) -> By:
    return cutoff.by or "label_quality"


def _metadata(flagging: _Flagging, *, run: Path, source: Source) -> Metadata:
    """Say what stands beside the rows of both tables."""
    scored = flagging.assessed.scored
    return Metadata(
        run=run,
        source=source,
        classes=scored.classes,
        by=flagging.by,
        threshold=flagging.threshold,
        quality=scored.model,
        goal=flagging.cutoff.aim,
        versions=versions(),
        weighted=flagging.assessed.weighted,
        kept_noise=flagging.cut.wrong_among(flagging.threshold).kept,
        judged=flagging.assessed.judged,
        notices=scored.notices,
        unused=scored.unused,
        basis=scored.basis,
        contents=scored.contents,
    )


def _stage_tables(staged: Path, flagging: _Flagging, metadata: dict[str, Any]) -> None:
    """Write the tables into a folder that takes its place as a whole."""
    parts, schema = _scores(flagging.assessed.scored, flagging.flagged), SCORES
    metadata = {**metadata, SEALED: True}
    if flagging.cutoff.cleanlab_columns:
        parts = (with_cleanlab_columns(part, flagging.by) for part in parts)
        schema = pa.schema([*SCORES, *CLEANLAB])
    write_table(staged / "scores.parquet", parts, schema, metadata)
    write_table(staged / "report.parquet", _reports(flagging), REPORT, metadata)
    write_flagged(staged, ScoredRun(staged, sealed=False), top=flagging.cutoff.top)


def _stage_noise(staged: Path, flagging: _Flagging, *, before: Path) -> None:
    """Write noise.json beside the tables; `before` is the one that it replaces, if there is one."""
    fixing, noise = flagging.assessed.scored.fixing, flagging.assessed.to_json()
    fixes = None if fixing is None else fixing.fixes(flagging.flagged)
    more = {"corrections": _fixes(before, noise, fixes), "flagged_csv": fingerprint(staged / FLAGGED)}
    cut = _cut(flagging.by, flagging.threshold, flagging.cutoff.aim)
    write_json(staged / NOISE, {**noise, **more, "cut": cut})


def _cut(by: By, threshold: float, goal: Goal | None) -> dict[str, Any]:
    """Say where rows are cut, and why there."""
    chosen = {"goal": asdict(goal), "reason": goal.reason(threshold)} if goal else {"goal": None, "reason": None}
    return {"by": by, "threshold": threshold, **chosen}


def _fixes(before: Path, noise: Mapping[str, Any], fixes: Fixes | None) -> dict[str, Any] | None:
    """Say what corrections did, and whether the rates are those of the scores that are there, if any are."""
    if fixes is None:
        return None
    try:
        old = parsed_json(read_regular(before))
        unchanged = all(old[name] == json.loads(json.dumps(noise[name])) for name in _RATES)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):  # none, or damaged ones
        return fixes.to_json()
    return fixes.compared(unchanged=unchanged).to_json()


def flags(values: RealArray, threshold: float, *, unlabelled: BoolArray) -> pa.Array:
    """Flag the rows below a threshold, and those without a label.

    Args:
        values: what is cut, NaN where a row has no value, shape [rows].
        threshold: where it is cut.
        unlabelled: rows that have a suggestion instead of a label, shape [rows].

    Returns:
        Booleans of shape [rows], null where a row has neither a value nor a suggestion.
    """
    # in double precision, block by block: a threshold is not rounded to single precision
    below = np.less(values, threshold, signature="dd->?")
    return pa.array(below | unlabelled, mask=~(np.isfinite(values) | unlabelled))


def _scores(scored: ScoredRows, flagged: pa.Array) -> Iterator[pa.Table]:
    """Make the rows of scores.parquet, a part at a time."""
    classes = pa.array(scored.classes, pa.string())
    for first in range(0, len(flagged), _BATCH):
        part = slice(first, first + _BATCH)
        suggested = scored.suggested[part]
        own = scored.identity.slice(first, _BATCH)
        columns = {name: own[name].cast(SCORES.field(name).type) for name in IDENTITY}
        numbers = {name: getattr(scored, name)[part] for name in _NUMBERS}
        columns |= {name: pa.array(v, pa.float32(), from_pandas=True) for name, v in numbers.items()}
        columns |= {"suggested_label": classes.take(pa.array(suggested, mask=suggested < 0))}
        columns |= {"flagged": flagged.slice(first, _BATCH), "judging": pa.array(scored.judging[part])}
        columns |= {"sample_probability": pa.array(scored.probability[part], from_pandas=True)}
        yield pa.table({name: columns[name] for name in SCORES.names}, schema=SCORES)


def _reports(flagging: _Flagging) -> Iterator[pa.Table]:
    """Make the rows of report.parquet, of each column that holds a number."""
    scored, rows = flagging.assessed.scored, flagging.assessed.rows
    measured = [name for name in _REPORTED if np.isfinite(scored.singles(name)).any()]
    for name in dict.fromkeys([*measured, flagging.by]):
        cut = flagging.cut if name == flagging.by else Cut(scored.singles(name), rows)
        yield ThresholdTable.of(name, cut).to_table()
