"""What came after the fit: verified labels, second looks and corrections of its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import UNVERIFIED, BoolArray, FloatArray, IntArray
from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Source, read_verification
from noisecleaner.ingest.fingerprints import Fingerprint
from noisecleaner.ingest.labels.indices import SECOND
from noisecleaner.ingest.raw import with_images
from noisecleaner.ingest.reading import reopened
from noisecleaner.ingest.verified.certified import cannot_measure
from noisecleaner.ingest.verified.corrections import COLUMN, correct, read_corrections
from noisecleaner.ingest.verified.joining import LabelledRows, place
from noisecleaner.ingest.verified.remembered import remembered
from noisecleaner.ingest.verified.second_looks import without_first
from noisecleaner.ingest.verified.slipped import CODE as SLIPPED
from noisecleaner.ingest.verified.strangers import Strangers
from noisecleaner.noise.disorder import CODE as DISORDERED
from noisecleaner.noise.randomness import NOT_RANDOM
from noisecleaner.noise.ranking import CODES as RANKED
from noisecleaner.noise.sampling import Sampling, plain_together
from noisecleaner.notices import Notice, Severity
from noisecleaner.progress import Progress
from noisecleaner.runs.odd_corrections import fixing_among, likeliest_of, named, odd_among
from noisecleaner.runs.scored import ScoredRows
from noisecleaner.runs.scored_run import ScoredRun
from noisecleaner.runs.second_looks import SECOND_LOOKS
from noisecleaner.runs.trace import Trace
from noisecleaner.tables import doubles, overwritten, with_column

#: Notices of the numbers that a score makes, which the next one makes again.
OF_NUMBERS = frozenset({SECOND_LOOKS, *RANKED})


@dataclass(frozen=True, kw_only=True)
class Since:
    """What was verified after the fit.

    Args:
        rows: with those labels in place of earlier ones; their numbers are those of the fit.
        held: which of them the table held, shape [rows].
        where: what the labels were read from, in words.
        empty: rows that the table held without a label, in any order.
        order: rows that it held with one, in its order.
    """

    rows: ScoredRows
    held: BoolArray
    where: str
    empty: IntArray
    order: IntArray


def verified_since(scored: ScoredRows, trace: Trace, trusted: str, like: Source) -> Since:
    """Take in labels that were verified after the fit.

    Args:
        scored: the rows of the trace.
        trace: the trace itself.
        trusted: table with verified labels, joined on `sample_id`.
        like: how the columns of the fit are called, and which order its classes have.

    Raises:
        NoisecleanerError: the table cannot be used.
    """
    scored, fresh = _withheld(scored, _read_fresh(trusted, like, trace, scored.contents), trace)
    mask = np.zeros(len(trace.table), dtype=bool)
    mask[fresh.rows] = True
    before = scored.identity["trusted_label"]
    probability = scored.probability.copy()
    if fresh.probability is not None:
        probability[fresh.rows] = fresh.probability
    elif any(notice.code == NOT_RANDOM for notice in scored.notices):
        # what was no sample may be one, but not of these probabilities
        probability[fresh.rows] = np.nan
    identity = with_column(scored.identity, "trusted_label", overwritten(before, fresh.rows, fresh.labels))
    if fresh.probability is not None and _drawn_evenly(scored, replace(scored, identity=identity), mask, probability):
        probability = np.full(len(mask), np.nan)
    looks = overwritten(identity[SECOND], fresh.again.rows, fresh.again.labels)
    identity, alone = without_first(with_column(identity, SECOND, looks))
    # labels that stood beside the wrong rows at the fit are gone where the table holds all of them
    mended = not (np.asarray(pc.is_valid(before)) & ~mask).any()
    joined = replace(
        scored,
        notices=tuple(notice for notice in scored.notices if not (mended and notice.code in (SLIPPED, DISORDERED))),
        identity=identity,
        # rows that steered the fit stay out: their numbers are not like those of other rows
        judging=scored.judging | (mask & np.asarray(pc.is_null(before)) & (scored.corrected == UNVERIFIED)),
        probability=probability,
    ).noting(*fresh.notices, *alone)
    return Since(rows=joined, held=mask, where=fresh.where, empty=fresh.empty, order=fresh.rows)


def _drawn_evenly(before: ScoredRows, after: ScoredRows, held: BoolArray, probability: FloatArray) -> bool:
    """Whether a table of rows that were drawn evenly joins others that were: both are a plain random sample.

    Args:
        before: the rows with what was verified before.
        after: the same with the labels of the table.
        held: which of them the table held, shape [rows].
        probability: with which each was drawn, as the table or what was before it says, shape [rows].
    """
    others = (before.trusted != UNVERIFIED) & ~held
    if not others.any() or any(notice.code == NOT_RANDOM for notice in before.notices):
        return False
    trusted = np.where(held, after.trusted, UNVERIFIED)
    return plain_together(before.sampling, Sampling.of(given=after.given, trusted=trusted, probability=probability))


def _withheld(scored: ScoredRows, fresh: _Fresh, trace: Trace) -> tuple[ScoredRows, _Fresh]:
    """Take fresh labels of rows that carry a verified one already, as a clean copy does, for corrections."""
    certified = np.asarray(pc.fill_null(trace.table["certified"], fill_value=False))[fresh.rows]
    if not certified.any():
        return scored, fresh
    marked, rest = fresh.only(certified), fresh.only(~certified)
    column = overwritten(scored.identity["corrected_label"], marked.rows, marked.labels)
    scored = replace(scored, identity=with_column(scored.identity, "corrected_label", column))
    return scored.noting(cannot_measure(len(marked.rows), len(fresh.rows))), rest


def corrected_since(scored: ScoredRows, corrections: str, like: Source, progress: Progress) -> ScoredRows:
    """Take in corrections that came after the fit; they change no number.

    Args:
        scored: the rows.
        corrections: table with corrections, joined on `sample_id`.
        like: how the columns of the fit are called, and which order its classes have.
        progress: is told how many there are.

    Raises:
        NoisecleanerError: the table cannot be used.
    """
    read = read_corrections(corrections, like, scored.classes, fitted=True)
    corrected = correct(scored.identity, read, named(likeliest_of(scored), scored.classes))
    fresh = np.asarray(pc.is_null(scored.identity[COLUMN]))[corrected.places]
    scored = replace(scored, identity=corrected.rows)
    scored = replace(scored, fixing=fixing_among(scored, corrected.places, fresh=fresh))
    notices = (*corrected.notices, *odd_among(scored))
    progress.tell(*notices)
    # how many there are stands in the rows: what is said of the numbers stays as it is, too
    doubts = [notice for notice in notices if notice.severity is not Severity.NOTE]
    return scored.noting(*doubts)


@dataclass(frozen=True, kw_only=True)
class _SecondLooks:
    """Rows of the trace, and what a second look at each saw; both of shape [second looks]."""

    rows: IntArray
    labels: pa.Array


@dataclass(frozen=True, kw_only=True)
class _Fresh:
    """Labels that were verified after the fit: rows of the trace, labels, perhaps probabilities; what they are from."""

    rows: IntArray
    labels: pa.Array
    probability: FloatArray | None
    notices: tuple[Notice, ...]
    where: str
    empty: IntArray
    again: _SecondLooks

    def only(self, which: BoolArray) -> _Fresh:
        """Return some of them, in the same order; `which` has the shape [fresh rows]."""
        probability = None if self.probability is None else self.probability[which]
        labels = self.labels.filter(pa.array(which))
        return replace(self, rows=self.rows[which], labels=labels, probability=probability)


def _read_fresh(trusted: str, like: Source, trace: Trace, contents: Sequence[Fingerprint]) -> _Fresh:
    """Read a table of verified labels of fitted rows, of which is known what they brought."""
    verification = read_verification(trusted, like, trace.classes)
    ids = trace.table["sample_id"].combine_chunks()
    placed = place(
        verification,
        LabelledRows(
            table=trace.table,
            classes=trace.classes,
            none_label=verification.none_label,
            vectors=lambda: reopened(like, trace.classes, ids, contents),
            images=lambda: reopened(with_images(like), trace.classes, ids, contents),
            fitted=True,
            data=like.data,
        ),
    )
    if placed.outside.any():
        strangers = pa.array(np.flatnonzero(placed.outside))
        raise Strangers(verification=verification, rows=strangers, ids=ids).refusal(
            "Labels verified after the fit must be those of fitted rows",
            "Check that both sides use the same ids; for rows that were not fitted, pass them with `Source.data`.",
        )
    usable, again = placed.inside, placed.seen_again
    if not usable.any() and not again.any():
        lost = len(usable) - verification.labels.null_count
        found = f"{lost:,} are of rows that its export left out" if lost else f"all {len(usable):,} of them are empty"
        raise NoisecleanerError(
            f"{trusted} must hold verified labels of fitted rows, but {found}.",
            f"Fill in its column {SECOND if verification.second_only else 'trusted_label'}.",
        )
    probability = verification.probability
    return _Fresh(
        rows=placed.rows[usable],
        labels=placed.labels.filter(pa.array(usable)).combine_chunks(),
        probability=None if probability is None else doubles(probability)[usable],
        notices=placed.notices,
        where=verification.read_from,
        empty=placed.empty,
        again=_SecondLooks(rows=placed.rows[again], labels=placed.second.filter(pa.array(again)).combine_chunks()),
    )


def as_last_scored(scored: ScoredRows, last: ScoredRun) -> ScoredRows:
    """Take in what was verified by the time of the last scores, with what was said of it.

    Args:
        scored: the rows of the trace.
        last: scores of the same rows; those of others change nothing.
    """
    table = remembered(last.scores_file, scored.identity["sample_id"])
    if table is None:
        return scored
    identity = scored.identity
    for name in ("trusted_label", "second_label"):
        identity = with_column(identity, name, table[name])
    return replace(
        scored,
        identity=identity,
        probability=doubles(table["sample_probability"]),
        judging=np.asarray(pc.fill_null(table["judging"], fill_value=False)),
        notices=tuple(notice for notice in last.metadata.notices if notice.code not in OF_NUMBERS),
    )
