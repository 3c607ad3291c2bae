"""Which rows train, which steer and which judge: cross-fitting, so that no trusted row judges its own influence."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from noisecleaner.arrays import NO_CLASS, UNVERIFIED, BoolArray, IntArray
from noisecleaner.errors import NoisecleanerError

#: With fewer audited rows than this none is spared for judging: a calibration on ten rows is noise.
MIN_AUDITED = 20


def _nobody() -> IntArray:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True, kw_only=True)
class Fold:
    """One training run: numbers of rows, each of shape [its rows]; from `FoldAssignment.rows` on they are clean-only.

    Args:
        source: rows whose given labels are trained on.
        overridden: those of them that are trained on with their correction instead.
        steering: trusted and corrected rows whose gradient steers.
        recorded: rows whose alpha, beta and margin history this run keeps.
        predicted: rows that this run's network is read out on.
        checked: trusted rows that do not steer this run; its progress is measured on them.
    """

    source: IntArray
    overridden: IntArray = field(default_factory=_nobody)
    steering: IntArray = field(default_factory=_nobody)
    recorded: IntArray = field(default_factory=_nobody)
    predicted: IntArray = field(default_factory=_nobody)
    checked: IntArray = field(default_factory=_nobody)


@dataclass(frozen=True)
class FoldAssignment:
    """All training runs, and which audited rows may judge what they recorded, shape [rows of the dataset]."""

    folds: tuple[Fold, ...]
    judging: BoolArray

    @property
    def rows(self) -> int:
        """Rows of the dataset; numbers from here on are clean-only rows."""
        return len(self.judging)

    @property
    def unseen_by(self) -> IntArray:
        """The fold whose network did not train on a row of the dataset, and predicts it; -1 without one, [rows]."""
        unseen = np.full(self.rows, -1)
        for number, fold in enumerate(self.folds):
            inside = fold.predicted[fold.predicted < self.rows]
            unseen[inside[~np.isin(inside, fold.source)]] = number
        return unseen


def refuse_small_folds(folds: int | None, given: IntArray) -> None:
    """Refuse more parts than the rows can fill with two each: a part without rows predicts nothing.

    Args:
        folds: number of runs that was asked for; None where it is chosen.
        given: class index of the given label, below 0 where a row cannot be used, shape [rows].

    Raises:
        NoisecleanerError: tells how many there may be.
    """
    usable = int((given >= 0).sum())
    most = usable // 2
    if folds is None or folds == 1 or folds <= most:
        return
    at_most = f"at most {most:,} here, or 1 (a single run)" if most >= 3 else "only 1 (a single run) here"
    raise NoisecleanerError(
        f"Each of the `Effort.folds` predicts at least two labelled rows that can be read, of which there "
        f"{'is' if usable == 1 else 'are'} {usable:,}: {at_most}, but it is {folds:,}.",
        "Leave `Effort.folds` out to have it chosen.",
    )


def assign_folds(
    *,
    given: IntArray,
    trusted: IntArray,
    clean_only: IntArray,
    folds: int,
    seed: int,
    judged: bool = True,
    corrected: IntArray | None = None,
) -> FoldAssignment:
    """Assign rows to training runs.

    With `folds` >= 3, run k does not train on the rows of part k and predicts them; it records the training
    history of part k - 1. Trusted rows of both parts do not steer it. So every row, audited or not, is predicted
    by a network that never saw it, and its history comes from a run that it did not steer: audited rows are
    exchangeable with the rest, and all of them judge.

    With `folds` = 1 there is one run on all rows; a random half of the audited rows steers, the other half judges
    (of the clean-only rows where too few are audited).

    Rows that were corrected never judge. They steer the runs that neither predict them nor record them, in which they
    train with the corrected label: so what is found out about them is found out as it is about others. A single run
    records all rows; they steer it, and train with the given label like others.

    Where judging would leave a run with trusted rows of fewer than two classes, all of them steer, and none judges.

    Args:
        given: class index of the given label, -1 where there is none, shape [rows].
        trusted: class index of the verified label, `UNVERIFIED` without one, `NO_CLASS` where none is right: such a row
            judges, but steers nothing; shape [rows].
        clean_only: verified labels of the clean-only rows, -1 where unusable, shape [clean-only rows].
        folds: number of runs, 1 or at least 3.
        seed: of the assignment.
        judged: False lets all trusted rows steer; nothing is predicted, as in a transfer to other classes.
        corrected: class index of the correction, like `trusted`; None where nothing is corrected.
    """
    verified = np.concatenate([np.where(given >= 0, trusted, UNVERIFIED), clean_only])
    may_judge = np.zeros(len(verified), dtype=bool)
    audited = verified[: len(given)] != UNVERIFIED
    for rows in (np.flatnonzero(audited), len(given) + np.flatnonzero(clean_only >= 0)):
        may_judge[rows] = len(rows) >= MIN_AUDITED
    fixed = np.full(len(verified), UNVERIFIED)
    if corrected is not None:
        fixed[: len(given)] = np.where(given >= 0, corrected, UNVERIFIED)
    labels = _Labels(given=given, verified=verified, may_judge=may_judge, corrected=fixed)
    if not judged:
        (fold,) = _single(labels.unjudged(), np.random.default_rng(seed)).folds
        return FoldAssignment((replace(fold, predicted=_nobody()),), np.zeros(len(given), dtype=bool))
    assignment = _assign(labels, folds, seed)
    if labels.apart.any() and any(len(np.unique(labels.steering[fold.steering])) < 2 for fold in assignment.folds):
        return _assign(labels.unjudged(), folds, seed)
    return assignment


@dataclass(frozen=True, kw_only=True)
class _Labels:
    """What rows are assigned by.

    Args:
        given: class index of the given label, -1 where there is none, shape [rows].
        verified: the same of the verified label, also of the clean-only rows, shape [rows + clean-only rows].
        may_judge: whether a row may judge instead of steering, shape [rows + clean-only rows].
        corrected: class index of the correction, like `verified`, shape [rows + clean-only rows].
        kept_apart: whether rows with a correction do not steer what predicts or records them.
    """

    given: IntArray
    verified: IntArray
    may_judge: BoolArray
    corrected: IntArray
    kept_apart: bool = True

    @property
    def steering(self) -> IntArray:
        """Class index of the label that a row steers with, below 0 where it does not, shape [all rows]."""
        return np.where(self.corrected == UNVERIFIED, self.verified, self.corrected)

    @property
    def apart(self) -> BoolArray:
        """Rows that do not steer what predicts or records them, shape [all rows]."""
        apart: BoolArray = self.may_judge | ((self.corrected != UNVERIFIED) & self.kept_apart)
        return apart

    @property
    def overriding(self) -> IntArray:
        """Rows of which a correction changes the given label."""
        given = self.given
        corrected = self.corrected[: len(given)]
        return np.flatnonzero((corrected != UNVERIFIED) & (corrected != given))

    def unjudged(self) -> _Labels:
        """The same with no row that may judge, and none that may not steer."""
        return replace(self, may_judge=np.zeros_like(self.may_judge), kept_apart=False)

    def source(self, rows: IntArray, overridden: IntArray) -> IntArray:
        """Leave out those of the rows that are overridden and of no class."""
        return np.setdiff1d(rows, overridden[self.corrected[overridden] == NO_CLASS])

    def of_a_class(self, overridden: IntArray) -> IntArray:
        """Those of the overridden rows that have another class for a label."""
        return overridden[self.corrected[overridden] >= 0]


def _assign(labels: _Labels, folds: int, seed: int) -> FoldAssignment:
    rng = np.random.default_rng(seed)
    return _single(labels, rng) if folds == 1 else _crossed(labels, folds, rng)


def _single(labels: _Labels, rng: np.random.Generator) -> FoldAssignment:
    count = len(labels.given)
    rows, judges = np.flatnonzero(labels.given >= 0), np.flatnonzero(labels.may_judge)
    inside = judges[judges < count]
    pool = inside if len(inside) else judges
    half = np.sort(rng.permutation(pool)[: len(pool) // 2])
    judging = np.zeros(count, dtype=bool)
    judging[half[half < count]] = True
    fold = Fold(
        source=rows,
        steering=np.setdiff1d(np.flatnonzero(labels.steering >= 0), half),
        recorded=rows,
        predicted=np.concatenate([rows, half[half >= count]]),
        checked=half,
    )
    return FoldAssignment((fold,), judging)


def _crossed(labels: _Labels, folds: int, rng: np.random.Generator) -> FoldAssignment:
    given, verified, may_judge = labels.given, labels.verified, labels.may_judge
    rows, trusted, overriding = np.flatnonzero(given >= 0), np.flatnonzero(labels.steering >= 0), labels.overriding
    extra = len(given) + np.flatnonzero(verified[len(given) :] >= 0)
    part = np.full(len(verified), -1)
    part[rows] = dealt((labels.corrected[rows], verified[rows], given[rows]), folds, rng)
    part[extra] = dealt((verified[extra],), folds, rng)
    runs = []
    for k in range(folds):
        history = (k - 1) % folds
        spared = labels.apart[trusted] & np.isin(part[trusted], (k, history))
        overridden = overriding[~np.isin(part[overriding], (k, history))]
        fold = Fold(
            source=labels.source(rows[part[rows] != k], overridden),
            overridden=labels.of_a_class(overridden),
            steering=trusted[~spared],
            recorded=rows[part[rows] == history],
            predicted=np.concatenate([rows[part[rows] == k], extra[(part[extra] == k) & may_judge[extra]]]),
            checked=trusted[spared & may_judge[trusted] & (part[trusted] == k)],
        )
        runs.append(fold)
    return FoldAssignment(tuple(runs), may_judge[: len(given)])


def dealt(keys: tuple[IntArray, ...], folds: int, rng: np.random.Generator) -> IntArray:
    """Deal rows to the parts in turn, in random order within equal keys: every part gets its share of each.

    Args:
        keys: the last one counts most, each of shape [rows].
        folds: number of parts.
        rng: of the order.

    Returns:
        The part of each row, shape [rows].
    """
    rows = len(keys[0])
    parts = np.empty(rows, dtype=np.int64)
    parts[np.lexsort((rng.random(rows), *keys))] = np.arange(rows) % folds
    return parts
