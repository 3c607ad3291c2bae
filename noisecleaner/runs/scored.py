"""What scores are made of: the rows of a trace, and verified labels that came after the fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import NO_CLASS, UNVERIFIED, BoolArray, FloatArray, IntArray, SingleArray
from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Source, read_verification
from noisecleaner.ingest.certified import cannot_measure
from noisecleaner.ingest.corrections import correct, read_corrections
from noisecleaner.ingest.joining import Labelled, place
from noisecleaner.ingest.labels import indices
from noisecleaner.ingest.no_class import verified_indices
from noisecleaner.ingest.raw import with_images
from noisecleaner.ingest.reading import reopened
from noisecleaner.ingest.strangers import Strangers
from noisecleaner.noise.agreement import CODES, Comparison, agreement_notices
from noisecleaner.noise.rates import Rows
from noisecleaner.notices import Notice, Severity, void
from noisecleaner.progress import Progress
from noisecleaner.quality.model import VerifiedRows, comparable_quality, fit_quality
from noisecleaner.quality.signals import Signals
from noisecleaner.quality.transition import VerifiedLabels
from noisecleaner.runs.basis import Basis
from noisecleaner.runs.fitted_labels import FittedLabels
from noisecleaner.runs.trace import Trace

#: Columns that tell which row it is, and what is known of it without a network.
IDENTITY = ("sample_id", "path", "given_label", "trusted_label", "corrected_label", "skip_reason")
#: The notice of a fit that too few verified rows could judge.
NOT_CALIBRATED = "not-calibrated"
#: Columns that a threshold may cut.
By = Literal["label_quality", "alpha"]


@dataclass(frozen=True, kw_only=True)
class ScoredRows:
    """Rows with their numbers; every array has the shape [rows], NaN where a row has no such number.

    Numbers are rounded as they stand in scores.parquet: flags and rates must follow from those.

    Args:
        identity: the columns of `IDENTITY`.
        alpha: weight of the given label, as the method defines it.
        beta: weight of the pseudo label.
        margin: logit of the given label minus the best other, mean over the epochs.
        label_quality: calibrated probability that the given label is right.
        suggested: class index of the suggested label, -1 where there is none.
        suggested_confidence: calibrated probability that it is right.
        judging: audited rows that may measure the result.
        probability: with which a row was drawn to be verified, NaN where audited rows are a plain random sample.
        classes: the class names.
        model: how label quality was made, see `QualityModel.method`.
        notices: what a reader of the numbers must know.
        none_label: the verified label that says that none of the classes is right; None where no label can.
        unused: classes that no fitted row was given.
        basis: which audited rows label quality of new rows is calibrated on; None of fitted rows, and where it is not.
    """

    identity: pa.Table
    alpha: SingleArray
    beta: SingleArray
    margin: SingleArray
    label_quality: SingleArray
    suggested: IntArray
    suggested_confidence: SingleArray
    judging: BoolArray
    probability: FloatArray
    classes: tuple[str, ...]
    model: str
    notices: tuple[Notice, ...] = ()
    none_label: str | None = None
    unused: tuple[str, ...] = ()
    basis: Basis | None = None

    def noting(self, *notices: Notice) -> ScoredRows:
        """Return the same rows with more notices."""
        return replace(self, notices=(*self.notices, *notices))

    @property
    def given(self) -> IntArray:
        """Class index of the given label, -1 where there is none or the row was skipped, shape [rows]."""
        return np.where(self._readable, indices(self.identity["given_label"], self.classes), -1)

    @property
    def trusted(self) -> IntArray:
        """Class index of the verified label, shape [rows].

        `UNVERIFIED` where there is none or the row was skipped, `NO_CLASS` where none of the classes is right.
        """
        verified = verified_indices(self.identity["trusted_label"], self.classes, none_label=self.none_label)
        return np.where(self._readable, verified, UNVERIFIED)

    @property
    def corrected(self) -> IntArray:
        """Class index of the correction, shape [rows]; otherwise like `trusted`."""
        corrected = verified_indices(self.identity["corrected_label"], self.classes, none_label=self.none_label)
        return np.where(self._readable, corrected, UNVERIFIED)

    def values(self, by: By) -> FloatArray:
        """What a threshold cuts, in double precision, shape [rows]."""
        return (self.label_quality if by == "label_quality" else self.alpha).astype(np.float64)

    def rows(self) -> Rows:
        """What the noise is measured on; no row is audited where a notice says that verified rows measure nothing.

        Raises:
            NoisecleanerError: only some verified rows have a sampling probability.
        """
        rows = Rows(
            given=self.given,
            trusted=np.full_like(self.trusted, UNVERIFIED) if void(self.notices) else self.trusted,
            expected=1 - self.values("label_quality"),
            judging=self.judging,
            probability=self.probability,
        )
        drawn = np.isfinite(rows.probability[rows.audited])
        if drawn.any() and not drawn.all():
            raise NoisecleanerError(
                f"Either all verified rows have a sample_probability or none, but {int((~drawn).sum()):,} of "
                f"{len(drawn):,} have none, so that no rate could be estimated from them.",
                "Pass the whole table that `plan()` wrote: it holds the rows verified before, too.",
            )
        return rows

    def without_needless(self) -> ScoredRows:
        """Return the same rows without the suggestions for those of which none of the classes is right."""
        needless = (self.trusted == NO_CLASS) | (self.corrected == NO_CLASS)
        if not needless.any():
            return self
        confidence = np.where(needless, np.float32(np.nan), self.suggested_confidence)
        return replace(self, suggested=np.where(needless, -1, self.suggested), suggested_confidence=confidence)

    @property
    def _readable(self) -> BoolArray:
        return np.asarray(pc.is_null(self.identity["skip_reason"]))


def from_trace(trace: Trace) -> ScoredRows:
    """Take from a trace what scores are made of."""
    table = trace.table
    return ScoredRows(
        identity=table.select(list(IDENTITY)),
        alpha=_singles(table["alpha"]),
        beta=_singles(table["beta"]),
        margin=_singles(table["margin"]),
        label_quality=_singles(table["label_quality"]),
        suggested_confidence=_singles(table["suggested_confidence"]),
        suggested=np.asarray(pc.fill_null(table["suggested"], -1)).astype(np.int64),
        judging=np.asarray(table["judging"]),
        probability=_doubles(table["sample_probability"]),
        classes=trace.classes,
        model=trace.model,
        none_label=trace.none_label,
        unused=FittedLabels.of(table["given_label"], trace.classes).unused,
    )


@dataclass(frozen=True, kw_only=True)
class Since:
    """What was verified after the fit.

    Args:
        rows: with those labels in place of earlier ones; their numbers are those of the fit.
        held: which of them the table held, shape [rows].
        where: what the labels were read from, in words.
        empty: rows that the table held without a label, in any order.
    """

    rows: ScoredRows
    held: BoolArray
    where: str
    empty: IntArray


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
    scored, fresh = _withheld(scored, _read_fresh(trusted, like, trace), trace)
    mask = np.zeros(len(trace.table), dtype=bool)
    mask[fresh.rows] = True
    before = scored.identity["trusted_label"]
    index = scored.identity.column_names.index("trusted_label")
    probability = scored.probability.copy()
    if fresh.probability is not None:
        probability[fresh.rows] = fresh.probability
    joined = replace(
        scored,
        identity=scored.identity.set_column(index, "trusted_label", fresh.over(before)),
        # rows that steered the fit stay out: their numbers are not like those of other rows
        judging=scored.judging | (mask & np.asarray(pc.is_null(before)) & (scored.corrected == UNVERIFIED)),
        probability=probability,
    ).noting(*fresh.notices)
    return Since(rows=joined, held=mask, where=fresh.where, empty=fresh.empty)


def _withheld(scored: ScoredRows, fresh: _Fresh, trace: Trace) -> tuple[ScoredRows, _Fresh]:
    """Take fresh labels of rows that carry a verified one already, as a clean copy does, for corrections."""
    certified = np.asarray(pc.fill_null(trace.table["certified"], fill_value=False))[fresh.rows]
    if not certified.any():
        return scored, fresh
    marked, rest = fresh.only(certified), fresh.only(~certified)
    index = scored.identity.column_names.index("corrected_label")
    column = marked.over(scored.identity["corrected_label"])
    scored = replace(scored, identity=scored.identity.set_column(index, "corrected_label", column))
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
    identity, notices = correct(scored.identity, read_corrections(corrections, like, scored.classes, fitted=True))
    for notice in notices:
        progress.tell(notice)
    # how many there are stands in the rows: what is said of the numbers stays as it is, too
    doubts = [notice for notice in notices if notice.severity is not Severity.NOTE]
    return replace(scored, identity=identity).noting(*doubts)


@dataclass(frozen=True, kw_only=True)
class _Fresh:
    """Labels that were verified after the fit: rows of the trace, labels, perhaps probabilities; what they are from."""

    rows: IntArray
    labels: pa.Array
    probability: FloatArray | None
    notices: tuple[Notice, ...]
    where: str
    empty: IntArray

    def only(self, which: BoolArray) -> _Fresh:
        """Return some of them, in the same order; `which` has the shape [fresh rows]."""
        probability = None if self.probability is None else self.probability[which]
        labels = self.labels.filter(pa.array(which))
        return replace(self, rows=self.rows[which], labels=labels, probability=probability)

    def over(self, column: pa.ChunkedArray) -> pa.Array:
        """Put the labels over those of a column of all rows."""
        mask = np.zeros(len(column), dtype=bool)
        mask[self.rows] = True
        return pc.replace_with_mask(
            column.combine_chunks(), pa.array(mask), self.labels.take(pa.array(np.argsort(self.rows)))
        )


def _read_fresh(trusted: str, like: Source, trace: Trace) -> _Fresh:
    """Read a table of verified labels of fitted rows."""
    verification = read_verification(trusted, like, trace.classes)
    ids = trace.table["sample_id"].combine_chunks()
    placed = place(
        verification,
        Labelled(
            table=trace.table,
            classes=trace.classes,
            none_label=verification.none_label,
            vectors=lambda: reopened(like, trace.classes, ids),
            images=lambda: reopened(with_images(like), trace.classes, ids),
            fitted=True,
        ),
    )
    if placed.outside.any():
        strangers = pa.array(np.flatnonzero(placed.outside))
        raise Strangers(verification=verification, rows=strangers, ids=ids).refusal(
            "Labels verified after the fit must be those of fitted rows",
            "Check that both sides use the same ids; for rows that were not fitted, pass them with `Source.data`.",
        )
    usable = placed.inside
    if not usable.any():
        raise NoisecleanerError(
            f"{trusted} must hold verified labels, but all {len(usable):,} of them are empty.",
            "Fill in its column trusted_label.",
        )
    probability = verification.probability
    return _Fresh(
        rows=placed.rows[usable],
        labels=placed.labels.filter(pa.array(usable)).combine_chunks(),
        probability=None if probability is None else _doubles(probability)[usable],
        notices=placed.notices,
        where=verification.read_from,
        empty=placed.empty,
    )


def odd_labels(scored: ScoredRows, where: str) -> ScoredRows:
    """Say of all verified labels what is odd about them, in place of what was said of some."""
    comparison = Comparison(
        given=scored.given,
        trusted=scored.trusted,
        probability=scored.probability,
        classes=scored.classes,
        where=where,
    )
    kept = [notice for notice in scored.notices if notice.code not in CODES]
    return replace(scored, notices=(*kept, *agreement_notices(comparison)))


def fitted_again(scored: ScoredRows, trace: Trace) -> ScoredRows:
    """Fit label quality on all rows that judge; where they are still too few, what the fit made of it stands."""
    signals = Signals.from_table(trace.table, given=scored.given)
    model, _, judgements = fit_quality(signals, _verified(scored, signals))
    if model.method != "audited":
        return scored
    return replace(
        scored,
        notices=tuple(notice for notice in scored.notices if notice.code != NOT_CALIBRATED),
        label_quality=judgements.quality,
        suggested=judgements.suggested,
        suggested_confidence=judgements.confidence,
        model=model.method,
    )


def comparable(scored: ScoredRows, trace: Trace, wanted: IntArray) -> SingleArray:
    """Compute label quality of all rows in one way, shape [rows], as it is not for rows that measure.

    Those are judged by models that saw no outcome of theirs, and therefore look more in doubt than other rows.

    Args:
        scored: the rows.
        trace: theirs.
        wanted: rows that get one in any case; where there are many, most of the others get NaN.
    """
    signals = Signals.from_table(trace.table, given=scored.given)
    verified = _verified(scored, signals)
    model = fit_quality(signals, verified).model
    if model.method != "audited":
        return scored.label_quality
    return comparable_quality(model, signals, verified, wanted=wanted).astype(np.float32)


def _verified(scored: ScoredRows, signals: Signals) -> VerifiedRows:
    """Collect the rows that judge."""
    true = scored.trusted
    judging = np.flatnonzero(scored.judging & (true != UNVERIFIED) & signals.predictions.known)
    labels = VerifiedLabels.drawn(true[judging], probability=scored.probability[judging])
    return VerifiedRows(judging=judging, labels=labels, classes=len(scored.classes))


def _singles(column: pa.ChunkedArray) -> SingleArray:
    return np.asarray(column.to_numpy(), dtype=np.float32)


def _doubles(column: pa.ChunkedArray) -> FloatArray:
    return np.asarray(column.to_numpy(), dtype=np.float64)
