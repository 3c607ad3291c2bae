"""`score`: a run -> scores.parquet, report.parquet, noise.json and flagged.csv, for the fitted rows or for new ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

import pyarrow as pa

from noisecleaner.engines import is_elsewhere
from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import AnyPath, alone, located, shared, spelled
from noisecleaner.ingest import Columns, Source
from noisecleaner.ingest.same_columns import called_alike
from noisecleaner.ingest.verified.corrections import refuse_same
from noisecleaner.ingest.verified.itself import refuse_same_column
from noisecleaner.ingest.verified.second_looks import second_looks_alone
from noisecleaner.noise.goal import BY_PROBABILITY
from noisecleaner.notices import Notice
from noisecleaner.progress import Progress
from noisecleaner.report.writing import shown
from noisecleaner.runs.auditor import Auditor
from noisecleaner.runs.auditor_record import AuditorRecord
from noisecleaner.runs.contents import dataset_contents
from noisecleaner.runs.cutoff import Cutoff
from noisecleaner.runs.doubts import suspected
from noisecleaner.runs.judging import Embedding, NewLabels, judge_new
from noisecleaner.runs.replaced import Replaced
from noisecleaner.runs.run import Run
from noisecleaner.runs.sample import looked_again, sampled_since
from noisecleaner.runs.scored import ScoredRows, from_trace
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
    cutoff, progress = cutoff or Cutoff(), progress or Progress()
    with alone(run, work="score", progress=progress):
        return _score(Run(run), cutoff, trusted=trusted, corrections=corrections, columns=columns, progress=progress)


def _score(
    opened: Run,
    cutoff: Cutoff,
    *,
    trusted: str | None,
    corrections: str | None,
    columns: Columns | None,
    progress: Progress,
) -> Summary:
    """Score the fitted rows while nobody else writes to the run, or reads it; arguments are those of `score`."""
    run, record = opened.path, opened.read_fitted()
    Replaced(run.resolve()).conclude()  # of a fit that was killed at its very end
    source, notices = record.config.source, record.result.notices if record.result else ()
    trace = Trace.read(opened.trace, sealed=opened.sealed(opened.trace))
    progress.detail(f"Read {counted(len(trace.table), 'row')} of {opened.trace}.")
    cutoff = _resolved(cutoff, run, transfer=trace.model == "transfer")
    named = source.columns.with_labels(columns or Columns())
    like = replace(source, columns=named).telling(trace.classes if trace.ordered else ())
    scored = replace(from_trace(trace), contents=dataset_contents(opened)).noting(*notices)
    if trusted is not None:
        scored = _verified_since(scored, opened, trace, trusted=trusted, like=like)
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
    cutoff, inference, progress = cutoff or Cutoff(), inference or Inference(), progress or Progress()
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
    labels = NewLabels(trusted=trusted, corrections=corrections)
    with shared(run, work="score", progress=progress), alone(out, work="score", progress=progress):
        return _score_new(Run(run), source, out, labels=labels, cutoff=cutoff, inference=inference, progress=progress)


def _score_new(
    opened: Run,
    source: Source,
    out: Path,
    *,
    labels: NewLabels,
    cutoff: Cutoff,
    inference: Inference,
    progress: Progress,
) -> Summary:
    """Score new rows while nobody writes to the run, or to `out`; arguments are those of `score_new`."""
    run, trusted, corrections = opened.path, labels.trusted, labels.corrections
    source, taken = called_alike(source, opened.read_fitted().config.source.columns)
    progress.tell(*taken)
    if trusted is None:
        refuse_same_column(source)
    source = source.telling(Auditor(opened).told)
    # the rows' manifest ends with the call: what is written needs a part of it only
    looks_alone = trusted is not None and ScoredRun.has_scores(out) and second_looks_alone(trusted, source.columns)
    before = out / "scores.parquet" if looks_alone else None
    labels = replace(labels, before=before)
    embedding = _embedding(opened, source, out, inference, progress)
    scored = judge_new(
        opened, source, labels, inference=inference, scratch=_scratch(out), progress=progress, embedding=embedding
    )
    pa.default_memory_pool().release_unused()  # what reading the tables took, up to half of the memory of their rows
    fresh = trusted is not None or corrections is not None
    summary = write(out, scored, cutoff, run=run, source=source, fresh_labels=fresh, progress=progress)
    return replace(summary, page=partial(shown, out))


def _embedding(run: Run, source: Source, out: Path, inference: Inference, progress: Progress) -> Embedding:
    """Say how rows come to vectors: not at all where this process looks at their images.

    Raises:
        NoisecleanerError: there is no such engine.
    """
    if not is_elsewhere(inference.engine):
        return nullcontext
    from noisecleaner.embedding.new_rows import embedded

    return partial(embedded, run=run, source=source, out=out, inference=inference, progress=progress)


def _left_behind(scored: ScoredRows, run: Path) -> tuple[Notice, ...]:
    """Say how many labels that were verified after the fit the last scores held, which these leave out."""
    if not ScoredRun.has_scores(run):
        return ()
    try:
        before = ScoredRun(run).scores(["trusted_label"])["trusted_label"]
    except NoisecleanerError as error:  # who scores again because they are damaged shall not be sent away for that
        message = (
            f"The last scores cannot be read, and are replaced: {error.message} Labels verified after the fit "
            "go in again with `trusted=FILE`."
        )
        return (Notice(code="last-scores-unreadable", message=message),)
    now = scored.identity["trusted_label"]
    lost = (len(before) - before.null_count) - (len(now) - now.null_count)
    if lost <= 0:
        return ()
    message = (
        f"{counted(lost, 'row')} verified after the fit {agreeing(lost)} in the last scores and not in these, which go "
        "back to the table of the fit: `trusted=FILE` takes them in again."
    )
    return (Notice(code="verified-since-left-out", message=message),)


def _verified_since(scored: ScoredRows, run: Run, trace: Trace, *, trusted: str, like: Source) -> ScoredRows:
    """Take in labels of fitted rows that were verified since: first looks, or second ones alone."""
    if second_looks_alone(trusted, like.columns):
        scored = looked_again(_as_last(scored, run.path), trace, trusted, like)
    else:
        scored = sampled_since(scored, trace, trusted, like)
    # with one fold, networks have trained on the labels that they would judge
    return suspected(scored, trace) if AuditorRecord.read(run).folds > 1 else scored


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
    return next(folder for folder in (*out.absolute().parents, Path(out.absolute().anchor)) if folder.is_dir())
