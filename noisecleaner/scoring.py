"""`score`: a run -> scores.parquet, report.parquet, noise.json and flagged.csv, for the fitted rows or for new ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import UNVERIFIED, IntArray
from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import AnyPath, located, spelled
from noisecleaner.ingest import Columns, Manifest, Skip, Source, ingest, refuse_skips
from noisecleaner.ingest.same_columns import called_alike
from noisecleaner.ingest.skips import skip_notice
from noisecleaner.ingest.verified.certified import carried
from noisecleaner.ingest.verified.corrections import COLUMN, refuse_same
from noisecleaner.ingest.verified.itself import refuse_same_column
from noisecleaner.ingest.verified.second_looks import second_looks_alone
from noisecleaner.noise.goal import BY_PROBABILITY
from noisecleaner.notices import Notice, Severity
from noisecleaner.progress import Progress
from noisecleaner.quality.model import Judgements
from noisecleaner.report.writing import shown
from noisecleaner.runs.auditor import Auditor, AuditorRecord
from noisecleaner.runs.basis import Basis
from noisecleaner.runs.contents import Contents, dataset_contents
from noisecleaner.runs.cutoff import Cutoff
from noisecleaner.runs.doubts import suspected
from noisecleaner.runs.fitted_labels import FittedLabels
from noisecleaner.runs.new_rows import likeness_notices, on_their_own
from noisecleaner.runs.odd_corrections import fixing_among
from noisecleaner.runs.run import Run
from noisecleaner.runs.sample import looked_again, odd_sample, sampled_since
from noisecleaner.runs.scored import IDENTITY, ScoredRows, from_trace
from noisecleaner.runs.scored_run import ScoredRun
from noisecleaner.runs.since import as_last_scored, corrected_since
from noisecleaner.runs.summary import Summary
from noisecleaner.runs.trace import Trace
from noisecleaner.runs.writing import write
from noisecleaner.settings import Inference
from noisecleaner.texts import agreeing, counted


def score(
    run: AnyPath,
    *,
    cutoff: Cutoff | None = None,
    trusted: AnyPath | None = None,
    corrections: AnyPath | None = None,
    columns: Columns | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Score the fitted rows; write scores.parquet, report.parquet, noise.json, flagged.csv into the run.

    Args:
        run: the run directory of a finished fit.
        cutoff: which rows are flagged; those of a label quality below 0.5 by default.
        trusted: labels of fitted rows that were verified since, joined on `sample_id`; label quality is fitted again.
        corrections: labels that somebody fixed, joined likewise; exports take them, and they change no number.
        columns: how the columns of either are called (`trusted`, `trusted_id`) and what numbers among labels stand for
            (`label_names`), where that is not as in the fit.
        progress: is told what is odd; silent by default.

    Raises:
        NoisecleanerError: the run is damaged or unfinished, or it has no such column.
        TooFewVerifiedError: the goal cannot be reached with the verified rows; scores that are there stay. Without
            any, and with `trusted` or `corrections`, all is written, with the threshold of the cutoff.
    """
    run, trusted, corrections = located(run), spelled(trusted), spelled(corrections)
    refuse_same(trusted=trusted, corrections=corrections)
    opened, cutoff, progress = Run(run), cutoff or Cutoff(), progress or Progress()
    record = opened.read_fitted()
    source, notices = record.config.source, record.result.notices if record.result else ()
    trace = Trace.read(opened.trace)
    progress.detail(f"Read {counted(len(trace.table), 'row')} of {opened.trace}.")
    cutoff = _resolved(cutoff, run, transfer=trace.model == "transfer")
    named = source.columns.with_labels(columns or Columns())
    like = replace(source, columns=named).telling(trace.classes if trace.ordered else ())
    scored = replace(from_trace(trace), contents=dataset_contents(opened)).noting(*notices)
    if trusted is not None:
        if second_looks_alone(trusted, like.columns):
            scored = looked_again(_as_last(scored, run), trace, trusted, like)
        else:
            scored = sampled_since(scored, trace, trusted, like)
        if AuditorRecord.read(opened).folds > 1:  # else networks have trained on the labels that they would judge
            scored = suspected(scored, trace)
    progress.tell(*_added(scored.notices, notices))
    # what was said at the fit may be said again, of the same table
    scored = replace(scored, notices=tuple(dict.fromkeys(scored.notices)))
    if corrections is not None:
        scored = corrected_since(scored, corrections, like, progress)
    if trusted is None:
        progress.tell(*_left_behind(scored, run))
    del trace  # half of it are candidates, which nothing needs any more
    pa.default_memory_pool().release_unused()
    fresh = trusted is not None or corrections is not None
    summary = write(run, scored, cutoff, run=run, source=source, fresh_labels=fresh, progress=progress)
    return replace(summary, page=partial(shown, run))


