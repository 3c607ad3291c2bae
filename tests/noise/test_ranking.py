"""How well scores rank: the area is the right one, its interval covers, and chance is called so."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from sklearn.metrics import roc_auc_score
from support.simulated import Array

from noisecleaner.noise.ranking import MIN_EACH, Ranking, Rankings, rank
from noisecleaner.noise.rates import Rows

#: Tenths, so that many rows are alike.
TIED = arrays(np.float64, 30, elements=st.integers(0, 10).map(lambda tenth: tenth / 10))


def rows_of(expected: Array, wrong: Array, classes: Array | None = None, probability: Array | None = None) -> Rows:
    """Rows that all judge."""
    label = np.zeros(len(wrong), np.int64) if classes is None else classes
    return Rows(
        given=label,
        trusted=np.where(wrong, label + 1, label),
        expected=expected,
        judging=np.ones(len(wrong), dtype=bool),
        probability=np.full(len(wrong), np.nan) if probability is None else probability,
    )


def ranked(expected: Array, wrong: Array, **more: Array) -> Rankings:
    found = rank(rows_of(expected, wrong, **more))
    assert found is not None
    return found


@settings(deadline=None)
@given(TIED, arrays(np.bool_, 30), arrays(np.float64, 30, elements=st.floats(0.01, 1)))
def test_the_area_is_that_of_scikit_learn_also_with_ties_and_weights(
    expected: Array, wrong: Array, probability: Array
) -> None:
    found = ranked(expected, wrong, probability=probability).overall
    assert (found.wrong, found.right) == (int(wrong.sum()), int((~wrong).sum()))
    if not wrong.any() or wrong.all():
        assert (found.auroc, found.low, found.high) == (None, None, None)
        return
    assert found.auroc == pytest.approx(roc_auc_score(wrong, expected, sample_weight=1 / probability), abs=1e-9)
    assert (found.low is None) == (min(found.wrong, found.right) < MIN_EACH)
    if found.low is not None and found.high is not None:
        assert 0 < found.low <= found.auroc <= found.high <= 1
        assert found.low < 1


@settings(deadline=None)
@given(TIED, arrays(np.bool_, 30), arrays(np.int64, 30, elements=st.integers(0, 3)))
def test_within_classes_rows_of_one_given_label_are_compared(expected: Array, wrong: Array, classes: Array) -> None:
    higher, pairs = 0.0, 0
    for bad in np.flatnonzero(wrong):
        others = expected[~wrong & (classes == classes[bad])]
        higher, pairs = (
            higher + (expected[bad] > others).sum() + (expected[bad] == others).sum() / 2,
            pairs + len(others),
        )
    found = ranked(expected, wrong, classes=classes).within_classes
    assert found.auroc == (pytest.approx(higher / pairs) if pairs else None)


def signals(shape: str, wrong: Array, auroc: float, rng: np.random.Generator) -> Array:
    """Scores of a known area, in one of the shapes in which they come."""
    size, distance = len(wrong), stats.norm.ppf(auroc)
    if shape == "normal":
        return np.where(wrong, distance * np.sqrt(2), 0) + rng.normal(size=size)
    if shape == "wrong ones spread wide":
        return np.where(wrong, distance * np.sqrt(10) + 3 * rng.normal(size=size), rng.normal(size=size))
    if shape == "exponential":
        return rng.exponential(np.where(wrong, auroc / (1 - auroc), 1))
    some = rng.random(size) < 2 * (1 - auroc)  # look like the others, the rest is apart
    return rng.random(size) + np.where(wrong & ~some, 2, 0)


SHAPES = ("normal", "wrong ones spread wide", "exponential", "some look right")


def covered(shape: str, *, rows: int, wrong: int, auroc: float, draws: int) -> float:
    """How often the interval holds the area."""
    rng, which = np.random.default_rng(0), np.arange(rows) < wrong
    held = 0
    for _ in range(draws):
        found = ranked(signals(shape, which, auroc, rng), which).overall
        assert found.low is not None
        assert found.high is not None
        held += found.low <= auroc <= found.high
    return held / draws


SIZES = [(100, 10), (300, 30), (300, 120), (1000, 60)]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_interval_covers(shape: str) -> None:
    found = [
        covered(shape, rows=rows, wrong=wrong, auroc=auroc, draws=40)
        for rows, wrong in SIZES
        for auroc in (0.6, 0.8, 0.9, 0.95)
    ]
    assert 0.93 <= np.mean(found) <= 0.98
    assert min(found) >= 0.85


@pytest.mark.slow
@pytest.mark.parametrize("auroc", [0.6, 0.8, 0.9, 0.95, 0.99])
@pytest.mark.parametrize(("rows", "wrong"), [(100, 10), (100, 40), (300, 10), (300, 120), (1000, 10), (1000, 400)])
def test_the_interval_covers_whatever_the_shape(rows: int, wrong: int, auroc: float) -> None:
    """Where 99 % of the pairs are in order, 100 rows promise a little too little: the truth lies above."""
    found = [covered(shape, rows=rows, wrong=wrong, auroc=auroc, draws=1000) for shape in SHAPES]
    assert (0.93 if auroc < 0.99 else 0.91) <= np.mean(found) <= 0.98
    assert min(found) >= (0.91 if auroc < 0.99 else 0.88)


def test_the_interval_covers_where_rows_were_drawn_with_unequal_probability() -> None:
    rng = np.random.default_rng(0)
    wrong = np.arange(20_000) < 2000
    expected = 1 / (1 + np.exp(3 - 1.5 * signals("normal", wrong, 0.8, rng)))
    area, doubt = roc_auc_score(wrong, expected), np.sqrt(expected * (1 - expected))
    probability = 0.2 * 300 / len(wrong) + 0.8 * 300 * doubt / doubt.sum()
    held, unweighted = 0, []
    for _ in range(300):
        rows = rng.random(len(wrong)) < probability
        found = ranked(expected[rows], wrong[rows], probability=probability[rows]).overall
        held += found.low <= area <= found.high
        unweighted.append(ranked(expected[rows], wrong[rows]).overall.auroc)
    assert 0.91 <= held / 300 <= 0.98
    assert np.mean(unweighted) < area - 0.01  # that is why rows count as many as they stand for


def test_few_rows_of_one_kind_give_no_interval_and_say_so() -> None:
    wrong = np.arange(100) < MIN_EACH - 1
    found = ranked(np.linspace(1, 0, 100), wrong).overall
    assert (found.auroc, found.low, found.high) == (1, None, None)
    assert found.words() == "unknown (4 wrong and 96 right verified rows are too few)"
    assert ranked(np.linspace(1, 0, 100), wrong).doubt() is None


def test_rows_that_do_not_judge_are_left_out() -> None:
    rows = rows_of(np.array([0.9, 0.1, np.nan]), np.array([True, False, True]))
    found = rank(rows)
    assert found is not None
    assert (found.overall.auroc, found.overall.wrong, found.overall.right) == (1, 1, 1)
    assert rank(rows_of(np.array([np.nan]), np.array([True]))) is None


def test_scores_that_rank_by_chance_are_called_so() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        found = ranked(rng.random(300), rng.random(300) < 0.3)
        doubt = found.doubt()
        chance = found.overall.low <= 0.5
        assert (doubt is not None) == chance or doubt.message.startswith("The scores tell wrong from right among")
    assert doubt is not None
    assert doubt.code == "scores-no-better-than-chance"
    assert f"with {found.overall.words()} on {found.overall.wrong} wrong" in doubt.message
    upside_down = ranked(np.linspace(0, 1, 300), np.arange(300) < 100).doubt()
    assert upside_down is not None
    assert "AUROC 0.00" in upside_down.message


@pytest.mark.parametrize("weighted", [False, True])
def test_scores_that_are_all_equal_rank_by_chance(weighted: bool) -> None:
    wrong = np.arange(60) % 3 == 0
    more = {"probability": np.where(np.arange(60) % 2, 0.1, 0.9)} if weighted else {}
    overall = ranked(np.full(60, 0.3), wrong, **more).overall
    assert (overall.auroc, overall.low, overall.high) == pytest.approx((0.5, 0.5, 0.5), abs=1e-12)


def test_scores_that_know_nothing_but_the_class_are_called_so() -> None:
    """Embeddings of other rows leave the share of wrong labels in each class, which ranks well on its own."""
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 2, 400)
    rate = np.where(classes, 0.7, 0.05)
    wrong = rng.random(400) < rate
    found = ranked(rate + 0.01 * rng.random(400), wrong, classes=classes)
    assert found.overall.low > 0.7
    doubt = found.doubt()
    assert doubt is not None
    assert doubt.code == "scores-no-better-than-chance"
    assert "among rows of one given label with AUROC 0." in doubt.message


def test_too_few_rows_to_tell_from_chance_are_another_matter() -> None:
    wrong = np.arange(60) < 6
    expected = np.random.default_rng(4).normal(size=60) + 0.7 * wrong
    found = ranked(expected, wrong)
    assert found.overall.low <= 0.5
    assert found.overall.high >= 0.75
    doubt = found.doubt()
    assert doubt is not None
    assert doubt.code == "scores-not-told-from-chance"


def test_good_scores_are_not_called_into_question() -> None:
    rng = np.random.default_rng(0)
    wrong = rng.random(300) < 0.2
    assert ranked(signals("normal", wrong, 0.9, rng), wrong, classes=rng.integers(0, 10, 300)).doubt() is None


def test_rankings_come_back_from_json() -> None:
    rng = np.random.default_rng(0)
    for size in (3, 300):
        found = ranked(rng.random(size), rng.random(size) < 0.3)
        assert Rankings.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False))) == found


GOOD = Ranking(auroc=0.9, low=0.8, high=0.95, wrong=30, right=70).to_json()


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        *({name: part for name, part in GOOD.items() if name != missing} for missing in GOOD),
        {**GOOD, "auroc": 1.2},
        {**GOOD, "auroc": True},
        {**GOOD, "auroc": "0.9"},
        {**GOOD, "auroc": None},
        {**GOOD, "low": None},
        {**GOOD, "low": 0.91},
        {**GOOD, "wrong": -1},
        {**GOOD, "right": 0.5},
    ],
)
def test_a_damaged_ranking_is_refused(content: object) -> None:
    assert Ranking.from_json(GOOD).wrong == 30
    with pytest.raises(ValueError, match=r"."):
        Ranking.from_json(content)
    with pytest.raises(ValueError, match=r"."):
        Rankings.from_json({**GOOD, "within_classes": content})
