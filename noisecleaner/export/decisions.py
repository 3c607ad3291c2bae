"""Which rows a clean copy keeps, and with which label: decided from the scores alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import NO_CLASS, UNVERIFIED, BoolArray, ByteArray, FloatArray, IntArray
from noisecleaner.ingest.labels.cells import indices
from noisecleaner.ingest.labels.indices import disputed, verified_indices
from noisecleaner.ingest.verified.certified import carried
from noisecleaner.noise.goal import Goal
from noisecleaner.noise.posterior import best_f1
from noisecleaner.noise.thresholds import refuse_uncalibrated, refuse_unmeasured
from noisecleaner.notices import Notice
from noisecleaner.registry import check_choice
from noisecleaner.runs.cut_notices import one_sided
from noisecleaner.runs.cutoff import AUTO, Cutoff, check_threshold
from noisecleaner.runs.metadata import Metadata
from noisecleaner.runs.scored import By
from noisecleaner.tables import doubles

#: Rows that are decided about together.
ROWS = 2**18


class OnFlag(StrEnum):
    """What happens to a flagged row."""

    DROP = "drop"
    RELABEL = "relabel"
    KEEP = "keep"


class LeftOut(StrEnum):
    """Why a row that has a score is not in a copy; others are left out for the reason for which they were skipped."""

    FLAGGED = "flagged"
    NO_SUGGESTION = "no_suggestion"
    SUGGESTION_LESS_LIKELY = "suggestion_less_likely"
    SUGGESTION_UNSURE = "suggestion_unsure"
    NO_CLASS = "no_class"
    NO_LABEL = "no_label"


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What happens to flagged rows; those with a correction always get it, and others their verified label.

    Args:
        on_flag: `relabel` takes the suggested label where it is more likely than the given one, and drops the row
            where neither is.
        threshold: flag rows below it, in the column that `score` cut; `"auto"` takes the one of best expected F1, see
            `Cutoff`. None takes the flags as they were scored.
        min_confidence: with `relabel`, drop flagged rows whose suggestion is less certain.

    Raises:
        NoisecleanerError: `on_flag` is none of `OnFlag`.
    """

    on_flag: OnFlag = OnFlag.DROP
    threshold: float | Literal["auto"] | None = None
    min_confidence: float = 0.0

    def __post_init__(self) -> None:
        check_choice(self.on_flag, list(OnFlag), parameter="`on_flag`")
        object.__setattr__(self, "on_flag", OnFlag(self.on_flag))  # a plain text is no member

    def refuse_unsuited(self, metadata: Metadata) -> None:
        """Refuse a threshold that these scores cannot be cut at.

        Raises:
            NoisecleanerError: it lies outside the range of the column that `score` cut, or is to be chosen by what is
                no probability.
        """
        if self.threshold is None:
            return
        Cutoff(threshold=self.threshold, by=metadata.by)
        if self.threshold == AUTO:
            refuse_unmeasured(Goal("f1"), metadata.notices)
            refuse_uncalibrated(Goal("f1"), metadata.quality)

    def number(self, scores: pa.Table, metadata: Metadata) -> float:
        """Where rows are cut: what was asked for, what `"auto"` comes to, or where `score` has cut them.

        Args:
            scores: the columns of `tables.SCORES`.
            metadata: kept beside them.
        """
        if self.threshold is None:
            return metadata.threshold
        return _number(scores, self.threshold, metadata.by)

    def notices(self, scores: pa.Table, by: By) -> tuple[Notice, ...]:
        """Say so where the threshold flags all scored rows, or none.

        Args:
            scores: the columns of `tables.SCORES`.
            by: the column that `score` cut.
        """
        if self.threshold is None:  # `score` has said it
            return ()
        found = one_sided(np.sort(_finite(scores[by])), self.threshold, by)
        return () if found is None else (found,)


class LostRows(NamedTuple):
    """Rows that are left out for one reason, shape [rows]."""

    reason: str
    rows: BoolArray


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """What becomes of the rows; every array has the shape [rows].

    Args:
        labels: the class index that a row gets, -1 for none.
        flagged: rows that are flagged.
        dropped: flagged rows that are left out.
        relabelled: flagged rows that get their suggested label.
        corrected: rows that get their correction, flagged or not.
        verified: other rows that get their verified label, flagged or not.
        no_class: rows of which somebody said that no class is right, which are left out.
        skipped: rows without a score, which are left out.
        reasons: why a row is left out, its place in `names`; -1 where it is kept.
        names: a value of `LeftOut` each, and the reasons for which rows were skipped.
    """

    labels: IntArray
    flagged: BoolArray
    dropped: BoolArray
    relabelled: BoolArray
    corrected: BoolArray
    verified: BoolArray
    no_class: BoolArray
    skipped: BoolArray
    reasons: ByteArray
    names: tuple[str, ...]

    @classmethod
    def room(cls, rows: int, like: Decisions) -> Decisions:
        """Make room for what becomes of rows, of which `like` are some."""
        arrays: dict[str, Any] = {name: np.empty(rows, getattr(like, name).dtype) for name in cls._arrays()}
        return replace(like, **arrays)

    def put(self, first: int, part: Decisions) -> None:
        """Take in what becomes of some rows, from a first one on."""
        for name in self._arrays():
            own = getattr(part, name)
            getattr(self, name)[first : first + len(own)] = own

    @classmethod
    def _arrays(cls) -> list[str]:
        return [field.name for field in fields(cls) if field.name != "names"]

    def left_out(self) -> list[LostRows]:
        """The rows that are left out by reason, in the order of the first row of each."""
        found = [LostRows(name, self.reasons == place) for place, name in enumerate(self.names)]
        return sorted((lost for lost in found if lost.rows.any()), key=lambda lost: int(lost.rows.argmax()))

    @property
    def keep(self) -> BoolArray:
        """The rows that are copied, shape [rows]."""
        return ~self.skipped & ~self.dropped & ~self.no_class & (self.labels >= 0)


