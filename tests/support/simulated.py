"""Networks, scores and audits that are made up, so that the truth is known: for the statistics' tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

import numpy as np

from noisecleaner.arrays import Array
from noisecleaner.noise.estimate import Audit
from noisecleaner.noise.rates import Rows
from noisecleaner.quality._rowwise import Rowwise
from noisecleaner.quality.calibration import sigmoid
from noisecleaner.quality.fitting import VerifiedRows
from noisecleaner.quality.signals import Dynamics, Predictions, Signals
from noisecleaner.quality.transition import VerifiedLabels

NOBODY = np.empty(0, dtype=np.int64)


def network(
    true: Array, given: Array, classes: int, rng: np.random.Generator, skill: float | Array = 2.5
) -> Predictions:
    """What a network that knows the true class so well says of given labels, all other classes listed."""
    logits = rng.normal(size=(len(true), classes))
    logits[np.arange(len(true)), true] += skill
    logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    own = logs[np.arange(len(true)), given]
    rest = logs.copy()
    rest[np.arange(len(true)), given] = -np.inf
    order = np.argsort(-rest, axis=1)[:, : classes - 1]
    return Predictions(
        given=given,
        margin=own - rest.max(axis=1),
        log_probability=own,
        candidates=order,
        candidate_log_probabilities=np.take_along_axis(rest, order, axis=1),
    )


def predictions_of(own: float, others: Mapping[int, float], given: int = 0) -> Predictions:
    """One row: the log probability of its given label, and those of other classes, the best one first."""
    candidates, logs = np.array([list(others)]), np.array([list(others.values())], dtype=float)
    return Predictions(
        given=np.array([given]),
        margin=own - logs[:, 0],
        log_probability=np.array([own]),
        candidates=candidates,
        candidate_log_probabilities=logs,
    )


def verified_example(rows: int = 60, classes: int = 4, seed: int = 0) -> tuple[VerifiedLabels, Predictions]:
    """Verified labels with unequal weights, and what a network says of their rows."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, classes, rows)
    labels = np.where(rng.random(rows) < 0.4, rng.integers(0, classes, rows), true)
    weights = rng.random(rows) + 0.5
    verified = VerifiedLabels(true=true, weights=weights / weights.mean())
    return verified, network(true, labels, classes, rng)


def trace(rows: int, classes: int = 4, noise: float = 0.3, seed: int = 0) -> tuple[Signals, Array, Array]:
    """All signals of a decent run on rows of which a share is wrong; also who is right, and the true labels."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, classes, rows)
    correct = rng.random(rows) >= noise
    given = np.where(correct, true, (true + rng.integers(1, classes, rows)) % classes)
    predictions = network(true, given, classes, rng)
    dynamics = Dynamics(
        margin=predictions.margin + rng.normal(size=rows),
        positive_share=np.full(rows, np.nan),
        alpha=np.where(correct, 1.0, 0.5) * rng.random(rows),
        beta=np.full(rows, np.nan),
        alignment=np.where(correct, 0.3, -0.3) + rng.normal(size=rows),
    )
    return Signals(dynamics, predictions), correct, true


def any_signals(rows: int, classes: int = 4, seed: int = 0, known: float = 0.7) -> Signals:
    """Random numbers in the precision of files; some rows are unknown, and some have no label."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(rows, classes)).astype(np.float32)
    predictions = Predictions.from_logits(logits, given=rng.integers(-1, classes, rows))
    numbers = {f.name: rng.normal(size=rows).astype(np.float32).astype(np.float64) for f in fields(Dynamics)}
    places = np.flatnonzero(rng.random(rows) < known)
    spread = Predictions.spread([(places, predictions.take(places))], rows)
    return Signals(Dynamics.spread([(places, Dynamics(**numbers).take(places))], rows), spread)


def assert_same(one: Rowwise, other: Rowwise) -> None:
    """To the bit, and in the same precision."""
    assert type(one) is type(other)
    for name, values in vars(one).items():
        again = getattr(other, name)
        np.testing.assert_array_equal(again, values, err_msg=name)
        assert again.dtype == values.dtype, name


def verify(true: Array, judging: Array, classes: int = 4, weights: Array | None = None) -> VerifiedRows:
    """Verified rows that judge; no clean-only ones."""
    labels = VerifiedLabels(true=true[judging], weights=np.ones(len(judging)) if weights is None else weights)
    return VerifiedRows(judging=judging, labels=labels, classes=classes)


def calibration_error(probability: Array, outcome: Array, bins: int = 10) -> float:
    """Expected calibration error, in bins of equal size."""
    order = np.array_split(np.argsort(probability), bins)
    return float(np.mean([abs(probability[part].mean() - outcome[part].mean()) for part in order]))


def scores(rows: int, rng: np.random.Generator, steep: float = 4.0, middle: float = -2.0) -> tuple[Array, Array]:
    """Calibrated probabilities of being wrong, a logistic model of a normal signal, and who is wrong."""
    expected = sigmoid(middle + steep * rng.normal(size=rows))
    return expected, rng.random(rows) < expected


def drawn(wrong: Array, expected: Array, probability: Array, rows: Array) -> Audit:
    """The audit of some rows."""
    return Audit(wrong=wrong[rows], expected=expected[rows], probability=probability[rows])


def even(wrong: Array, expected: Array, size: int, rng: np.random.Generator) -> Audit:
    """The audit of a random sample."""
    rows = rng.choice(len(wrong), size, replace=False)
    return drawn(wrong, expected, np.full(len(wrong), size / len(wrong)), rows)


def audited_rows(wrong: Array, judging: Array, expected: Array | None = None, audited: Array | None = None) -> Rows:
    """Rows of one class of which some are audited; all that are judge, unless others are audited, too."""
    known = judging if audited is None else audited
    size = len(wrong)
    unknown = np.full(size, np.nan)
    return Rows(
        given=np.zeros(size, np.int64),
        trusted=np.where(known, wrong.astype(np.int64), -1),
        expected=unknown if expected is None else expected,
        judging=judging,
        probability=unknown,
    )
