"""Which of the rows that were verified after the fit may measure: a sample does, rows that were picked override."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import UNVERIFIED, BoolArray, IntArray, SingleArray
from noisecleaner.ingest import Source
from noisecleaner.ingest.verified.corrections import contradictions
from noisecleaner.ingest.verified.slipped import CODE as SLIPPED
from noisecleaner.noise.randomness import NOT_RANDOM, not_random, picked_by_class, picked_by_looks
from noisecleaner.noise.sampling import Sampling, misdrawn
from noisecleaner.noise.skipping import DOUBTFUL, Verifiable, may_be_off, no_sample, odd_part
from noisecleaner.notices import Notice, Severity, void
from noisecleaner.runs.doubts import contradicted_since, odd_labels
from noisecleaner.runs.refitting import comparable, fitted_again
from noisecleaner.runs.scored import ScoredRows
from noisecleaner.runs.since import Since, verified_since
from noisecleaner.runs.trace import Trace
from noisecleaner.tables import with_column
from noisecleaner.texts import agreeing, counted

#: Rows below which the tests would hardly find out that they were picked.
_LEAST = 20


def sampled_since(before: ScoredRows, trace: Trace, trusted: str, like: Source) -> ScoredRows:
    """Take in labels that were verified after the fit, as far as they may measure.

    Rows that cannot be a random sample count as corrections where a sample was verified at the fit: its rates stand as
    they are. Where none was, no rate is told. What was no sample at the fit gives way to what is one now.

    Args:
        before: the rows of the trace.
        trace: the trace itself.
        trusted: table with verified labels, joined on `sample_id`.
        like: how the columns of the fit are called, and which order its classes have.

    Raises:
        NoisecleanerError: the table cannot be used.
    """
    since = verified_since(before, trace, trusted, like)
    sampling = _sampling(before, since)
    sampling.refuse_unlikely()
    if (misfit := sampling.misfit()) is not None:
        return _as_corrections(before, since, f"{misfit} ", trusted) or since.rows.noting(misdrawn(misfit))
    drawn = sampling.unequal
    fresh = np.flatnonzero(since.rows.trusted != UNVERIFIED)
    quality = comparable(before, trace, fresh) if drawn else before.label_quality
    part = odd_part(_verifiable(before, since, quality=quality, drawn=drawn))
    found = no_sample(None if drawn else _picked(before, since), part)
    if found is not None:
        return _as_corrections(before, since, f"{found} ", trusted) or since.rows.noting(not_random(found))
    rows = _instead(before, since, trusted, drawn=drawn)
    instead, rows = rows is not since.rows, contradicted_since(odd_labels(rows, since.where), trace, since.order)
    again = fitted_again(rows, trace)
    again = _uncalibrated(again) if again is rows and instead else again
    if part is None:
        return again
    # in place of what was said at the fit of some of these rows
    kept = tuple(notice for notice in again.notices if notice.code not in DOUBTFUL)
    return replace(again, notices=(*kept, may_be_off(part)))


def looked_again(before: ScoredRows, trace: Trace, trusted: str, like: Source) -> ScoredRows:
    """Take in second looks at verified rows; those at which both disagree calibrate nothing any more.

    Args:
        before: the rows, with what was verified.
        trace: theirs.
        trusted: table with second looks.
        like: how the columns of the fit are called, and which order its classes have.

    Raises:
        NoisecleanerError: the table cannot be used.
    """
    return fitted_again(verified_since(before, trace, trusted, like).rows, trace)


def odd_sample(rows: ScoredRows, empty: IntArray) -> tuple[Notice, ...]:
    """Say so where the verified ones of rows that were not fitted look picked, or those in doubt were skipped.

    Args:
        rows: all of them.
        empty: rows of a table of verified labels that were left empty, in any order, shape [left empty].
    """
    sampling = rows.sampling
    if (misfit := sampling.misfit()) is not None:
        return (misdrawn(misfit),)
    verified = rows.trusted != UNVERIFIED
    asked = verified.copy()
    asked[empty] = True
    part = odd_part(
        Verifiable(quality=rows.label_quality, verified=verified, asked=asked, probability=rows.probability)
    )
    reason = no_sample(None if sampling.unequal else picked(rows, verified), part)
    if reason is not None:
        return (not_random(reason),)
    return () if part is None else (may_be_off(part),)


def picked(rows: ScoredRows, verified: BoolArray) -> str | None:
    """Say how it came out that verified rows are no random sample of the rows with label quality; None where they may.

    Args:
        rows: those that may be in it.
        verified: which are, shape [rows].
    """
    given = np.where(np.isfinite(rows.label_quality), rows.given, -1)
    looks = picked_by_looks(rows.label_quality, verified)
    return looks or picked_by_class(given=given, verified=verified, classes=len(rows.classes))


def _sampling(before: ScoredRows, since: Since) -> Sampling:
    """What may measure, and how it was drawn: where a notice says that what was there is no sample, the fresh rows."""
    rows = since.rows
    trusted = np.where(since.held, rows.trusted, UNVERIFIED) if void(before.notices) else rows.trusted
    return Sampling.of(given=rows.given, trusted=trusted, probability=rows.probability)


def _picked(before: ScoredRows, since: Since) -> str | None:
    """Compare the rows that are verified for the first time with those that still nobody has verified."""
    others = before.trusted == UNVERIFIED
    rest = replace(before, label_quality=np.where(others, before.label_quality, np.float32(np.nan)))
    return picked(rest, others & (since.rows.trusted != UNVERIFIED))


def _verifiable(before: ScoredRows, since: Since, *, quality: SingleArray, drawn: bool) -> Verifiable:
    """What tells whether rows in doubt were skipped: the label quality from before.

    Args:
        before: the rows with what was verified before.
        since: what was verified since.
        quality: of all rows; where they were drawn, made of all of them in one way, shape [rows].
        drawn: whether verified rows were drawn with probabilities that differ.
    """
    known, now = before.trusted != UNVERIFIED, since.rows.trusted != UNVERIFIED
    empty = np.isin(np.arange(len(now)), since.empty) & ~now
    return Verifiable(
        # that of rows that were verified before was made in another way
        quality=quality if drawn else np.where(known, np.float32(np.nan), quality),
        verified=now if drawn else now & ~known,
        asked=(now & ~known) | empty,
        probability=since.rows.probability,
    )


def _as_corrections(before: ScoredRows, since: Since, found: str, where: str) -> ScoredRows | None:
    """Take what was verified since for corrections, and all numbers as they were; None where nothing measured before.

    Args:
        before: the rows with what was verified before.
        since: what was verified since.
        found: how it came out that it was picked.
        where: the table, for messages.
    """
    measured = int(before.rows().audited.sum())
    if not measured:
        return None
    first, then = (rows.identity["trusted_label"] for rows in (before, since.rows))
    changed = np.asarray(pc.fill_null(pc.not_equal(first, then), fill_value=True)) & since.held
    notice = Notice(
        code="picked-rows-measure-nothing",
        message=f"{found}The {int(changed.sum()):,} labels of {where} count as corrections, which measure nothing: all "
        f"rates are those of the {measured:,} rows that were audited before. Pass rows that you picked with "
        "`corrections=FILE`.",
    )
    fresh = [notice for notice in since.rows.notices if notice not in before.notices]
    read = [notice for notice in fresh if notice.severity is Severity.NOTE]
    # an export takes them, wherever they stand
    read += [replace(notice, severity=Severity.WARNING) for notice in fresh if notice.code == SLIPPED]
    rows = _overriding(before, changed, then)
    return rows.noting(*read, notice, *contradictions(rows.identity))


def _instead(before: ScoredRows, since: Since, where: str, *, drawn: bool) -> ScoredRows:
    """Let what is a sample now measure in place of what was none at the fit; other rows stay as they are."""
    codes = {notice.code for notice in before.notices if notice.severity is Severity.VOID}
    if codes != {NOT_RANDOM}:
        return since.rows
    verified = since.rows.trusted != UNVERIFIED
    sample = since.held & verified & (np.isfinite(since.rows.probability) | (not drawn))
    if not sample.any() or (not drawn and (sample.sum() < _LEAST or picked(before, sample) is not None)):
        return since.rows
    old, labels = verified & ~sample, since.rows.identity["trusted_label"]
    kept = [notice for notice in since.rows.notices if notice.severity is not Severity.VOID]
    if old.any():
        kept.append(_set_aside(int(old.sum()), measured=int(sample.sum()), where=where))
    rows = _overriding(since.rows, old, labels)
    cleared = pc.if_else(pa.array(old), pa.scalar(None, pa.string()), labels)
    return replace(_replaced(rows, "trusted_label", cleared), judging=rows.judging & ~old, notices=tuple(kept))


def _set_aside(count: int, *, measured: int, where: str) -> Notice:
    """Say that rows which were verified earlier measure nothing."""
    return Notice(
        code="picked-rows-measure-nothing",
        message=f"{counted(count, 'row')} that {agreeing(count, 'was', 'were')} verified before {agreeing(count)} no "
        f"random sample and {agreeing(count, 'counts as a correction', 'count as corrections')}: rates are those of "
        f"{counted(measured, 'row')} of {where}.",
    )


def _uncalibrated(rows: ScoredRows) -> ScoredRows:
    """Say that label quality is still that of the fit, which rests on no sample."""
    notice = Notice(
        code="fitted-on-picked-rows",
        message="label_quality was fitted on rows that are no random sample, and too few others are verified to fit it "
        "again: it ranks rows, and is no probability. Verify more rows, drawn at random or with `plan()`.",
    )
    return replace(rows, model="uncalibrated").noting(notice)


def _overriding(rows: ScoredRows, which: BoolArray, labels: pa.ChunkedArray) -> ScoredRows:
    """Take labels of some rows for corrections.

    Args:
        rows: all of them.
        which: those that are corrected, shape [rows].
        labels: of all rows, as text, shape [rows].
    """
    return _replaced(rows, "corrected_label", pc.if_else(pa.array(which), labels, rows.identity["corrected_label"]))


def _replaced(rows: ScoredRows, name: str, column: pa.ChunkedArray) -> ScoredRows:
    return replace(rows, identity=with_column(rows.identity, name, column))
