"""Which rows train, which steer and which judge: cross-fitting, so that no trusted row judges its own influence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from noisecleaner.ingest.manifest import BoolArray, IntArray

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


def plan(given: IntArray, trusted: IntArray, clean_only: IntArray, folds: int, seed: int) -> Plan:
    """Assign rows to training runs.

    With `folds` >= 3, run k does not train on the rows of part k and predicts them; it records the training
    history of part k - 1. Trusted rows of both parts do not steer it. So every row, audited or not, is predicted
    by a network that never saw it, and its history comes from a run that it did not steer: audited rows are
    exchangeable with the rest, and all of them judge.

    With `folds` = 1 there is one run on all rows; a random half of the audited rows steers, the other half judges.

    Args:
        given: class index of the given label, -1 where there is none, shape [rows].
        trusted: class index of the verified label, -1 where there is none, shape [rows].
        clean_only: verified labels of the clean-only rows, -1 where unusable, shape [clean-only rows].
        folds: number of runs, 1 or at least 3.
        seed: of the assignment.
    """
    rng = np.random.default_rng(seed)
    rows = np.flatnonzero(given >= 0)
    audited = np.flatnonzero((given >= 0) & (trusted >= 0))
    extra = len(given) + np.flatnonzero(clean_only >= 0)
    judges = len(audited) >= MIN_AUDITED
    judging = np.zeros(len(given), dtype=bool)
    if folds == 1:
        half = rng.permutation(audited)[: len(audited) // 2] if judges else audited[:0]
        judging[half] = True
        steering = np.concatenate([np.setdiff1d(audited, half), extra])
        return Plan((Fold(rows, steering, rows, rows, np.sort(half)),), judging)
    judging[audited] = judges
    part = np.full(len(given) + len(clean_only), -1)
    part[rows] = _parts(given[rows], folds, rng)
    part[extra] = rng.permutation(len(extra)) % folds
    everyone = np.concatenate([audited, extra])
    return Plan(tuple(_fold(k, folds, part, rows, everyone, judges) for k in range(folds)), judging)


def _fold(k: int, folds: int, part: IntArray, rows: IntArray, trusted: IntArray, judges: bool) -> Fold:
    history = (k - 1) % folds
    spared = np.isin(part[trusted], (k, history)) if judges else np.zeros(len(trusted), dtype=bool)
    return Fold(
        source=rows[part[rows] != k],
        steering=trusted[~spared],
        recorded=rows[part[rows] == history],
        predicted=np.flatnonzero(part == k),
        checked=trusted[part[trusted] == k],
    )


def _parts(given: IntArray, folds: int, rng: np.random.Generator) -> IntArray:
    """Deal the rows of each class to the parts in turn, in random order: every part holds every class."""
    dealt = np.lexsort((rng.random(len(given)), given))
    parts = np.empty(len(given), dtype=np.int64)
    parts[dealt] = np.arange(len(given)) % folds
    return parts
