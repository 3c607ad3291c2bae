"""`export_clean`: scores and the dataset they belong to -> a clean copy. The input is never touched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import counted_by_class
from noisecleaner.errors import NoisecleanerError
from noisecleaner.export.copying import Copy
from noisecleaner.export.decisions import Decisions, Policy, decide
from noisecleaner.export.expectation import Expectation, expectation
from noisecleaner.export.formats import Format, chosen_for, rows_alone, writer_of
from noisecleaner.export.image_places import image_root
from noisecleaner.export.nothing_left import refuse_nothing
from noisecleaner.files import AnyPath, located, refuse_existing, replacing, seal_folder, spelled, write_json
from noisecleaner.ingest import Manifest, Source, read_manifest
from noisecleaner.ingest.columns import CERTIFIED, FLAGGED, NOTES, noted
from noisecleaner.ingest.files.copy_record import CopyRecord
from noisecleaner.ingest.files.kinds import HIDDEN_FILE, OWN_FILE
from noisecleaner.ingest.raw import with_images
from noisecleaner.ingest.verified.corrections import COLUMN, CorrectedRows, correct, read_corrections
from noisecleaner.notices import Notice
from noisecleaner.progress import Progress
from noisecleaner.runs.contents import refuse_other_scored
from noisecleaner.runs.fixes import Fixes, Fixing
from noisecleaner.runs.odd_corrections import likeliest
from noisecleaner.runs.scored import By
from noisecleaner.runs.scored_run import ScoredRun


@dataclass(frozen=True)
class ExportResult:
    """What `export_clean` wrote, or would write.

    Args:
        path: the new directory.
        format: what it holds.
        rows: rows of the dataset.
        written: rows of the copy.
        dropped: flagged rows left out.
        relabelled: flagged rows with their suggested label.
        corrected: rows that carry their correction, flagged or not.
        verified: other rows that carry their verified label, flagged or not.
        no_class: rows of which somebody said that no class is right, left out.
        skipped: rows without a score, left out.
        empty_classes: classes that rows were given, and of which none is left.
        expectation: how much of the copy is wrong.
        by: the column that is cut, the one that `score` cut.
        threshold: rows below it are flagged, as are those without a label.
        splits: rows of the copy by split; empty where the dataset has none.
        left_out: rows that are not in the copy by reason: a value of `LeftOut`, or why they have no score.
        image_root: the folder (or its URI) that images stay in, where the copy only names them; else None.
        fixes: what the table of corrections does; None without one.
        tables: the files of rows, where images stay in place; empty in other formats, and before they are written.
    """

    path: Path
    format: Format
    rows: int
    written: int
    dropped: int
    relabelled: int
    corrected: int
    verified: int
    no_class: int
    skipped: int
    empty_classes: list[str]
    expectation: Expectation
    by: By
    threshold: float
    splits: Mapping[str, int] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)
    image_root: str | None = None
    fixes: Fixes | None = None
    tables: tuple[Path, ...] = ()

    @property
    def empty_splits(self) -> list[str]:
        """The splits of which no row is left."""
        return [name for name, rows in self.splits.items() if not rows]


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
    refuse_existing(out)
    run, policy = ScoredRun(scored), policy or Policy()
    policy.refuse_unsuited(run.metadata)
    source = with_images(replace(run.metadata.source, data=spelled(data) or run.metadata.source.data))
    manifest = read_manifest(source, run.metadata.classes)
    _refuse_changed(manifest, run, source)
    manifest = manifest.compact()
    pa.default_memory_pool().release_unused()  # what reading took: there may be ten million rows
    scores = run.compact_scores(like=manifest.table)
    refuse_other_scored(run.metadata.contents, manifest, scored=scored, data=source.data)
    source.refuse_inside(out)
    notices: tuple[Notice, ...] = ()
    fixes = None
    if corrections is not None:
        told = source.telling(manifest.classes if manifest.ordered else ())
        named = read_corrections(spelled(corrections), told, manifest.classes)
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
    result = _result(out, Format(format), decisions, manifest=manifest, expected=expected, by=by, threshold=cut)
    root = image_root(copy) if rows_alone(format) else None
    result = replace(result, splits=copy.structure.counts(copy.keep), left_out=counts, image_root=root, fixes=fixes)
    del decisions, scores, expected  # what is copied is held by the copy, and the rest is told
    pa.default_memory_pool().release_unused()
    return result if dry_run else _written(result, copy, record, policy, made_of=run.identity, progress=progress)


def _written(
    result: ExportResult, copy: Copy, record: CopyRecord, policy: Policy, *, made_of: str | None, progress: Progress
) -> ExportResult:
    """Write a copy, and what it tells of itself beside its rows; `made_of` is the identity of the scores."""
    out, alone = result.path, rows_alone(result.format)
    with replacing(out) as folder:
        folder.mkdir(parents=True)
        with progress.stage("Copying", result.written, "rows") as stage:
            said = writer_of(result.format).write(folder, copy, stage) or ()
        record = record.after(CopyRecord.beside(copy.source.data))
        if alone:
            tables = tuple(out / file.relative_to(folder) for file in sorted(folder.rglob("*.*")))
            result = replace(result, tables=tables)
        told = {**_noise(result, policy), **record.to_json()}
        write_json(folder / (HIDDEN_FILE if alone else OWN_FILE), told)
        seal_folder(folder, kind="export", progress=progress, made_of=made_of)
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


def _noise(result: ExportResult, policy: Policy) -> dict[str, Any]:
    """Describe how much of a copy is wrong as a JSON object."""
    return {
        "schema_version": 1,
        "rows": result.rows,
        "written": result.written,
        "dropped": result.dropped,
        "relabelled": result.relabelled,
        "corrected": result.corrected,
        "verified": result.verified,
        "on_flag": policy.on_flag.value,
        "by": result.by,
        "threshold": result.threshold,
        "image_root": result.image_root,
        "expected_noise": result.expectation.noise.to_json(),
        "reason": result.expectation.reason or None,
        "corrections_agreeing_with_scores": result.expectation.agreeing,
        "expected_noise_of_other_rows": result.expectation.others.to_json(),
        "corrections": result.fixes.to_json() if result.fixes else None,
    }


def _result(
    out: Path,
    format: Format,
    decisions: Decisions,
    *,
    manifest: Manifest,
    expected: Expectation,
    by: By,
    threshold: float,
) -> ExportResult:
    given = set(pc.unique(manifest.table["given_label"]).to_pylist())
    left = counted_by_class(decisions.labels, len(manifest.classes), decisions.keep)
    return ExportResult(
        path=out,
        format=format,
        rows=len(decisions.keep),
        written=int(decisions.keep.sum()),
        dropped=int(decisions.dropped.sum()),
        relabelled=int(decisions.relabelled.sum()),
        corrected=int(decisions.corrected.sum()),
        verified=int(decisions.verified.sum()),
        no_class=int(decisions.no_class.sum()),
        skipped=int(decisions.skipped.sum()),
        empty_classes=[name for name, rows in zip(manifest.classes, left, strict=True) if name in given and not rows],
        expectation=expected,
        by=by,
        threshold=threshold,
    )
