"""The calibrator, on data that a known model made."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from noisecleaner.quality.calibration import (
    Calibrator,
    averaged,
    fit_calibrator,
    prior_log_odds,
    reliability,
    reliability_bins,
    sigmoid,
    stratified,
)
from noisecleaner.quality.features import Features


def test_a_calibrator_recovers_a_logistic_model() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=20_000)
    outcome = rng.random(20_000) < sigmoid(0.7 + 1.5 * x)
    fitted = fit_calibrator(Features.of(margin=x), outcome)
    at_zero, at_one = fitted.log_odds(Features.of(margin=np.array([0.0, 1.0])))
    assert at_zero == pytest.approx(0.7, abs=0.08)
    assert at_one - at_zero == pytest.approx(1.5, abs=0.08)


def test_a_missing_number_counts_as_the_mean_and_an_empty_column_is_left_out() -> None:
    rng = np.random.default_rng(0)
    margin = rng.normal(size=400)
    fitted = fit_calibrator(Features.of(margin=margin, beta=np.full(400, np.nan)), margin > 0.1)
    assert fitted.features == ("margin",)
    assert fitted.log_odds(Features.of(margin=np.array([np.nan])))[0] == pytest.approx(fitted.intercept)


def test_an_average_of_calibrators_says_the_mean_of_their_log_odds() -> None:
    rng = np.random.default_rng(0)
    features = Features.of(a=rng.normal(size=300), b=rng.normal(size=300), c=rng.normal(size=300))
    outcome = rng.random(300) < sigmoid(features.values.sum(axis=1))
    parts = [fit_calibrator(features.only(names), outcome) for names in (("a", "b"), ("b", "c"))]
    together = averaged(parts, [0.25, 0.75])
    assert together.features == ("a", "b", "c")
    mean = np.average([part.log_odds(features) for part in parts], axis=0, weights=[0.25, 0.75])
    np.testing.assert_allclose(together.log_odds(features), mean)


def test_a_weight_of_a_narrow_prior_is_smaller_and_the_forecast_is_made_of_the_same_numbers() -> None:
    rng = np.random.default_rng(0)
    features = Features.of(a=rng.normal(size=300), b=rng.normal(size=300))
    outcome = rng.random(300) < sigmoid(features.values.sum(axis=1))
    alike, narrow = (fit_calibrator(features, outcome, priors=priors) for priors in (None, {"b": 0.1}))
    assert alike == fit_calibrator(features, outcome, priors={"a": 1.0, "c": 0.1})
    assert 0 < narrow.weights[1] < 0.7 * alike.weights[1]
    assert narrow.weights[0] == pytest.approx(alike.weights[0], rel=0.2)
    assert (narrow.mean, narrow.deviation) == (alike.mean, alike.deviation)


def test_a_calibrator_survives_json() -> None:
    fitted = Calibrator(features=("margin",), mean=(0.5,), deviation=(2.0,), weights=(1.0,), intercept=-0.25)
    assert Calibrator.from_json(json.loads(json.dumps(fitted.to_json()))) == fitted
    assert fitted.shifted(1.0).intercept == 0.75


def test_a_row_that_stands_for_several_counts_as_often() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    outcome = rng.random(300) < sigmoid(x)
    times = rng.integers(1, 4, 300)
    weighted = fit_calibrator(Features.of(margin=x), outcome, weights=times.astype(float))
    repeated = fit_calibrator(Features.of(margin=np.repeat(x, times)), np.repeat(outcome, times))
    at = Features.of(margin=np.linspace(-2, 2, 5))
    # the features are standardised on the rows as they are, which the penalty feels
    np.testing.assert_allclose(weighted.log_odds(at), repeated.log_odds(at), atol=0.02)


def test_log_odds_are_the_formula_and_do_not_depend_on_what_stands_beside() -> None:
    fitted = Calibrator(features=("a", "b"), mean=(1.0, 0.0), deviation=(2.0, 0.5), weights=(3.0, -1.0), intercept=0.25)
    rows = Features.of(b=np.array([1.0, -1.0]), other=np.array([7.0, 8.0]), a=np.array([3.0, 2.0]))
    np.testing.assert_allclose(fitted.log_odds(rows), [0.25 + 3 - 2, 0.25 + 1.5 + 2])
    np.testing.assert_allclose(fitted.probability(rows), 1 / (1 + np.exp([-1.25, -3.75])))


def test_features_that_are_not_there_are_refused() -> None:
    fitted = Calibrator(features=("alpha",), mean=(0.0,), deviation=(1.0,), weights=(1.0,), intercept=0.0)
    with pytest.raises(ValueError, match="alpha"):
        fitted.log_odds(Features.of(alhpa=np.zeros(3)))


def test_forecasts_that_hold_are_reliable_and_others_are_off_by_what_they_are_off() -> None:
    rng = np.random.default_rng(0)
    forecast = rng.random(50_000)
    outcome = rng.random(50_000) < forecast
    held, off = reliability(forecast, outcome), reliability(np.full(1000, 0.7), np.arange(1000) < 400)
    assert held is not None
    assert held.error < 2 * held.by_chance
    assert off is not None
    assert off.rows == 1000
    # bins of rows in their order: the first 400 are all right, the rest all wrong
    assert off.error == pytest.approx(0.4 * 0.3 + 0.6 * 0.7)
    assert reliability(np.empty(0), np.empty(0, dtype=bool)) is None


def test_parts_hold_equal_shares_of_both_outcomes_and_each_row_once() -> None:
    outcome = np.arange(103) % 4 == 0
    parts = list(stratified(outcome))
    assert np.array_equal(np.sort(np.concatenate([part for _, part in parts])), np.arange(103))
    for rest, part in parts:
        assert not np.intersect1d(rest, part).size
        assert len(rest) + len(part) == 103
        assert abs(outcome[part].sum() - outcome.sum() / 5) < 1


@pytest.mark.parametrize("prior", [0.1, 0.4, 0.8])
def test_em_finds_the_prior_of_shifted_data(prior: float) -> None:
    rng = np.random.default_rng(1)
    right = rng.random(20_000) < prior
    x = rng.normal(size=20_000) + np.where(right, 1.0, -1.0)
    log_odds = 2 * x  # exact for a prior of one half
    assert sigmoid(np.array([prior_log_odds(log_odds)]))[0] == pytest.approx(prior, abs=0.02)


@settings(deadline=None)
@given(st.floats(-1000, 1000))
def test_sigmoid_never_overflows_and_is_symmetric(x: float) -> None:
    values = sigmoid(np.array([x, -x]))
    assert values.sum() == pytest.approx(1)
    assert ((values >= 0) & (values <= 1)).all()


def test_bins_hold_as_many_rows_each_in_the_order_of_their_forecasts() -> None:
    rng = np.random.default_rng(0)
    probability = rng.random(95)
    outcome = rng.random(95) < probability
    parts = reliability_bins(probability, outcome, bins=10)
    order = np.argsort(probability)
    assert [part.rows for part in parts] == [10] * 5 + [9] * 5
    first, last = order[:10], order[-9:]
    assert (parts[0].forecast, parts[0].seen) == (probability[first].mean(), outcome[first].mean())
    assert (parts[-1].forecast, parts[-1].seen) == (probability[last].mean(), outcome[last].mean())
    assert reliability_bins(np.empty(0), np.empty(0, bool)) == []
