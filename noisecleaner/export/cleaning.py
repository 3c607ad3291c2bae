"""`export_clean`: scores and the dataset they belong to -> a clean copy. The input is never touched."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.errors import NoisecleanerError
from noisecleaner.export.copying import Copy
from noisecleaner.export.decisions import Decisions, Policy, decide
from noisecleaner.export.expectation import expectation
from noisecleaner.export.formats import Format, chosen_for, rows_alone, writer_of
from noisecleaner.export.image_places import image_root
from noisecleaner.export.nothing_left import refuse_nothing
from noisecleaner.export.result import ExportResult, result_of
from noisecleaner.files import (
    AnyPath,
    alone,
    located,
    refuse_existing,
    replacing,
    seal_folder,
    shared,
    spelled,
    write_json,
)
from noisecleaner.ingest import Manifest, Source, read_manifest
from noisecleaner.ingest.columns import CERTIFIED, FLAGGED, NOTES, noted
from noisecleaner.ingest.files.copy_record import CopyRecord
from noisecleaner.ingest.files.kinds import HIDDEN_FILE, OWN_FILE
from noisecleaner.ingest.raw import with_images
from noisecleaner.ingest.verified.corrections import COLUMN, CorrectedRows, correct, read_corrections
from noisecleaner.notices import Notice, doubts
from noisecleaner.progress import Progress
from noisecleaner.runs.contents import refuse_other_scored
from noisecleaner.runs.fixes import Fixes, Fixing
from noisecleaner.runs.odd_corrections import likeliest
from noisecleaner.runs.scored_run import ScoredRun


def export_clean(
    scored: AnyPath,
    out: AnyPath,
    *,
    policy: Policy | None = None,
    format: str = "same",
    data: AnyPath | None = None,
    corrections: AnyPath | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> ExportResult:
    """Write a clean copy of a dataset: flagged rows dropped, relabelled or kept, others as corrected or verified.

    Columns `nc_given_label`, `nc_label_quality`, … tell for each row what was known. Images are copied byte by
    byte. Rows that could not be scored are left out. `nc_verified` marks rows that carry a verified label or a
    correction: they cannot measure how much of the copy is wrong. How much to expect stands in noisecleaner.json, with
    the ids of all rows that were left out, by reason, and the names of the classes if those came from elsewhere. Beside
    tables of text it is hidden (.noisecleaner.json): readers of JSON would take it for rows.

    Args:
        scored: a directory with scores.parquet: a run, or the output of `score --data`.
        out: a directory that does not exist yet.
        policy: what happens to flagged rows; they are dropped by default.
        format: a file of `export/formats/`; "same" writes what the dataset was.
        data: where the dataset is now, if it has moved since the fit.
        corrections: table with labels that somebody fixed, joined on `sample_id`, over those of the scores.
        dry_run: only count.
        progress: is told about the rows as they are copied.

    Raises:
        NoisecleanerError: there are no scores, the dataset has changed since, or `out` cannot be used.
    """
    scored, out, progress = located(scored), located(out), progress or Progress()
    writer_of(format)  # refuses an unknown one before anything is read
    with nullcontext() if dry_run else alone(out, work="export-clean", progress=progress):
        refuse_existing(out)
        with shared(scored, work="export-clean", progress=progress):
            draft = _drafted(
                ScoredRun(scored),
                out,
                policy or Policy(),
                format=format,
                data=spelled(data),
                corrections=spelled(corrections),
                progress=progress,
            )
        # the scores are in memory: who writes them again needs not wait until images are copied
        return draft.result if dry_run else _written(draft, policy or Policy(), progress)


@dataclass(frozen=True)
class _Draft:
    """A copy that nobody has written yet.

    Args:
        result: what it will be.
        copy: the rows.
        record: what it tells of itself.
        made_of: the identity of the scores.
    """

    result: ExportResult
    copy: Copy
    record: CopyRecord
    made_of: str | None


def _drafted(
    run: ScoredRun,
    out: Path,
    policy: Policy,
    *,
    format: str,
    data: str | None,
    corrections: str | None,
    progress: Progress,
) -> _Draft:
    """Decide what a copy holds; arguments are those of `export_clean`."""
    policy.refuse_unsuited(run.metadata)
    source = with_images(replace(run.metadata.source, data=data or run.metadata.source.data))
    manifest = read_manifest(source, run.metadata.classes)
    _refuse_changed(manifest, run, source)
    manifest = manifest.compact()
    pa.default_memory_pool().release_unused()  # what reading took: there may be ten million rows
    scores = run.compact_scores(like=manifest.table)
    refuse_other_scored(run.metadata.contents, manifest, scored=run.path, data=source.data)
    source.refuse_inside(out)
    notices: tuple[Notice, ...] = ()
    fixes = None
    if corrections is not None:
        told = source.telling(manifest.classes if manifest.ordered else ())
        named = read_corrections(corrections, told, manifest.classes)
        corrected = correct(scores, named, likeliest(scores))
        fixes = _fixes(run, scores, corrected, manifest.none_label)
        scores, notices = corrected.rows, corrected.notices
        progress.tell(*notices)
    decisions = decide(scores, manifest.classes, policy, by=run.metadata.by, none_label=manifest.none_label)
    pa.default_memory_pool().release_unused()
    expected = expectation(
        scores, run.metadata, policy, decisions=decisions, none_label=manifest.none_label, doubts=notices
    )
    pa.default_memory_pool().release_unused()
    notes = _notes(scores, decisions)
    copy = Copy(manifest=manifest, source=source, labels=decisions.labels, keep=decisions.keep, notes=notes)
    format = chosen_for(copy, format)
    copy.refuse_unwritable()
    record = _record(copy, decisions, format)
    counts = {why: len(ids) for why, ids in record.left_out.items()}
    refuse_nothing(counts, rows=len(manifest), data=source.data)
    progress.tell(*policy.notices(scores, run.metadata.by))
    by, cut = run.metadata.by, policy.number(scores, run.metadata)
    result = result_of(out, Format(format), decisions, manifest=manifest, expected=expected, by=by, threshold=cut)
    root = image_root(copy) if rows_alone(format) else None
    doubtful = _doubts(run, result)
    progress.tell(*doubtful)
    result = replace(result, splits=copy.structure.counts(copy.keep), left_out=counts, image_root=root)
    result = replace(result, fixes=fixes, notices=doubtful)
    del decisions, scores, expected  # what is copied is held by the copy, and the rest is told
    pa.default_memory_pool().release_unused()
    return _Draft(result, copy, record, run.identity)


def _doubts(run: ScoredRun, result: ExportResult) -> tuple[Notice, ...]:
    """What makes the scores doubtful, where rows are dropped or relabelled by them, and it is not told already."""
    if not result.dropped + result.relabelled:
        return ()
    return tuple(notice for notice in doubts(run.metadata.notices) if notice.message != result.expectation.reason)


def _written(draft: _Draft, policy: Policy, progress: Progress) -> ExportResult:
    """Write a copy, and what it tells of itself beside its rows."""
    result, copy, record = draft.result, draft.copy, draft.record
    out, tables_alone = result.path, rows_alone(result.format)
    with replacing(out) as folder:
        folder.mkdir(parents=True)
        with progress.stage("Copying", result.written, "rows") as stage:
            said = writer_of(result.format).write(folder, copy, stage) or ()
        record = record.after(CopyRecord.beside(copy.source.data))
        if tables_alone:
            tables = tuple(out / file.relative_to(folder) for file in sorted(folder.rglob("*.*")))
            result = replace(result, tables=tables)
        told = {**result.to_json(policy), **record.to_json()}
        write_json(folder / (HIDDEN_FILE if tables_alone else OWN_FILE), told)
        seal_folder(folder, kind="export", progress=progress, made_of=draft.made_of)
    progress.tell(*said)
    return result


def _fixes(run: ScoredRun, before: pa.Table, corrected: CorrectedRows, none_label: str | None) -> Fixes:
    """Count what a table of corrections does: no rate hears of it.

    Args:
        run: whose scores may have been made with the same table: then they know what was suggested before.
        before: the scores.
        corrected: with the corrections.
        none_label: the verified label that says that none of the classes is right; None where no label can.
    """
    old, rows = before.take(corrected.places), corrected.rows.take(corrected.places)
    fresh = np.asarray(pc.is_null(old[COLUMN]))
    suggested = old["suggested_label"]
    fixing = Fixing(rows=rows, places=corrected.places, suggested=suggested, fresh=fresh, none_label=none_label)
    fixes = fixing.fixes(before["flagged"])
    known = None if fresh.any() else run.fixes
    return (fixes if known is None or not fixes.same_rows(known) else known).compared(unchanged=True)


def _refuse_changed(manifest: Manifest, run: ScoredRun, source: Source) -> None:
    for name, what in (("sample_id", "sample ids"), ("given_label", "labels")):
        first, same = 0, True
        for batch in run.batches([name]):
            part = manifest.table[name].slice(first, len(batch))
            same, first = same and part.equals(pa.chunked_array([batch[name]])), first + len(batch)
        if not same or first != len(manifest):
            raise NoisecleanerError(
                f"The scores in {run.path} must belong to {source.data}, but its {what} have changed since.",
                "Run `fit()` again, or name the fitted data with `data`.",
            )


def _record(copy: Copy, decisions: Decisions, format: str) -> CopyRecord:
    """Say which rows the copy leaves out, and what its numbers stand for."""
    ids, columns = copy.manifest.table["sample_id"], copy.source.columns
    left_out = {why: ids.filter(pa.array(rows)).combine_chunks() for why, rows in decisions.left_out()}
    names = columns.told or (copy.cells.names if rows_alone(format) and columns.label in copy.owner else ())
    return CopyRecord(left_out=left_out, label=columns.label, label_names=names)


def _notes(scores: pa.Table, decisions: Decisions) -> pa.Table:
    made = {FLAGGED: pa.array(decisions.flagged), CERTIFIED: pa.array(decisions.verified | decisions.corrected)}
    return pa.table({**{noted(name): scores[name] for name in NOTES}, **made})
