"""The second round learns what labels really are, and a row's own verified label has no part in what is said of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from noisecleaner.arrays import NO_CLASS, UNVERIFIED, BoolArray, FloatArray, IntArray, SingleArray
from noisecleaner.training.parted import Rows
from noisecleaner.training.second_round import PartOutcome, second_round
from noisecleaner.training.temperature import pooled_loss

CLASSES, PARTS = 4, 5


@dataclass(frozen=True)
class Drawn:
    """Rows of Gaussian classes, a share of them with a wrong label, and what is true of them."""

    rows: Rows
    true: IntArray

    @property
    def wrong(self) -> BoolArray:
        wrong: BoolArray = self.rows.given != self.true
        return wrong


def drawn(count: int = 1_500, noise: float = 0.4, seed: int = 0, apart: float = 2.2) -> Drawn:
    rng = np.random.default_rng(seed)
    true = rng.integers(0, CLASSES, count)
    centres = rng.normal(size=(CLASSES, 16))
    centres *= apart / np.linalg.norm(centres, axis=1, keepdims=True)
    vectors = (centres[true] + rng.normal(size=(count, 16))).astype(np.float32)
    given = np.where(rng.random(count) < noise, (true + 1) % CLASSES, true)  # always taken for the next class
    known = np.where(rng.random(count) < 0.1, true, UNVERIFIED)
    rows = Rows(
        vectors=vectors,
        mean=vectors.mean(axis=0),
        scale=(1 / vectors.std(axis=0)).astype(np.float32),
        given=given,
        known=known,
        part=rng.integers(0, PARTS, count),
        used=np.ones(count, dtype=bool),
        classes=CLASSES,
    )
    return Drawn(rows, true)


def predicted(rows: Rows) -> FloatArray:
    """Logits of every row by the head of its part, shape [rows, classes]."""
    logits = np.empty((len(rows.given), rows.classes))
    for outcome in second_round(rows):
        for some, vectors in rows.blocks(outcome.rows):
            logits[some] = outcome.head.logits(vectors)
    return logits


def weights(outcome: PartOutcome) -> FloatArray:
    """Of the head, with the bias as the last row."""
    return np.vstack([outcome.head.weight, outcome.head.bias])


def votes(outcome: PartOutcome) -> SingleArray:
    """What head and neighbours say together."""
    return outcome.log_probabilities


def assert_same(one: PartOutcome, two: PartOutcome) -> None:
    np.testing.assert_array_equal(weights(one), weights(two))
    np.testing.assert_array_equal(one.rows, two.rows)
    np.testing.assert_array_equal(one.log_probabilities, two.log_probabilities)


@pytest.mark.parametrize("part", [0, PARTS - 1])
@pytest.mark.parametrize("lie", ["other", "none", "unverified"])
def test_what_is_verified_in_a_part_changes_nothing_in_its_head(part: int, lie: str) -> None:
    rows = drawn().rows
    inside = (rows.part == part) & (rows.known >= 0)
    known = rows.known.copy()
    known[inside] = {"other": (known[inside] + 1) % CLASSES, "none": NO_CLASS, "unverified": UNVERIFIED}[lie]
    other = replace(rows, known=known)
    heads, others = list(second_round(rows)), list(second_round(other))
    assert_same(heads[part], others[part])
    for tell in (weights, votes):
        assert any((tell(one) != tell(two)).any() for one, two in zip(heads, others, strict=True))


def test_given_labels_of_a_part_change_nothing_in_its_head() -> None:
    rows = drawn().rows
    given = np.where(rows.part == 2, (rows.given + 1) % CLASSES, rows.given)
    assert_same(list(second_round(rows))[2], list(second_round(replace(rows, given=given)))[2])


@pytest.mark.parametrize("seed", range(3))
def test_it_finds_wrong_labels_better_than_a_classifier_of_given_labels(seed: int) -> None:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.model_selection import cross_val_predict

    made = drawn(seed=seed)
    rows, open_rows, places = made.rows, made.rows.known < 0, np.arange(len(made.true))
    plain = cross_val_predict(LinearDiscriminantAnalysis(), rows.vectors, rows.given, cv=5, method="predict_proba")
    logits = predicted(rows)
    own = logits[places, rows.given] - np.logaddexp.reduce(logits, axis=1)
    ranks = roc_auc_score(made.wrong[open_rows], -own[open_rows])
    assert ranks > roc_auc_score(made.wrong[open_rows], -plain[places, rows.given][open_rows]) + 0.01
    assert (logits.argmax(axis=1) == made.true).mean() > (plain.argmax(axis=1) == made.true).mean()


def test_its_probabilities_are_those_of_the_true_label() -> None:
    made = drawn(count=4_000)
    logits = predicted(made.rows)
    probability = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
    sure, right = probability.max(axis=1), probability.argmax(axis=1) == made.true
    for part in np.array_split(np.argsort(sure), 5):
        assert abs(sure[part].mean() - right[part].mean()) < 0.06


def test_rows_of_no_class_or_without_a_label_train_nothing() -> None:
    rows = drawn().rows
    idle = np.arange(len(rows.given)) % 7 == 0
    excluded = replace(rows, known=np.where(idle, NO_CLASS, rows.known))
    given = np.where(idle, (rows.given + 2) % CLASSES, rows.given)
    for one, two in zip(second_round(excluded), second_round(replace(excluded, given=given)), strict=True):
        assert_same(one, two)


def test_verified_rows_beside_the_dataset_train_every_head() -> None:
    rows = drawn(count=400).rows
    beside = np.arange(400) >= 300
    known = np.where(beside, drawn(count=400).true, rows.known)
    outside = replace(rows, given=np.where(beside, -1, rows.given), part=np.where(beside, -1, rows.part), known=known)
    without = replace(outside, used=~beside)
    assert all(
        (weights(one) != weights(two)).any()
        for one, two in zip(second_round(outside), second_round(without), strict=True)
    )


def test_the_same_rows_give_the_same_bits_however_they_are_cut_into_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = drawn().rows
    first = list(second_round(rows))
    for one, two in zip(first, second_round(rows), strict=True):
        assert_same(one, two)
    monkeypatch.setattr("noisecleaner.training.parted._BLOCK", 64)
    for one, two in zip(first, second_round(rows), strict=True):
        np.testing.assert_allclose(weights(one), weights(two), rtol=2e-2, atol=1e-3)


def beside(rows: Rows, view: FloatArray) -> Rows:
    """The rows with another view of each beside their vectors."""
    view = view.astype(np.float32)
    return replace(
        rows,
        vectors=np.concatenate([rows.vectors, view], axis=1),
        mean=np.concatenate([rows.mean, view.mean(axis=0)]),
        scale=np.concatenate([rows.scale, 1 / view.std(axis=0)]).astype(np.float32),
        views=(rows.vectors.shape[1], view.shape[1]),
    )


def by_heart(made: Drawn, seed: int = 0) -> FloatArray:
    """What a network shows that has learned the given labels, and nothing else."""
    rows = made.rows
    return np.eye(CLASSES)[rows.given] + 0.1 * np.random.default_rng(seed).normal(size=(len(rows.given), CLASSES))


def test_a_view_that_knows_the_given_labels_by_heart_weighs_nothing() -> None:
    made = drawn()
    rows, open_rows, places = made.rows, made.rows.known < 0, np.arange(len(made.true))
    ranks = {}
    for name, some in (("alone", rows), ("beside", beside(rows, by_heart(made)))):
        logits = predicted(some)
        own = logits[places, rows.given] - np.logaddexp.reduce(logits, axis=1)
        ranks[name] = roc_auc_score(made.wrong[open_rows], -own[open_rows])
    assert ranks["beside"] > ranks["alone"] - 0.005


def test_two_views_that_know_different_things_say_more_than_either() -> None:
    made = drawn()
    halves = [slice(0, 8), slice(8, 16)]
    rows = made.rows
    single = [replace(rows, vectors=rows.vectors[:, h], mean=rows.mean[h], scale=rows.scale[h]) for h in halves]
    right = [(predicted(some).argmax(axis=1) == made.true).mean() for some in single]
    both = (predicted(replace(rows, views=(8, 8))).argmax(axis=1) == made.true).mean()
    assert both > max(right) + 0.03


def test_what_is_verified_in_a_part_changes_nothing_in_its_head_of_two_views() -> None:
    made = drawn()
    rows = beside(made.rows, by_heart(made))
    known = np.where((rows.part == 1) & (rows.known >= 0), (rows.known + 1) % CLASSES, rows.known)
    outcomes, others = list(second_round(rows)), list(second_round(replace(rows, known=known)))
    assert_same(outcomes[1], others[1])
    assert (weights(outcomes[0]) != weights(others[0])).any()


def test_the_loss_of_pooled_logits_has_the_slope_that_it_says() -> None:
    rng = np.random.default_rng(0)
    logits, labels, logs = rng.normal(size=(3, 40, CLASSES)), rng.integers(0, CLASSES, 40), rng.normal(size=3)
    beside = rng.normal(size=(40, CLASSES))
    slope = pooled_loss(logits, labels, np.exp(logs), beside)[1]
    for view in range(3):
        step = 1e-6 * np.eye(3)[view]
        up, down = (pooled_loss(logits, labels, np.exp(logs + sign * step), beside)[0] for sign in (1, -1))
        assert slope[view] == pytest.approx((up - down) / 2e-6, abs=1e-8)
