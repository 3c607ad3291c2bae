"""The few numbers of a row that label quality is made of: each field is a column of the trace.

A new signal is one more field with its `Signal`, and whoever computes it: the trace's schema, the files and what
calibrators read follow from the fields.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated

import numpy as np
import pyarrow as pa

from noisecleaner.arrays import BoolArray, FloatArray, IntArray, SingleArray
from noisecleaner.quality._rowwise import Rowwise, Signal

#: Labels other than the given one that are kept for a row, most probable first.
CANDIDATES = 5
#: Stand before the columns of the first round's predictions, and of those with neighbours' votes.
_FIRST, _VOTED = "first_", "voted_"


@dataclass(frozen=True, kw_only=True)
class Dynamics(Rowwise):
    """What training saw of rows that it was recorded for; every array has the shape [rows].

    Args:
        alpha: weight of the given label, as the method defines it.
        beta: weight of the pseudo label (L2B); NaN with other methods.
        alignment: of the row's gradient with the trusted rows', mean over visits, in batch units.
        margin: logit of the given label minus the best other, mean over the epochs (the area under the margin of
            Pleiss et al., 2020).
        positive_share: share of the visits in which the given label weighed more than zero.
    """

    alpha: Annotated[FloatArray, Signal("alpha", feature=2, long_tailed=True)]
    beta: Annotated[FloatArray, Signal("beta", feature=3, long_tailed=True)]
    alignment: Annotated[FloatArray, Signal("alignment", feature=4)]
    margin: Annotated[FloatArray, Signal("margin", feature=1)]
    positive_share: Annotated[FloatArray, Signal("positive_share")]


@dataclass(frozen=True, kw_only=True)
class Predictions(Rowwise):
    """What a network says of rows that it did not train on (with one fold: that it did).

    Args:
        given: class index of the given label, -1 where there is none, shape [rows]; files hold it as text.
        margin: logit of the given label minus the best other, shape [rows].
        log_probability: of the given label, shape [rows].
        candidates: classes other than the given one, most probable first, -1 where there is none, shape [rows, k].
        candidate_log_probabilities: NaN where there is none, shape [rows, k].
        zero_shot_margin: the margin that vectors of the classes give, which have seen no label; NaN without, as it is
            by default, shape [rows].
        zero_shot_log_probability: likewise.
    """

    given: IntArray
    margin: Annotated[FloatArray, Signal("predicted_margin", feature=1)]
    log_probability: Annotated[FloatArray, Signal("predicted_log_probability", feature=2)]
    candidates: Annotated[IntArray, Signal("candidates", pa.list_(pa.int32()))]
    candidate_log_probabilities: Annotated[FloatArray, Signal("candidate_log_probabilities", pa.list_(pa.float32()))]
    zero_shot_margin: Annotated[FloatArray, Signal("zero_shot_margin", feature=3, optional=True)] = field(
        default_factory=lambda: np.empty(0)
    )
    zero_shot_log_probability: Annotated[FloatArray, Signal("zero_shot_log_probability", feature=4, optional=True)] = (
        field(default_factory=lambda: np.empty(0))
    )

    def __post_init__(self) -> None:
        for name in ("zero_shot_margin", "zero_shot_log_probability"):
            if len(getattr(self, name)) != len(self.given):
                object.__setattr__(self, name, np.full(len(self.given), np.nan))

    @classmethod
    def from_logits(cls, logits: SingleArray, *, given: IntArray, scratch: SingleArray | None = None) -> Predictions:
        """Reduce logits to what label quality is made of; they are overwritten.

        A row without a label (-1) has neither margin nor probability, and every class is a candidate.

        Args:
            logits: shape [rows, classes], best so few rows that they fit into the processor's cache, because each is
                passed over nine times.
            given: class index of the given label, shape [rows].
            scratch: of the shape of `logits`, overwritten; fresh memory would take longer to get than to compute with.
        """
        rows, labelled, label = np.arange(len(logits)), given >= 0, np.maximum(given, 0)
        normaliser = _log_sum_exp(logits, np.empty_like(logits) if scratch is None else scratch)
        own = logits[rows, label]
        logits[rows, label] = np.where(labelled, -np.inf, own)
        count = min(CANDIDATES, logits.shape[1] - 1)
        candidates = np.empty((len(logits), count), dtype=np.int64)
        values = np.empty((len(logits), count), dtype=np.float32)
        for place in range(count):  # five passes of argmax take a fifth of the time of a partial sort
            best = logits.argmax(axis=1)
            candidates[:, place], values[:, place] = best, logits[rows, best]
            logits[rows, best] = -np.inf
        unknown = np.float32(np.nan)
        return cls(
            given=given,
            margin=np.where(labelled, own - values[:, 0], unknown).astype(np.float64),
            log_probability=np.where(labelled, own - normaliser, unknown).astype(np.float64),
            candidates=candidates,
            candidate_log_probabilities=(values - normaliser[:, None]).astype(np.float64),
        )

    @classmethod
    def none(cls) -> Predictions:
        """No rows."""
        return cls.from_logits(np.empty((0, 2), np.float32), given=np.empty(0, np.int64))

    @property
    def known(self) -> BoolArray:
        """Rows whose given label a network predicted, shape [rows]."""
        return np.isfinite(self.margin)

    def with_zero_shot_of(self, other: Predictions) -> Predictions:
        """Return the same with what vectors of the classes say of the rows, as others of these rows have it."""
        return replace(
            self,
            zero_shot_margin=other.zero_shot_margin,
            zero_shot_log_probability=other.zero_shot_log_probability,
        )

    def with_zero_shot(self, zero_shot: Predictions) -> Predictions:
        """Return the same with what vectors of the classes say of the rows."""
        return replace(
            self,
            zero_shot_margin=zero_shot.margin,
            zero_shot_log_probability=zero_shot.log_probability,
        )

    def rest(self) -> FloatArray:
        """Compute the probability of all classes that are not listed, shape [rows]."""
        listed = np.exp(self.log_probability) + np.nansum(np.exp(self.candidate_log_probabilities), axis=1)
        # single precision leaves crumbs where every class is listed
        return np.where(1 - listed > 1e-6, 1 - listed, 0.0)


@dataclass(frozen=True)
class Signals:
    """All that is known of rows: what training saw of them, and what networks say that did not train on them.

    Args:
        dynamics: from training.
        predictions: of the last round, as new rows are predicted.
        first: of the first round, where there was a second one.
        voted: of the last round and the rows' neighbours together, where these were asked.
    """

    dynamics: Dynamics
    predictions: Predictions
    first: Predictions | None = None
    voted: Predictions | None = None

    def __len__(self) -> int:
        return len(self.predictions)

    def take(self, rows: IntArray) -> Signals:
        """Some of the rows: their places, shape [n]."""
        first, voted = (None if more is None else more.take(rows) for more in (self.first, self.voted))
        return Signals(self.dynamics.take(rows), self.predictions.take(rows), first, voted)

    @staticmethod
    def schema() -> list[pa.Field]:
        """The columns of the trace that these are kept in, in the order of the fields."""
        signals = [*Dynamics.signals().values(), *Predictions.signals().values()]
        columns = [(signal.column, signal.kind) for signal in signals]
        more = [(prefix + signal.column, signal.kind) for prefix in (_FIRST, _VOTED) for signal in _repeated()]
        return [pa.field(*one) for one in (*columns, *more)]

    def to_table(self) -> pa.Table:
        """Make the columns of the trace, in single precision; what is unknown is null."""
        columns = [*self.dynamics.to_table().columns, *self.predictions.to_table().columns]
        for more in (self.first, self.voted):
            names = [signal.column for signal in _repeated()]
            nulls = [pa.nulls(len(self), signal.kind) for signal in _repeated()]
            columns += nulls if more is None else more.to_table().select(names).columns
        return pa.Table.from_arrays(columns, schema=pa.schema(self.schema()))

    @classmethod
    def from_table(cls, table: pa.Table, *, given: IntArray) -> Signals:
        """Read a trace.

        Args:
            table: with the columns of `schema`.
            given: class index of the given label, -1 where there is none, shape [rows].
        """
        last = Predictions.from_table(table, given=given)
        more = (_more_of(table, prefix, given) for prefix in (_FIRST, _VOTED))
        return cls(Dynamics.from_table(table), last, *more)

    @property
    def best(self) -> Predictions:
        """Predictions that fitted rows are judged by: with votes, where there are any."""
        return self.predictions if self.voted is None else self.voted.with_zero_shot_of(self.predictions)

    @property
    def unfitted(self) -> Predictions:
        """Predictions whose certainty no verified label has had a part in: of the first round."""
        return self.predictions if self.first is None else self.first


def unfitted_predictions(table: pa.Table, *, given: IntArray) -> Predictions:
    """Read `Signals.unfitted` of a trace; arguments and shapes are those of `Signals.from_table`."""
    first = _more_of(table, _FIRST, given)
    return Predictions.from_table(table, given=given) if first is None else first


def _more_of(table: pa.Table, prefix: str, given: IntArray) -> Predictions | None:
    """Read predictions besides the last round's own; None where there are none."""
    names = {prefix + signal.column: signal.column for signal in _repeated()}
    columns = table.select(list(names)).rename_columns(list(names.values()))
    if columns["predicted_margin"].null_count == len(columns):
        return None
    return Predictions.from_table(columns, given=given)


def _repeated() -> list[Signal]:
    """What is kept of predictions besides the last round's own: what vectors of the classes say is the same in each."""
    return [signal for signal in Predictions.signals().values() if not signal.optional]


def _log_sum_exp(logits: SingleArray, scratch: SingleArray) -> SingleArray:
    """Compute log sum exp of each row, shape [rows], without overflow."""
    top = logits.max(axis=1)
    np.subtract(logits, top[:, None], out=scratch)
    return np.asarray(top + np.log(np.exp(scratch, out=scratch).sum(axis=1)))
