"""Predictions that are made to fit verified labels."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import optimize
from scipy.special import log_softmax
from support.simulated import Array, any_signals, predictions_of, verified_example

from noisecleaner.arrays import NO_CLASS
from noisecleaner.quality.sharpening import Sharpening, _Told, fit_sharpening
from noisecleaner.quality.signals import Predictions
from noisecleaner.quality.transition import Transition, VerifiedLabels


def made(scale: float, shift: Array, rows: int = 6000) -> tuple[Predictions, VerifiedLabels]:
    """True classes drawn as a sharpening says, and labels of which a fifth is wrong."""
    rng, classes = np.random.default_rng(0), len(shift)
    logs = log_softmax(rng.normal(size=(rows, classes)), axis=1)
    chances = np.exp(log_softmax(scale * logs + shift, axis=1))
    true = (chances.cumsum(axis=1) > rng.random((rows, 1))).argmax(axis=1)
    given = np.where(rng.random(rows) < 0.2, rng.integers(0, classes, rows), true)
    predictions = Predictions.from_logits(logs.astype(np.float32), given=given)
    return predictions, VerifiedLabels(true=true, weights=np.ones(rows))


@pytest.mark.parametrize("scale", [0.4, 2.5])
def test_a_sharpening_is_found_again(scale: float) -> None:
    shift = np.array([0.4, -0.4, 0.0, 0.2, -0.2])
    predictions, verified = made(scale, shift)
    found = fit_sharpening(predictions, verified, Transition.fit(verified, given=predictions.given, classes=5))
    assert found.scale == pytest.approx(scale, rel=0.12)
    np.testing.assert_allclose(found.shift - np.mean(found.shift), shift, atol=0.12)


def test_the_gradient_is_that_of_the_loss() -> None:
    verified, predictions = verified_example(classes=9)  # more classes than are listed
    told = _Told.of(predictions, verified, Transition.fit(verified, given=predictions.given, classes=9))
    at = np.random.default_rng(0).normal(size=10) / 3
    numeric = optimize.approx_fprime(at, lambda parameters: told.loss(parameters)[0], 1e-6)
    np.testing.assert_allclose(told.loss(at)[1], numeric, atol=1e-4)


def test_where_all_classes_are_listed_it_is_a_softmax() -> None:
    logits = np.random.default_rng(0).normal(size=(50, 5)).astype(np.float32)
    given, shift = np.arange(50) % 5, (0.5, -0.5, 0.0, 1.0, 0.0)
    sharper = Sharpening(scale=1.7, shift=shift).of(Predictions.from_logits(logits.copy(), given=given))
    wanted = log_softmax(1.7 * log_softmax(logits, axis=1) + shift, axis=1)
    again = Predictions.from_logits(wanted.astype(np.float32), given=given)
    np.testing.assert_array_equal(sharper.candidates, again.candidates)
    for name in ("margin", "log_probability", "candidate_log_probabilities"):
        np.testing.assert_allclose(getattr(sharper, name), getattr(again, name), atol=1e-5)


def test_classes_that_are_not_listed_keep_their_part() -> None:
    """Half of the probability lies on eight classes more: sharper, a part of an eighth each is worth little."""
    predictions = predictions_of(np.log(0.3), {1: np.log(0.2)})
    sharper = Sharpening(scale=2.0, shift=(0.0,) * 10).of(predictions)
    assert np.exp(sharper.log_probability[0]) == pytest.approx(0.09 / (0.09 + 0.04 + 8 * (0.5 / 8) ** 2))


def test_what_is_unknown_stays_unknown() -> None:
    predictions = any_signals(300).predictions
    sharper = Sharpening(scale=2.0, shift=(0.1, 0.0, 0.0, 0.0)).of(predictions)
    np.testing.assert_array_equal(sharper.known, predictions.known)
    np.testing.assert_array_equal(sharper.given, predictions.given)
    assert (np.sort(sharper.candidates) == np.sort(predictions.candidates)).all()


def test_rows_of_no_class_and_impossible_ones_say_nothing() -> None:
    verified, predictions = verified_example()
    transition = Transition.fit(verified, given=predictions.given, classes=4)
    nobody = VerifiedLabels(true=np.full(len(verified.true), NO_CLASS), weights=verified.weights)
    assert fit_sharpening(predictions, nobody, transition) == Sharpening(scale=1.0, shift=(0.0,) * 4)
    certain = predictions_of(0.0, {1: -np.inf})
    told = VerifiedLabels(true=np.array([1]), weights=np.ones(1))
    assert fit_sharpening(certain, told, transition) == Sharpening(scale=1.0, shift=(0.0,) * 4)


def test_a_sharpening_survives_json() -> None:
    sharpening = Sharpening(scale=1.5, shift=(0.25, -0.25))
    assert Sharpening.from_json(json.loads(json.dumps(sharpening.to_json()))) == sharpening
