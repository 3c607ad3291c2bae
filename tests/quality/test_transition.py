"""Which label is given in place of which true one, and Bayes' rule with it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from support.simulated import Array, network

from noisecleaner.quality.suggestions import alternative, confidence, fit_confidence
from noisecleaner.quality.transition import Known, Said, Transition

PRIOR = 50  # rows of a class that count as much as what is assumed before


def said_of(columns: dict[str, Array]) -> Said:
    return Said(
        columns["given"],
        columns["predicted_log_probability"],
        columns["candidates"],
        columns["candidate_log_probabilities"],
    )


def example(rows: int = 60, classes: int = 4, seed: int = 0) -> tuple[Known, Said]:
    """Audited rows with unequal weights, and what a network says of them."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, classes, rows)
    labels = np.where(rng.random(rows) < 0.4, rng.integers(0, classes, rows), true)
    weights = rng.random(rows) + 0.5
    return Known(true, weights / weights.mean()), said_of(network(true, labels, classes, rng))


def matrix(transition: Transition) -> Array:
    """P(given | true), shape [given, true], by the probability that is the only candidate's or the label's own."""
    classes = transition.classes
    found = np.empty((classes, classes))
    for label in range(classes):
        for true in range(classes):
            other = np.array([[true if true != label else -1]])
            nothing = np.where(other < 0, np.nan, 0.0)
            likely = transition.others(Said(np.array([label]), np.zeros(1), other, nothing))[0, 0]
            if true == label:
                alone = Said(np.array([label]), np.zeros(1), np.array([[(label + 1) % classes]]), np.zeros((1, 1)))
                likely = transition.log_odds(alone)[0] + np.logaddexp.reduce(transition.others(alone)[0])
            found[label, true] = np.exp(likely)
    return found


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_the_probability_of_a_given_label_is_what_one_counts_by_hand(seed: int, classes: int) -> None:
    known, said = example(classes=classes, seed=seed)
    wrong = known.weights[known.true != said.given].sum()
    rate = (wrong + 1) / (known.weights.sum() + 2)
    found = matrix(Transition.fit(known, said.given, classes))
    for true in range(classes):
        of_class = known.weights[known.true == true].sum()
        for label in range(classes):
            seen = known.weights[(known.true == true) & (said.given == label)].sum()
            assumed = 1 - rate if label == true else rate / (classes - 1)
            assert found[label, true] == pytest.approx((seen + PRIOR * assumed) / (of_class + PRIOR))


def test_some_label_is_given_to_every_true_class() -> None:
    known, said = example()
    # class 3 was never audited
    known, said = Known(np.minimum(known.true, 2), known.weights), replace(said, given=np.minimum(said.given, 2))
    np.testing.assert_allclose(matrix(Transition.fit(known, said.given, 4)).sum(axis=0), 1)


def test_leaving_a_row_out_counts_the_others_alone() -> None:
    known, said = example()
    everyone = Transition.fit(known, said.given, 4)
    left_out = everyone.log_odds(said, known)
    for row in range(len(known.true)):
        others = np.delete(np.arange(len(known.true)), row)
        # the rate is that of all rows: only the counts leave the row out
        refitted = replace(Transition.fit(known.only(others), said.given[others], 4), rate=everyone.rate)
        alone = Said(*(getattr(said, name)[[row]] for name in ("given", "own", "candidates", "others")))
        assert refitted.log_odds(alone)[0] == pytest.approx(left_out[row], abs=1e-9)


def test_the_log_odds_are_those_of_bayes_rule_over_all_classes() -> None:
    known, said = example()
    transition = Transition.fit(known, said.given, 4)
    given_if = matrix(transition)
    probability = np.empty((len(known.true), 4))
    probability[np.arange(len(known.true)), said.given] = np.exp(said.own)
    np.put_along_axis(probability, said.candidates, np.exp(said.others), axis=1)
    joint = probability * given_if[said.given]
    right = joint[np.arange(len(known.true)), said.given]
    np.testing.assert_allclose(transition.log_odds(said), np.log(right / (joint.sum(axis=1) - right)), atol=1e-9)


def test_classes_that_are_not_listed_count_together() -> None:
    """With nothing audited all pairs are alike, so that the number of listed classes makes no difference."""
    _, said = example()
    transition = Transition(4, 0.3, (0,), (0.0,))
    short = replace(said, candidates=said.candidates[:, :1], others=said.others[:, :1])
    np.testing.assert_allclose(transition.log_odds(short), transition.log_odds(said), atol=1e-9)


def test_a_transition_survives_json() -> None:
    known, said = example()
    transition = Transition.fit(known, said.given, 4)
    assert Transition.from_json(json.loads(json.dumps(transition.to_json()))) == transition


def test_the_posterior_ranks_asymmetric_noise_far_better_than_the_margin() -> None:
    """Four in ten of class 0 are called 1, the other classes are clean: a label 2 is never wrong."""
    rng = np.random.default_rng(0)
    true = rng.integers(0, 4, 6000)
    labels = np.where((true == 0) & (rng.random(6000) < 0.4), 1, true)
    columns = network(true, labels, 4, rng, skill=1.5)
    audited = rng.choice(6000, 400, replace=False)
    transition = Transition.fit(Known(true[audited], np.ones(400)), labels[audited], 4)
    margin = roc_auc_score(labels == true, columns["predicted_margin"])
    posterior = roc_auc_score(labels == true, transition.log_odds(said_of(columns)))
    assert 1 - posterior < 0.4 * (1 - margin)


def test_the_alternative_is_the_likeliest_class_by_bayes_rule() -> None:
    """Nobody calls a 2 a 1, so that a 1 which looks a bit more like a 2 than like a 0 is a 0."""
    true, labels = np.repeat([0, 1, 2], 400), np.repeat([0, 1, 2], 400)
    labels[:200] = 1
    transition = Transition.fit(Known(true, np.ones(1200)), labels, 3)
    said = Said(np.array([1]), np.log([0.2]), np.array([[2, 0]]), np.log([[0.45, 0.35]]))
    assert alternative(said, None).label.tolist() == [2]
    found = alternative(said, transition)
    assert found.label.tolist() == [0]
    assert found.share[0] > np.log(0.9)


def test_the_only_other_class_has_the_whole_share() -> None:
    _, said = example(classes=2)
    found = alternative(said, None)
    assert found.label.tolist() == (1 - said.given).tolist()
    np.testing.assert_allclose(found.share, 0, atol=1e-9)


def test_without_a_candidate_there_is_no_alternative() -> None:
    said = Said(np.array([0]), np.array([np.nan]), np.array([[-1, -1]]), np.full((1, 2), np.nan))
    assert alternative(said, None).label.tolist() == [-1]


def test_a_confidence_is_only_fitted_where_both_outcomes_were_seen() -> None:
    known, said = example()
    found = alternative(said, None)
    right = found.label == known.true
    assert fit_confidence(found, right, known.weights, int(right.sum()) + 1) is None
    few = int(min(right.sum(), (~right).sum()))
    model = fit_confidence(found, right, known.weights, few)
    assert model is not None
    assert confidence(found, model)[right].mean() > confidence(found, model)[~right].mean()
