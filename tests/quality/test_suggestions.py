"""The likeliest other class, and how likely it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.simulated import predictions_of, verified_example

from noisecleaner.quality.suggestions import alternative, confidence, fit_confidence
from noisecleaner.quality.transition import Transition, VerifiedLabels


def test_the_alternative_is_the_likeliest_class_by_bayes_rule() -> None:
    """Nobody calls a 2 a 1, so that a 1 which looks a bit more like a 2 than like a 0 is a 0."""
    true, labels = np.repeat([0, 1, 2], 400), np.repeat([0, 1, 2], 400)
    labels[:200] = 1
    transition = Transition.fit(VerifiedLabels(true=true, weights=np.ones(1200)), given=labels, classes=3)
    predictions = predictions_of(np.log(0.2), {2: np.log(0.45), 0: np.log(0.35)}, given=1)
    assert alternative(predictions, None).label.tolist() == [2]
    found = alternative(predictions, transition)
    assert found.label.tolist() == [0]
    assert found.share[0] > np.log(0.9)


def test_the_only_other_class_has_the_whole_share() -> None:
    _, predictions = verified_example(classes=2)
    found = alternative(predictions, None)
    assert found.label.tolist() == (1 - predictions.given).tolist()
    np.testing.assert_allclose(found.share, 0, atol=1e-9)


def test_without_a_candidate_there_is_no_alternative() -> None:
    predictions = predictions_of(np.nan, {-1: np.nan})
    assert alternative(predictions, None).label.tolist() == [-1]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(3, 7))
def test_share_and_lead_are_those_of_a_softmax_over_all_other_classes(seed: int, classes: int) -> None:
    _, predictions = verified_example(classes=classes, seed=seed)
    found = alternative(predictions, None)
    others = np.exp(predictions.candidate_log_probabilities)  # every class is listed, the best one first
    np.testing.assert_array_equal(found.label, predictions.candidates[:, 0])
    np.testing.assert_allclose(np.exp(found.share), others[:, 0] / others.sum(axis=1), rtol=1e-6)
    np.testing.assert_allclose(np.exp(found.lead), others[:, 0] / others[:, 1], rtol=1e-6)


def test_classes_that_are_not_listed_have_a_part_in_the_share() -> None:
    """The given label has 0.2, the best candidate 0.5, the rest of 0.3 belongs to classes beyond the list."""
    found = alternative(predictions_of(np.log(0.2), {3: np.log(0.5)}), None)
    assert np.exp(found.share[0]) == pytest.approx(0.5 / 0.8)
    assert found.lead[0] == 20  # over a next class that nobody lists


def test_without_a_model_the_confidence_is_the_share() -> None:
    found = alternative(verified_example()[1], None)
    np.testing.assert_array_equal(confidence(found, None), np.exp(found.share))


def test_a_confidence_is_only_fitted_where_both_outcomes_were_seen() -> None:
    verified, predictions = verified_example()
    found = alternative(predictions, None)
    right = found.label == verified.true
    assert fit_confidence(found, verified, int(right.sum()) + 1) is None
    few = int(min(right.sum(), (~right).sum()))
    model = fit_confidence(found, verified, few)
    assert model is not None
    assert confidence(found, model)[right].mean() > confidence(found, model)[~right].mean()
