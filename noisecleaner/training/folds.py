"""Which rows train, which steer and which judge: cross-fitting, so that no trusted row judges its own influence."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from noisecleaner.arrays import BoolArray, IntArray

#: With fewer audited rows than this none is spared for judging: a calibration on ten rows is noise.
MIN_AUDITED = 20


@dataclass(frozen=True)
class Fold:
    """One training run.

    Args:
        source: rows whose given labels are trained on.
        steering: trusted rows whose gradient steers; indices from `rows` on are clean-only rows.
        recorded: rows whose alpha, beta and margin history this run keeps.
        predicted: rows that this run's network is read out on.
        checked: trusted rows that do not steer this run; its progress is measured on them.
    """

    source: IntArray
    steering: IntArray
    recorded: IntArray
    predicted: IntArray
    checked: IntArray


@dataclass(frozen=True)
class Plan:
    """All training runs, and which audited rows may judge what they recorded, shape [rows]."""

    folds: tuple[Fold, ...]
    judging: BoolArray


def plan(given: IntArray, trusted: IntArray, clean_only: IntArray, folds: int, seed: int, judged: bool = True) -> Plan:
    """Assign rows to training runs.

    With `folds` >= 3, run k does not train on the rows of part k and predicts them; it records the training
    history of part k - 1. Trusted rows of both parts do not steer it. So every row, audited or not, is predicted
    by a network that never saw it, and its history comes from a run that it did not steer: audited rows are
    exchangeable with the rest, and all of them judge.

    With `folds` = 1 there is one run on all rows; a random half of the audited rows steers, the other half judges
    (of the clean-only rows where too few are audited).

    Where judging would leave a run with trusted rows of fewer than two classes, all of them steer, and none judges.

    Args:
        given: class index of the given label, -1 where there is none, shape [rows].
        trusted: class index of the verified label, -1 where there is none, shape [rows].
        clean_only: verified labels of the clean-only rows, -1 where unusable, shape [clean-only rows].
        folds: number of runs, 1 or at least 3.
        seed: of the assignment.
        judged: False lets all trusted rows steer; nothing is predicted, as in a transfer to other classes.
    """
    labels = np.concatenate([np.where(given >= 0, trusted, -1), clean_only])
    may_judge = np.zeros(len(labels), dtype=bool)
    for rows in (np.flatnonzero(labels[: len(given)] >= 0), len(given) + np.flatnonzero(clean_only >= 0)):
        may_judge[rows] = len(rows) >= MIN_AUDITED
    if not judged:
        (fold,) = _single(given, labels, np.zeros_like(may_judge), 1, np.random.default_rng(seed)).folds
        return Plan((replace(fold, predicted=fold.predicted[:0]),), np.zeros(len(given), dtype=bool))
    assign = _single if folds == 1 else _crossed
    planned = assign(given, labels, may_judge, folds, np.random.default_rng(seed))
    if may_judge.any() and any(len(np.unique(labels[fold.steering])) < 2 for fold in planned.folds):
        return assign(given, labels, np.zeros_like(may_judge), folds, np.random.default_rng(seed))
    return planned


def _single(given: IntArray, labels: IntArray, may_judge: BoolArray, folds: int, rng: np.random.Generator) -> Plan:
    rows = np.flatnonzero(given >= 0)
    judges = np.flatnonzero(may_judge)
    inside = judges[judges < len(given)]
    pool = inside if len(inside) else judges
    half = np.sort(rng.permutation(pool)[: len(pool) // 2])
    judging = np.zeros(len(given), dtype=bool)
    judging[half[half < len(given)]] = True
    steering = np.setdiff1d(np.flatnonzero(labels >= 0), half)
    predicted = np.concatenate([rows, half[half >= len(given)]])
    return Plan((Fold(rows, steering, rows, predicted, half),), judging)


def _crossed(given: IntArray, labels: IntArray, may_judge: BoolArray, folds: int, rng: np.random.Generator) -> Plan:
    rows = np.flatnonzero(given >= 0)
    extra = len(given) + np.flatnonzero(labels[len(given) :] >= 0)
    trusted = np.flatnonzero(labels >= 0)
    part = np.full(len(labels), -1)
    part[rows] = _dealt((labels[rows], given[rows]), folds, rng)
    part[extra] = _dealt((labels[extra],), folds, rng)
    runs = []
    for k in range(folds):
        history = (k - 1) % folds
        spared = may_judge[trusted] & np.isin(part[trusted], (k, history))
        fold = Fold(
            source=rows[part[rows] != k],
            steering=trusted[~spared],
            recorded=rows[part[rows] == history],
            predicted=np.concatenate([rows[part[rows] == k], extra[(part[extra] == k) & may_judge[extra]]]),
            checked=trusted[spared & (part[trusted] == k)],
        )
        runs.append(fold)
    return Plan(tuple(runs), may_judge[: len(given)])


def _dealt(keys: tuple[IntArray, ...], folds: int, rng: np.random.Generator) -> IntArray:
    """Deal rows to the parts in turn, in random order within equal keys: every part gets its share of each."""
    rows = len(keys[0])
    parts = np.empty(rows, dtype=np.int64)
    parts[np.lexsort((rng.random(rows), *keys))] = np.arange(rows) % folds
    return parts