def score_new(
    run: AnyPath,
    source: Source,
    out: AnyPath,
    *,
    trusted: AnyPath | None = None,
    corrections: AnyPath | None = None,
    cutoff: Cutoff | None = None,
    inference: Inference | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Score rows that were not fitted, without training; write the same files into `out`.

    Columns are called as at the fit, where `source` names no others and the new tables have them. Rows with a label
    that the fitted data does not know are skipped. alpha, beta and margin are null, because they tell what training did
    with a row. After a transfer, rows get labels of the target's classes suggested;
    those without a label are flagged, so that an export with `relabel` gives them the suggested one.

    Args:
        run: the run directory of a finished fit.
        source: the new rows.
        out: where to write; files of an earlier score there are replaced.
        trusted: verified labels of new rows, joined on `sample_id`; they measure the result.
        corrections: labels that somebody fixed, joined likewise; exports take them, and they change no number.
        cutoff: which rows are flagged; those of a label quality below 0.5 by default.
        inference: how the rows are looked at.
        progress: is told what happens; silent by default.

    Raises:
        NoisecleanerError: run, rows or options cannot be used; nothing is written.
        TooFewVerifiedError: the goal cannot be reached with the verified rows; scores that are there stay. Without
            any, and with `trusted` or `corrections`, all is written, with the threshold of the cutoff.
    """
    run, out, trusted, corrections = located(run), located(out), spelled(trusted), spelled(corrections)
    opened, cutoff, progress = Run(run), cutoff or Cutoff(), progress or Progress()
    if cutoff.by not in (None, "label_quality"):
        raise NoisecleanerError(
            f"New rows have no {cutoff.by}, which tells what training did with a row.", "Leave `by` out."
        )
    source.refuse_inside(out)
    if Run(out).record.exists():
        raise NoisecleanerError(
            f"Scores of new rows must not replace those of a run, but {out} is a run directory.",
            "Name another directory with `out=DIR`, or leave `out` away.",
        )
    source, taken = called_alike(source, opened.read_fitted().config.source.columns)
    progress.tell(*taken)
    if trusted is None:
        refuse_same_column(source)
    inference, scratch, source = inference or Inference(), _scratch(out), source.telling(Auditor(opened).told)
    # the rows' manifest ends with the call: what is written needs a part of it only
    alone = trusted is not None and ScoredRun.has_scores(out) and second_looks_alone(trusted, source.columns)
    before = out / "scores.parquet" if alone else None
    labels = _Labels(trusted=trusted, corrections=corrections, before=before)
    scored = _judge(opened, source, labels, inference=inference, scratch=scratch, progress=progress)
    pa.default_memory_pool().release_unused()  # what reading the tables took, up to half of the memory of their rows
    fresh = trusted is not None or corrections is not None
    summary = write(out, scored, cutoff, run=run, source=source, fresh_labels=fresh, progress=progress)
    return replace(summary, page=partial(shown, out))


def _left_behind(scored: ScoredRows, run: Path) -> tuple[Notice, ...]:
    """Say how many labels that were verified after the fit the last scores held, which these leave out."""
    if not ScoredRun.has_scores(run):
        return ()
    before = ScoredRun(run).scores(["trusted_label"])["trusted_label"]
    now = scored.identity["trusted_label"]
    lost = (len(before) - before.null_count) - (len(now) - now.null_count)
    if lost <= 0:
        return ()
    message = (
        f"{counted(lost, 'row')} verified after the fit {agreeing(lost)} in the last scores and not in these, which go "
        "back to the table of the fit: `trusted=FILE` takes them in again."
    )
    return (Notice(code="verified-since-left-out", message=message),)


def _as_last(scored: ScoredRows, out: Path) -> ScoredRows:
    """Take in what was verified by the time of the last scores, if there are any."""
    return as_last_scored(scored, ScoredRun(out)) if ScoredRun.has_scores(out) else scored


def _added(notices: Sequence[Notice], before: Sequence[Notice]) -> Iterator[Notice]:
    """Yield the notices that are more than those from before, in their order."""
    left = Counter(before)
    for notice in notices:
        if left[notice]:
            left[notice] -= 1
        else:
            yield notice


def _resolved(cutoff: Cutoff, run: Path, *, transfer: bool) -> Cutoff:
    """Choose what the threshold cuts in the rows of a transfer, where that was left open.

    Raises:
        NoisecleanerError: label quality was asked for, or what follows from it, which they do not have.
    """
    if transfer and cutoff.aim is not None and cutoff.aim.kind in BY_PROBABILITY:
        raise NoisecleanerError(
            f"{cutoff.aim.words} needs label quality, but {run} is a transfer: its rows are of other classes than the "
            "target, and it only knows how much they help.",
            "Say where alpha is cut: `threshold=0.5`.",
        )
    if transfer and cutoff.by == "label_quality":
        raise NoisecleanerError(
            f"`by='label_quality'` needs label quality, but {run} is a transfer: its rows are of other classes than "
            "the target, and it only knows how much they help.",
            "Cut by that, alpha: leave `by` out.",
        )
    return replace(cutoff, by=cutoff.by or "alpha") if transfer else cutoff


def _scratch(out: Path) -> Path:
    """Choose a folder with space for decoded images: /tmp may be small, or memory."""
    return next(folder for folder in out.absolute().parents if folder.is_dir())


@dataclass(frozen=True, kw_only=True)
class _Labels:
    """Where labels of new rows stand, if somebody verified or corrected some; `before` holds first looks."""

    trusted: str | None
    corrections: str | None
    before: Path | None


def _judge(
    run: Run, source: Source, labels: _Labels, *, inference: Inference, scratch: Path, progress: Progress
) -> ScoredRows:
    """Read rows that were not fitted, and let the auditor of a run judge them."""
    auditor = Auditor(run)
    fitted = FittedLabels.of(Trace.read(run.trace, ["given_label"]).table["given_label"], auditor.classes)
    dataset, beside = ingest(
        source, labels.trusted, auditor.classes, corrections=labels.corrections, before=labels.before
    )
    if auditor.quality.method == "transfer":
        dataset = dataset.keeping_unlabelled()
    if inference.strict:
        refuse_skips(dataset)
    places = _places(run, dataset.table["sample_id"])
    network = auditor.unseen_by(places)
    dataset = dataset.noting(
        *_left_out(beside, source.data),
        *_fitted_before(run, places, network),
        *fitted.lost(unlabelled=dataset.skips().get(Skip.NO_LABEL, 0), rows=len(dataset)),
    )
    progress.detail(f"Read {counted(len(dataset), 'row')} of {source.data}.")
    progress.tell(*dataset.notices)
    read = len(dataset.notices)
    contents = Contents.of_images([dataset], source)
    judged = auditor.judge(dataset, inference, network=network, scratch=scratch, progress=progress)
    dataset = judged.dataset
    progress.tell(*dataset.notices[read:])
    if inference.strict:
        refuse_skips(dataset)
    if (skipped := skip_notice(dataset)) is not None:
        progress.tell(skipped)
        dataset = dataset.noting(skipped)
    scored = replace(_scored(dataset, judged.judgements, auditor), unused=fitted.unused, basis=_basis(run, auditor))
    scored = replace(scored, contents=contents.adding(judged.vectors).parts[0])
    if labels.corrections is not None:
        made = np.flatnonzero(np.asarray(pc.is_valid(scored.identity[COLUMN])) & ~carried(scored.identity))
        scored = replace(scored, fixing=fixing_among(scored, made, fresh=np.ones(len(made), dtype=bool)))
    scored = scored.noting(*odd_sample(scored, dataset.empty))
    known_by_heart = scored.judging & (places >= 0) & (network < 0)
    scored = scored if known_by_heart.any() else on_their_own(scored)
    scored = scored.noting(*likeness_notices(judged, auditor, scored))
    progress.tell(*scored.notices[len(dataset.notices) :])
    return scored


def _scored(dataset: Manifest, judgements: Judgements, auditor: Auditor) -> ScoredRows:
    unknown = np.full(len(dataset), np.nan, np.float32)
    return ScoredRows(
        identity=dataset.table.select(list(IDENTITY)),
        alpha=unknown,
        beta=unknown,
        margin=unknown,
        alignment=unknown,
        positive_share=unknown,
        label_quality=judgements.quality,
        suggested=judgements.suggested,
        suggested_confidence=judgements.confidence,
        judging=(dataset.given >= 0) & (dataset.trusted != UNVERIFIED),
        probability=dataset.sample_probability,
        classes=auditor.classes,
        model=auditor.quality.method_for(new=True),
        notices=dataset.notices,
        none_label=dataset.none_label,
    )


def _basis(run: Run, auditor: Auditor) -> Basis | None:
    """Count the fitted rows that label quality of new rows was calibrated on; None where none calibrated it."""
    result = run.read_fitted().result
    audited = auditor.quality.method_for(new=True) == "audited"
    return Basis(rows=result.judging, data="fitted") if audited and result else None


def _left_out(beside: Manifest | None, data: str) -> tuple[Notice, ...]:
    """Say so where verified rows are not among the new ones: there is nothing left to steer."""
    count = 0 if beside is None else int((beside.trusted != UNVERIFIED).sum())
    if not count:
        return ()
    message = (
        f"{counted(count, 'verified row')} {agreeing(count)} not among the rows of {data}: nothing is measured by "
    )
    message += f"{agreeing(count, 'it, and it is', 'them, and they are')} left out."
    return (Notice(code="verified-elsewhere", message=message),)


def _places(run: Run, ids: pa.ChunkedArray) -> IntArray:
    """Find the place of each row in the fitted dataset, by its id; -1 where it was not there, shape [rows]."""
    fitted = Trace.read(run.trace, ["sample_id"]).table["sample_id"].combine_chunks()
    return np.asarray(pc.fill_null(pc.index_in(ids, value_set=fitted), -1)).astype(np.int64)


def _fitted_before(run: Run, fitted: IntArray, network: IntArray) -> tuple[Notice, ...]:
    """Say so when rows are not new, and whether networks judge them that have trained on their labels."""
    count = int((fitted >= 0).sum())
    if not count:
        return ()
    found, honest = (
        f"{count:,} of {len(fitted):,} sample ids belong to rows that were fitted",
        f"score({str(run.path)!r})",
    )
    if (network[fitted >= 0] >= 0).all():
        message = f"{found}; each of them is judged by the one network that did not train on it. What training saw of "
        message += f"them is in `{honest}`."
        return (Notice(code="rows-were-fitted", message=message, severity=Severity.NOTE),)
    message = f"{found}; their labels were trained on, so these scores trust them too much. Honest ones: `{honest}`"
    return (Notice(code="rows-were-fitted", message=message),)
