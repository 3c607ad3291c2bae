"""What scores are made of: rows with their numbers, those of a trace to begin with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import NO_CLASS, UNVERIFIED, BoolArray, FloatArray, IntArray, SingleArray, counted_by_class
from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.fingerprints import Fingerprint
from noisecleaner.ingest.labels.cells import indices
from noisecleaner.ingest.labels.indices import disputed, verified_indices
from noisecleaner.noise.looks import Looks
from noisecleaner.noise.rates import Rows
from noisecleaner.noise.running import Rest
from noisecleaner.noise.sampling import Sampling
from noisecleaner.notices import Notice, void
from noisecleaner.runs.basis import Basis
from noisecleaner.runs.fitted_labels import FittedLabels
from noisecleaner.runs.fixes import Fixing
from noisecleaner.runs.trace import Trace
from noisecleaner.tables import doubles, singles

#: Columns that tell which row it is, and what is known of it without a network.
IDENTITY = (
    "sample_id",
    "path",
    "given_label",
    "trusted_label",
    "second_label",
    "corrected_label",
    "skip_reason",
    "certified",
)
#: The notice of a fit that too few verified rows could judge.
NOT_CALIBRATED = "not-calibrated"
#: Columns that a threshold may cut.
By = Literal["label_quality", "alpha", "alignment", "margin", "positive_share"]
#: Those whose sign says what is likelier.
SIGNED: frozenset[By] = frozenset({"alignment", "margin"})


_ARRAYS = (
    "alpha",
    "beta",
    "margin",
    "alignment",
    "positive_share",
    "label_quality",
    "suggested",
    "suggested_confidence",
    "judging",
    "probability",
)


@dataclass(frozen=True, kw_only=True)
class ScoredRows:
    """Rows with their numbers; every array has the shape [rows], NaN where a row has no such number.

    Numbers are rounded as they stand in scores.parquet: flags and rates must follow from those.

    Args:
        identity: the columns of `IDENTITY`.
        alpha: weight of the given label, as the method defines it.
        beta: weight of the pseudo label.
        margin: logit of the given label minus the best other, mean over the epochs.
        alignment: of the row's gradient with that of the trusted rows, in units of its batch.
        positive_share: share of its visits in which the method weighed the given label above zero.
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
        contents: what the rows brought; nothing where an earlier version wrote the run.
        fixing: the rows of a table of corrections; None without one.
    """

    identity: pa.Table
    alpha: SingleArray
    beta: SingleArray
    margin: SingleArray
    alignment: SingleArray
    positive_share: SingleArray
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
    contents: tuple[Fingerprint, ...] = ()
    fixing: Fixing | None = None

    def __len__(self) -> int:
        return int(self.identity.num_rows)

    def noting(self, *notices: Notice) -> ScoredRows:
        """Return the same rows with more notices."""
        return replace(self, notices=(*self.notices, *notices))

    @property
    def given(self) -> IntArray:
        """Class index of the given label, -1 where there is none or the row was skipped, shape [rows]."""
        given = indices(self.identity["given_label"], self.classes)
        given[~self._readable] = -1
        return given

    @property
    def trusted(self) -> IntArray:
        """Class index of the verified label, shape [rows].

        `UNVERIFIED` where there is none or the row was skipped, `NO_CLASS` where none of the classes is right.
        """
        return self._verified("trusted_label")

    @property
    def sizes(self) -> IntArray:
        """How many rows have each given label, shape [classes]."""
        return counted_by_class(self.given, len(self.classes))

    @property
    def verified(self) -> BoolArray:
        """Rows with a given and a verified label, shape [rows]."""
        verified: BoolArray = (self.given >= 0) & (self.trusted != UNVERIFIED)
        return verified

    def audited(self) -> ScoredRows:
        """Return the rows that are `verified`, and no others: there may be few of millions."""
        kept = self.verified
        arrays = {name: getattr(self, name)[kept] for name in _ARRAYS}
        return replace(self, identity=self.identity.filter(pa.array(kept)), **arrays)

    @property
    def sampling(self) -> Sampling:
        """Verified rows with a given label, and with which probabilities they were drawn."""
        return Sampling.of(given=self.given, trusted=self.trusted, probability=self.probability)

    @property
    def corrected(self) -> IntArray:
        """Class index of the correction, shape [rows]; otherwise like `trusted`."""
        return self._verified("corrected_label")

    @property
    def second(self) -> IntArray:
        """Class index of what a second look at a verified row saw, shape [rows]; otherwise like `trusted`."""
        return self._verified("second_label")

    @property
    def disputed(self) -> BoolArray:
        """Rows at which two looks saw different labels, so that neither is certain, shape [rows]."""
        return disputed(self.identity)

    def looks(self, rows: BoolArray) -> Looks:
        """What was seen at some rows, once or twice: which, shape [rows]."""
        return Looks(
            given=self.given[rows],
            first=self.trusted[rows],
            second=self.second[rows],
            expected=1 - self.label_quality[rows].astype(np.float64),
            suggested=self.suggested[rows],
            confidence=self.suggested_confidence[rows].astype(np.float64),
            classes=len(self.classes),
        )

    def singles(self, by: By) -> SingleArray:
        """What a threshold cuts, as it stands in scores.parquet, shape [rows]."""
        values: SingleArray = getattr(self, by)
        return values

    def values(self, by: By) -> FloatArray:
        """The same in double precision, shape [rows]."""
        return self.singles(by).astype(np.float64)

    def rows(self) -> Rows:
        """What the noise is measured on; no row is audited where a notice says that verified rows measure nothing.

        Raises:
            NoisecleanerError: only some verified rows have a sampling probability.
        """
        rows = Rows(
            given=self.given,
            trusted=np.broadcast_to(np.int32(UNVERIFIED), len(self)) if void(self.notices) else self.trusted,
            expected=Rest(self.label_quality),
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

    def _verified(self, name: str) -> IntArray:
        """Read a column of verified labels as `trusted` gives them."""
        verified = verified_indices(self.identity[name], self.classes, none_label=self.none_label)
        verified[~self._readable] = UNVERIFIED
        return verified

    @property
    def _readable(self) -> BoolArray:
        return np.asarray(pc.is_null(self.identity["skip_reason"]))


def from_trace(trace: Trace) -> ScoredRows:
    """Take from a trace what scores are made of."""
    table = trace.table
    return ScoredRows(
        identity=table.select(list(IDENTITY)),
        alpha=singles(table["alpha"]),
        beta=singles(table["beta"]),
        margin=singles(table["margin"]),
        alignment=singles(table["alignment"]),
        positive_share=singles(table["positive_share"]),
        label_quality=singles(table["label_quality"]),
        suggested_confidence=singles(table["suggested_confidence"]),
        suggested=np.asarray(pc.fill_null(table["suggested"], -1)),
        judging=np.asarray(table["judging"]),
        probability=doubles(table["sample_probability"]),
        classes=trace.classes,
        model=trace.model,
        none_label=trace.none_label,
        unused=FittedLabels.of(table["given_label"], trace.classes).unused,
    )
