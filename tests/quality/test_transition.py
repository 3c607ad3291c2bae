"""Which label is given in place of which true one, and Bayes' rule with it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from support.simulated import Array, network, predictions_of, verified_example

from noisecleaner.arrays import NO_CLASS
from noisecleaner.quality.transition import Transition, VerifiedLabels

PRIOR = 50  # rows of a class that count as much as what is assumed before


def matrix(transition: Transition) -> Array:
    """P(given | true), shape [given, true], by the probability that is the only candidate's or the label's own."""
    classes = transition.classes
    found = np.empty((classes, classes))
    for label in range(classes):
        for true in range(classes):
            if true == label:
                alone = predictions_of(0.0, {(label + 1) % classes: 0.0}, given=label)
                likely = transition.log_odds(alone)[0] + np.logaddexp.reduce(transition.others(alone)[0])
            else:
                likely = transition.others(predictions_of(0.0, {true: 0.0}, given=label))[0, 0]
            found[label, true] = np.exp(likely)
    return found


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_the_probability_of_a_given_label_is_what_one_counts_by_hand(seed: int, classes: int) -> None:
    verified, predictions = verified_example(classes=classes, seed=seed)
    wrong = verified.weights[verified.true != predictions.given].sum()
    rate = (wrong + 1) / (verified.weights.sum() + 2)
    found = matrix(Transition.fit(verified, given=predictions.given, classes=classes))
    for true in range(classes):
        of_class = verified.weights[verified.true == true].sum()
        for label in range(classes):
            seen = verified.weights[(verified.true == true) & (predictions.given == label)].sum()
            assumed = 1 - rate if label == true else rate / (classes - 1)
            assert found[label, true] == pytest.approx((seen + PRIOR * assumed) / (of_class + PRIOR))


def test_some_label_is_given_to_every_true_class() -> None:
    verified, predictions = verified_example()
    # class 3 was never audited
    verified, given_labels = replace(verified, true=np.minimum(verified.true, 2)), np.minimum(predictions.given, 2)
    np.testing.assert_allclose(matrix(Transition.fit(verified, given=given_labels, classes=4)).sum(axis=0), 1)


def test_leaving_a_row_out_counts_the_others_alone() -> None:
    verified, predictions = verified_example()
    everyone = Transition.fit(verified, given=predictions.given, classes=4)
    left_out = everyone.log_odds(predictions, verified)
    for row in range(len(verified.true)):
        others = np.delete(np.arange(len(verified.true)), row)
        # the rate is that of all rows: only the counts leave the row out
        refitted = Transition.fit(verified.take(others), given=predictions.given[others], classes=4)
        alone = replace(refitted, rate=everyone.rate).log_odds(predictions.take(np.array([row])))
        assert alone[0] == pytest.approx(left_out[row], abs=1e-9)


def test_the_log_odds_are_those_of_bayes_rule_over_all_classes() -> None:
    verified, predictions = verified_example()
    transition = Transition.fit(verified, given=predictions.given, classes=4)
    given_if = matrix(transition)
    probability = np.empty((len(verified.true), 4))
    probability[np.arange(len(verified.true)), predictions.given] = np.exp(predictions.log_probability)
    np.put_along_axis(probability, predictions.candidates, np.exp(predictions.candidate_log_probabilities), axis=1)
    joint = probability * given_if[predictions.given]
    right = joint[np.arange(len(verified.true)), predictions.given]
    np.testing.assert_allclose(transition.log_odds(predictions), np.log(right / (joint.sum(axis=1) - right)), atol=1e-9)


def test_classes_that_are_not_listed_count_together() -> None:
    """With nothing audited all pairs are alike, so that the number of listed classes makes no difference."""
    _, predictions = verified_example()
    transition = Transition(4, 0.3, (0,), (0.0,))
    best = predictions.candidates[:, :1], predictions.candidate_log_probabilities[:, :1]
    short = replace(predictions, candidates=best[0], candidate_log_probabilities=best[1])
    np.testing.assert_allclose(transition.log_odds(short), transition.log_odds(predictions), atol=1e-9)


def test_a_transition_survives_json() -> None:
    verified, predictions = verified_example()
    transition = Transition.fit(verified, given=predictions.given, classes=4)
    assert Transition.from_json(json.loads(json.dumps(transition.to_json()))) == transition


def test_the_posterior_ranks_asymmetric_noise_far_better_than_the_margin() -> None:
    """Four in ten of class 0 are called 1, the other classes are clean: a label 2 is never wrong."""
    rng = np.random.default_rng(0)
    true = rng.integers(0, 4, 6000)
    labels = np.where((true == 0) & (rng.random(6000) < 0.4), 1, true)
    predictions = network(true, labels, 4, rng, skill=1.5)
    audited = rng.choice(6000, 400, replace=False)
    verified = VerifiedLabels(true=true[audited], weights=np.ones(400))
    transition = Transition.fit(verified, given=labels[audited], classes=4)
    margin = roc_auc_score(labels == true, predictions.margin)
    posterior = roc_auc_score(labels == true, transition.log_odds(predictions))
    assert 1 - posterior < 0.4 * (1 - margin)


def test_a_row_stands_for_as_many_as_its_probability_says_and_for_one_without() -> None:
    probability = np.array([0.5, 0.25, 1.0])
    drawn = VerifiedLabels.drawn(np.array([0, 1, 1]), probability=probability)
    np.testing.assert_allclose(drawn.weights, np.array([2, 4, 1]) * 3 / 7)
    assert drawn.weights.mean() == pytest.approx(1)
    alike = VerifiedLabels.drawn(np.array([0, 1]), probability=np.full(2, np.nan))
    assert alike.weights.tolist() == [1, 1]
    assert len(VerifiedLabels.drawn(np.empty(0, np.int64), probability=np.empty(0)).weights) == 0


def test_a_row_without_a_given_label_has_no_odds_but_its_candidates_keep_theirs() -> None:
    """It is counted as nobody's; the probabilities of its classes are finite."""
    verified, predictions = verified_example()
    transition = Transition.fit(verified, given=predictions.given, classes=4)
    row = predictions_of(np.nan, {2: np.log(0.7), 1: np.log(0.3)}, given=-1)
    assert np.isnan(transition.log_odds(row)).all()
    assert np.isfinite(transition.others(row)[0, :2]).all()


def test_rows_of_no_class_say_nothing_of_what_is_given_in_place_of_one() -> None:
    verified, predictions = verified_example()
    some = np.arange(len(verified.true)) % 4 == 0
    with_none = replace(verified, true=np.where(some, NO_CLASS, verified.true))
    rest = np.flatnonzero(~some)
    found = Transition.fit(with_none, given=predictions.given, classes=4)
    assert found == Transition.fit(verified.take(rest), given=predictions.given[rest], classes=4)
    # nor is there anything of theirs to leave out
    np.testing.assert_array_equal(found.log_odds(predictions, with_none)[some], found.log_odds(predictions)[some])
