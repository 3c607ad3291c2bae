"""What scores are made of: the rows of a trace, and verified labels that came after the fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import BoolArray, FloatArray, IntArray, SingleArray
from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest import Source, read_verification
from noisecleaner.ingest.checks import check_labels
from noisecleaner.ingest.labels import indices
from noisecleaner.noise.rates import Rows
from noisecleaner.quality.model import Verified, fit_quality
from noisecleaner.quality.transition import Known
from noisecleaner.runs.trace import _floats, _integers, stands_for, trace_columns

#: Columns that tell which row it is, and what is known of it without a network.
IDENTITY = ("sample_id", "path", "given_label", "trusted_label", "skip_reason")
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

    @property
    def given(self) -> IntArray:
        """Class index of the given label, -1 where there is none or the row was skipped, shape [rows]."""
        return self._index("given_label")

    @property
    def trusted(self) -> IntArray:
        """Class index of the verified label, -1 where there is none or the row was skipped, shape [rows]."""
        return self._index("trusted_label")

    def values(self, by: By) -> FloatArray:
        """What a threshold cuts, in double precision, shape [rows]."""
        return (self.label_quality if by == "label_quality" else self.alpha).astype(np.float64)

    def rows(self) -> Rows:
        """What the noise is measured on.

        Raises:
            NoisecleanerError: only some verified rows have a sampling probability.
        """
        rows = Rows(
            given=self.given,
            trusted=self.trusted,
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

    def _index(self, column: str) -> IntArray:
        readable = np.asarray(pc.is_null(self.identity["skip_reason"]))
        return np.where(readable, indices(self.identity[column], self.classes), -1)


def from_trace(trace: pa.Table, classes: tuple[str, ...], model: str) -> ScoredRows:
    """Read the rows of a trace.

    Args:
        trace: of the schema `TRACE`.
        classes: the class names, in the order of their indices.
        model: how label quality was made.
    """
    return ScoredRows(
        identity=trace.select(list(IDENTITY)),
        alpha=_singles(trace["alpha"]),
        beta=_singles(trace["beta"]),
        margin=_singles(trace["margin"]),
        label_quality=_singles(trace["label_quality"]),
        suggested_confidence=_singles(trace["suggested_confidence"]),
        suggested=_integers(trace["suggested"]),
        judging=np.asarray(trace["judging"]),
        probability=_floats(trace["sample_probability"]),
        classes=classes,
        model=model,
    )


def verified_since(scored: ScoredRows, trace: pa.Table, trusted: str, like: Source) -> ScoredRows:
    """Take in labels that were verified after the fit, and fit label quality again on all of them.

    Args:
        scored: the rows of the trace.
        trace: the trace itself.
        trusted: table with verified labels, joined on `sample_id`.
        like: how the columns of the fit are called.

    Raises:
        NoisecleanerError: the table cannot be used.
    """
    verification = read_verification(trusted, like, scored.classes)
    labels = verification.labels
    check_labels(labels, scored.classes, trusted)
    positions = pc.index_in(verification.ids, value_set=trace["sample_id"].combine_chunks())
    _refuse_strangers(verification.ids.filter(pc.and_(pc.is_null(positions), pc.is_valid(labels))), trusted)
    known = np.asarray(pc.and_(pc.is_valid(labels), pc.is_valid(positions)))
    where = np.asarray(positions)[known]
    if not len(where):
        raise NoisecleanerError(
            f"{trusted} must hold verified labels, but all {len(known):,} of them are empty.",
            "Fill in its column trusted_label.",
        )
    mask = np.zeros(len(trace), dtype=bool)
    mask[where] = True
    fresh = labels.filter(pa.array(known)).take(pa.array(np.argsort(where))).combine_chunks()
    column = pc.replace_with_mask(scored.identity["trusted_label"].combine_chunks(), pa.array(mask), fresh)
    index = scored.identity.column_names.index("trusted_label")
    identity = scored.identity.set_column(index, "trusted_label", column)
    probability = scored.probability.copy()
    if verification.probability is not None:
        probability[where] = _floats(verification.probability)[known]
    old = np.asarray(pc.is_valid(scored.identity["trusted_label"]))
    # rows that steered the fit stay out: their numbers are not like those of other rows
    judging = scored.judging | (mask & ~old)
    return _fitted_again(
        replace(scored, identity=identity, judging=judging, probability=probability), trace_columns(trace)
    )


def _fitted_again(scored: ScoredRows, columns: dict[str, npt.NDArray[Any]]) -> ScoredRows:
    """Fit label quality on all rows that judge; where they are still too few, what the fit made of it stands."""
    columns["given"], true = scored.given, scored.trusted
    judging = np.flatnonzero(scored.judging & (true >= 0) & np.isfinite(columns["predicted_margin"]))
    classes = len(scored.classes)
    known = Known(true[judging], stands_for(scored.probability[judging]))
    verified = Verified(judging, known, np.empty((0, classes)), np.empty(0, np.int64), classes)
    model, quality = fit_quality(columns, verified)
    if model.method != "audited":
        return scored
    suggested, confidence = model.suggest(columns, quality)
    return replace(
        scored,
        label_quality=quality.astype(np.float32),
        suggested=suggested,
        suggested_confidence=confidence.astype(np.float32),
        model=model.method,
    )


def _singles(column: pa.ChunkedArray) -> SingleArray:
    return _floats(column).astype(np.float32)


def _refuse_strangers(ids: pa.ChunkedArray, trusted: str) -> None:
    if len(ids):
        raise NoisecleanerError(
            f"Labels verified after the fit must be those of fitted rows, but {len(ids):,} ids in {trusted} are not "
            f"among them (such as {listed(ids.to_pylist(), 3)}).",
            "Check that both sides use the same ids; for rows that were not fitted, pass them with `Source.data`.",
        )