def decide(
    scores: pa.Table,
    classes: tuple[str, ...],
    policy: Policy,
    *,
    by: By = "label_quality",
    none_label: str | None = None,
) -> Decisions:
    """Decide for each row which label it gets and whether it is kept.

    Args:
        scores: the columns of `tables.SCORES`.
        classes: the class names.
        policy: what happens to flagged rows.
        by: the column that a threshold cuts.
        none_label: the verified label that says that none of the classes is right; None where no label can.

    Raises:
        NoisecleanerError: the threshold lies outside the range of that column.
    """
    cut = None if policy.threshold is None else _number(scores, policy.threshold, by)
    if cut is not None:
        check_threshold(cut, by)
    skipped = pc.unique(scores["skip_reason"]).drop_null().to_pylist()
    how = _Deciding(
        classes=classes,
        policy=policy,
        by=by,
        cut=cut,
        none_label=none_label,
        names=(*(reason.value for reason in LeftOut), *skipped),
    )
    # part by part: what is looked at on the way takes ten times as much memory as what comes of it
    found = Decisions.room(scores.num_rows, _decided(scores.slice(0, 1), how))
    for first in range(0, scores.num_rows, ROWS):
        found.put(first, _decided(scores.slice(first, ROWS), how))
    return found


@dataclass(frozen=True, kw_only=True)
class _Deciding:
    """What decides, see `decide`; `cut` is where a threshold cuts, None takes the flags as they were scored."""

    classes: tuple[str, ...]
    policy: Policy
    by: By
    cut: float | None
    none_label: str | None
    names: tuple[str, ...]


def _decided(scores: pa.Table, how: _Deciding) -> Decisions:
    """Decide about some of the rows."""
    policy = how.policy
    given, suggested = (indices(scores[name], how.classes) for name in ("given_label", "suggested_label"))
    verified, corrected = (
        verified_indices(scores[name], how.classes, none_label=how.none_label)
        for name in ("trusted_label", "corrected_label")
    )
    verified[disputed(scores)] = UNVERIFIED  # neither look is certain
    flagged = _flagged(scores, how.cut, how.by)
    usable = np.asarray(pc.is_valid(scores["flagged"]))
    # a correction was made later, and of this row alone
    label = np.where(corrected == UNVERIFIED, verified, corrected)
    known, no_class = usable & (label >= 0), usable & (label == NO_CLASS)
    open_flag = usable & flagged & (label == UNVERIFIED)
    # what a copy carries since before it was made is no correction of it
    made = (corrected != UNVERIFIED) & ~carried(scores)
    lacking = _lacking(scores, suggested, policy)
    relabelled = open_flag & (lacking < 0) & (policy.on_flag is OnFlag.RELABEL)
    dropped = open_flag & ~relabelled & (policy.on_flag is not OnFlag.KEEP)
    labels = np.where(known, label, np.where(relabelled, suggested, given))
    lost = [~usable, dropped & (policy.on_flag is OnFlag.RELABEL), dropped, no_class, labels < 0]
    alone = (LeftOut.FLAGGED, LeftOut.NO_CLASS, LeftOut.NO_LABEL)
    why = [_skipped(scores, how.names), lacking, *(np.full_like(lacking, _place(reason)) for reason in alone)]
    return Decisions(
        labels=labels,
        flagged=flagged,
        dropped=dropped,
        relabelled=relabelled,
        corrected=known & made,
        verified=known & ~made,
        no_class=no_class,
        skipped=~usable,
        reasons=np.select(lost, why, -1).astype(np.int8),
        names=how.names,
    )


def _place(reason: LeftOut) -> int:
    """The place of a reason in `Decisions.names`."""
    return list(LeftOut).index(reason)


def _skipped(scores: pa.Table, names: Sequence[str]) -> IntArray:
    """Why a row was skipped, its place in `Decisions.names`; -1 where it was not, shape [rows]."""
    places = indices(scores["skip_reason"], names[len(LeftOut) :])
    return np.where(places < 0, -1, places + len(LeftOut))


def _lacking(scores: pa.Table, suggested: IntArray, policy: Policy) -> IntArray:
    """Why a suggestion is not taken where its row is flagged, a place in `LeftOut`; -1 where it is, shape [rows]."""
    confidence = np.asarray(pc.fill_null(scores["suggested_confidence"], 0))
    # a suggestion that is less likely than the label it would replace makes things worse
    unlikely = confidence <= np.asarray(pc.fill_null(scores["label_quality"], 0))
    lacks = [suggested < 0, unlikely, confidence < policy.min_confidence]
    reasons = (LeftOut.NO_SUGGESTION, LeftOut.SUGGESTION_LESS_LIKELY, LeftOut.SUGGESTION_UNSURE)
    return np.select(lacks, [_place(reason) for reason in reasons], -1)


def _flagged(scores: pa.Table, cut: float | None, by: By) -> BoolArray:
    if cut is None:
        return np.asarray(pc.fill_null(scores["flagged"], False))
    # rows without a label are always flagged
    lower = pc.fill_null(pc.less(scores[by], cut), False)
    return np.asarray(pc.or_(lower, pc.is_null(scores["given_label"])))


def _number(scores: pa.Table, threshold: float | Literal["auto"], by: By) -> float:
    return best_f1(_finite(scores[by])) if threshold == AUTO else threshold


def _finite(column: pa.ChunkedArray) -> FloatArray:
    values = doubles(column)
    return values[np.isfinite(values)]
