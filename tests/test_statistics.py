"""Calibration, label quality, noise rates and reports, by simulation."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from noisecleaner.calibration import Calibrator, cross_fitted, fit_calibrator, prior_log_odds, sigmoid
from noisecleaner.noise import measure, wilson
from noisecleaner.quality import QualityModel, Verified, fit_quality, suggestion_signals
from noisecleaner.reports import flag, likely_confusions, report, worst_classes

Columns = dict[str, np.ndarray]


def trace(rows: int, classes: int = 4, noise: float = 0.3, seed: int = 0) -> tuple[Columns, np.ndarray, np.ndarray]:
    """Signals of a decent network on rows of which a share is wrong; also who is right, and the true labels."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, classes, rows)
    correct = rng.random(rows) >= noise
    label = np.where(correct, true, (true + rng.integers(1, classes, rows)) % classes)
    logits = rng.normal(size=(rows, classes))
    logits[np.arange(rows), true] += 2.5
    logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    own = logs[np.arange(rows), label]
    rest = logs.copy()
    rest[np.arange(rows), label] = -np.inf
    order = np.argsort(-rest, axis=1)[:, : classes - 1]
    columns = {
        "predicted_margin": own - rest.max(axis=1),
        "predicted_log_probability": own,
        "candidates": order,
        "candidate_log_probabilities": np.take_along_axis(rest, order, axis=1),
        "margin": own - rest.max(axis=1) + rng.normal(size=rows),
        "alpha": np.where(correct, 1.0, 0.5) * rng.random(rows),
        "beta": np.full(rows, np.nan),
        "alignment": np.where(correct, 0.3, -0.3) + rng.normal(size=rows),
    }
    return columns, correct, true


def verify(columns: Columns, correct: np.ndarray, true: np.ndarray, judging: np.ndarray) -> Verified:
    suggestion = columns["candidates"][judging, 0] == true[judging]
    return Verified(judging, correct[judging], suggestion, np.empty((0, 4)), np.empty(0, np.int64))


def expected_calibration_error(probability: np.ndarray, outcome: np.ndarray, bins: int = 10) -> float:
    order = np.array_split(np.argsort(probability), bins)
    return float(np.mean([abs(probability[part].mean() - outcome[part].mean()) for part in order]))


def test_a_calibrator_recovers_a_logistic_model() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=20_000)
    outcome = rng.random(20_000) < sigmoid(0.7 + 1.5 * x)
    fitted = fit_calibrator({"margin": x}, outcome, ("margin",))
    at_zero, at_one = fitted.log_odds({"margin": np.array([0.0, 1.0])})
    assert at_zero == pytest.approx(0.7, abs=0.08)
    assert at_one - at_zero == pytest.approx(1.5, abs=0.08)


def test_a_missing_number_counts_as_the_mean_and_an_empty_column_is_left_out() -> None:
    rng = np.random.default_rng(0)
    columns = {"margin": rng.normal(size=400), "beta": np.full(400, np.nan)}
    fitted = fit_calibrator(columns, columns["margin"] > 0.1, ("margin", "beta"))
    assert fitted.features == ("margin",)
    assert fitted.log_odds({"margin": np.array([np.nan])})[0] == pytest.approx(fitted.intercept)


def test_a_calibrator_survives_json() -> None:
    fitted = Calibrator(("margin",), (0.5,), (2.0,), (1.0,), -0.25)
    assert Calibrator.from_json(json.loads(json.dumps(fitted.to_json()))) == fitted
    assert fitted.shifted(1.0).intercept == 0.75


def test_cross_fitted_predictions_of_pure_noise_find_nothing() -> None:
    """Predictions that saw their own outcome would correlate with it; cross-fitted ones do not."""
    rng = np.random.default_rng(0)
    correlations = []
    for _ in range(40):
        columns = {f"x{i}": rng.normal(size=60) for i in range(8)}
        outcome = rng.random(60) < 0.5
        correlations.append(np.corrcoef(cross_fitted(columns, outcome, tuple(columns)), outcome)[0, 1])
    assert np.mean(correlations) < 0.05


@pytest.mark.parametrize("prior", [0.1, 0.4, 0.8])
def test_em_finds_the_prior_of_shifted_data(prior: float) -> None:
    rng = np.random.default_rng(1)
    right = rng.random(20_000) < prior
    x = rng.normal(size=20_000) + np.where(right, 1.0, -1.0)
    log_odds = 2 * x  # exact for a prior of one half
    assert sigmoid(np.array([prior_log_odds(log_odds)]))[0] == pytest.approx(prior, abs=0.02)


@given(st.floats(-1000, 1000))
def test_sigmoid_never_overflows_and_is_symmetric(x: float) -> None:
    values = sigmoid(np.array([x, -x]))
    assert values.sum() == pytest.approx(1)
    assert ((values >= 0) & (values <= 1)).all()


def test_label_quality_from_audited_rows_is_calibrated_and_ranks() -> None:
    columns, correct, true = trace(6000)
    judging = np.random.default_rng(5).choice(6000, 400, replace=False)
    model, quality = fit_quality(columns, verify(columns, correct, true, judging))
    assert model.method == "audited"
    assert expected_calibration_error(quality, correct) < 0.05
    assert quality[correct].mean() - quality[~correct].mean() > 0.4
    assert 1 - quality.mean() == pytest.approx(0.3, abs=0.05)


def test_judging_rows_get_a_prediction_that_did_not_see_their_own_outcome() -> None:
    columns, correct, true = trace(600)
    judging = np.arange(0, 600, 3)
    model, quality = fit_quality(columns, verify(columns, correct, true, judging))
    inside = model.quality(columns)[judging]
    assert not np.allclose(quality[judging], inside)
    others = np.setdiff1d(np.arange(600), judging)
    assert np.array_equal(quality[others], model.quality(columns)[others])


def test_the_confidence_of_a_suggestion_is_calibrated() -> None:
    columns, correct, true = trace(6000)
    judging = np.random.default_rng(5).choice(6000, 400, replace=False)
    model, quality = fit_quality(columns, verify(columns, correct, true, judging))
    confidence = model.confidence(columns, quality)
    suggestion_right = columns["candidates"][:, 0] == true
    assert expected_calibration_error(confidence, suggestion_right) < 0.06


@pytest.mark.parametrize("noise", [0.1, 0.4])
def test_planted_errors_calibrate_where_no_real_error_was_verified(noise: float) -> None:
    """Clean-only rows: the prior comes from the dataset itself."""
    columns, correct, _ = trace(6000, noise=noise)
    side, _, labels = trace(300, noise=0.0, seed=9)
    logs = np.empty((300, 4))
    logs[np.arange(300), labels] = side["predicted_log_probability"]
    np.put_along_axis(logs, side["candidates"], side["candidate_log_probabilities"], axis=1)
    nobody = np.empty(0, dtype=np.int64)
    model, quality = fit_quality(columns, Verified(nobody, nobody > 0, nobody > 0, logs, labels))
    assert model.method == "planted"
    assert 1 - quality.mean() == pytest.approx(noise, abs=0.06)
    assert expected_calibration_error(quality, correct) < 0.08


def test_with_nothing_verified_quality_is_the_probability_of_the_given_label() -> None:
    columns, _, _ = trace(100)
    nobody = np.empty(0, dtype=np.int64)
    model, quality = fit_quality(columns, Verified(nobody, nobody > 0, nobody > 0, np.empty((0, 4)), nobody))
    assert model.method == "uncalibrated"
    np.testing.assert_allclose(quality, np.exp(columns["predicted_log_probability"]))


def test_skipped_rows_have_no_quality() -> None:
    columns, correct, true = trace(500)
    for name in ("predicted_margin", "predicted_log_probability", "margin", "alpha"):
        columns[name][7] = np.nan
    columns["candidate_log_probabilities"][7] = np.nan
    model, quality = fit_quality(columns, verify(columns, correct, true, np.arange(100, 300)))
    assert np.isnan(quality[7])
    assert np.isfinite(np.delete(quality, 7)).all()
    assert np.isnan(model.confidence(columns, quality)[7])


def test_a_quality_model_survives_json() -> None:
    columns, correct, true = trace(500)
    model, _ = fit_quality(columns, verify(columns, correct, true, np.arange(200)))
    again = QualityModel.from_json(json.loads(json.dumps(model.to_json())))
    assert again == model
    np.testing.assert_array_equal(again.quality(columns, new=True), model.quality(columns, new=True))


def test_the_only_other_class_has_the_whole_share() -> None:
    columns, _, _ = trace(50, classes=2)
    np.testing.assert_allclose(suggestion_signals(columns)["share"], 0, atol=1e-9)


@pytest.mark.parametrize(("rate", "seen"), [(0.4, 300), (0.09, 300), (0.02, 500), (0.4, 30)])
def test_ninety_five_percent_intervals_hold_the_truth_ninety_five_times_in_a_hundred(rate: float, seen: int) -> None:
    rng = np.random.default_rng(0)
    intervals = [wilson(int(hits), seen) for hits in rng.binomial(seen, rate, 4000)]
    covered = np.mean([r.low <= rate <= r.high for r in intervals if r.low is not None and r.high is not None])
    assert 0.93 <= covered <= 0.975


def test_a_rate_without_rows_has_no_value_and_no_interval() -> None:
    assert wilson(0, 0).to_json() == {"rate": None, "low": None, "high": None, "audited": 0, "errors": 0}


def test_noise_is_measured_on_audited_rows_and_by_class() -> None:
    labels = np.array([0, 0, 0, 1, 1, 2, -1])
    verified = np.array([0, 1, -1, 1, 2, -1, -1])
    noise = measure(labels, verified, np.full(7, 0.5), ("a", "b", "c"), "audited")
    assert noise.method == "wilson"
    assert (noise.overall.hits, noise.overall.seen, noise.overall.value) == (2, 4, 0.5)
    assert {name: (r.hits, r.seen) for name, r in noise.per_class.items()} == {"a": (1, 2), "b": (1, 2), "c": (0, 0)}
    assert noise.confusion == [[1, 0, 0], [1, 1, 0], [0, 1, 0]]


def test_without_audited_rows_no_interval_is_shown() -> None:
    nobody = np.full(4, -1)
    noise = measure(np.array([0, 1, 0, 1]), nobody, np.array([1, 0.5, 0.5, np.nan]), ("a", "b"), "planted")
    assert noise.method == "planted"
    assert noise.overall.value == pytest.approx(1 / 3)
    assert (noise.overall.low, noise.overall.high) == (None, None)


def test_without_a_calibration_no_rate_is_claimed() -> None:
    noise = measure(np.array([0, 1]), np.full(2, -1), np.array([0.1, 0.2]), ("a", "b"), "uncalibrated")
    assert noise.method == "none"
    assert noise.overall.value is None
    assert {rate.value for rate in noise.per_class.values()} == {None}


def by_hand(values: np.ndarray, judging: np.ndarray, wrong: np.ndarray, threshold: float) -> dict[str, float | None]:
    known = np.isfinite(values)
    kept, flagged = known & (values >= threshold), known & (values < threshold)
    seen, out = judging & kept, judging & flagged
    share = lambda hits, of: hits.sum() / of.sum() if of.any() else None  # noqa: E731
    return {
        "kept": int(kept.sum()),
        "kept_fraction": kept.sum() / known.sum(),
        "effective_noise": share(wrong & seen, seen),
        "precision": share(wrong & out, out),
        "recall": share(wrong & out, judging & known & wrong),
    }


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(5, 80))
def test_every_line_of_the_report_is_what_one_would_count_by_hand(seed: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    values = np.round(rng.random(rows), 2)
    values[rng.random(rows) < 0.1] = np.nan
    values[0] = 0.5
    judging, wrong = rng.random(rows) < 0.5, rng.random(rows) < 0.4
    for line in report("label_quality", values, judging, judging & wrong).to_pylist():
        for name, expected in by_hand(values, judging, judging & wrong, line["threshold"]).items():
            assert line[name] == (None if expected is None else pytest.approx(expected)), (name, line["threshold"])


def test_the_report_has_every_hundredth_and_every_quantile_in_order() -> None:
    values = np.random.default_rng(0).random(1000) ** 3
    lines = report("alpha", values, np.zeros(1000, dtype=bool), np.zeros(1000, dtype=bool))
    thresholds = lines["threshold"].to_numpy()
    assert np.isin(np.round(np.arange(101) / 100, 2), thresholds).all()
    assert np.isin(np.quantile(values, np.arange(101) / 100), thresholds).all()
    assert (np.diff(thresholds) > 0).all()
    assert lines["effective_noise_low"].null_count == len(lines)
    assert pa.types.is_float64(lines.schema.field("threshold").type)


def test_rows_without_a_value_are_not_flagged() -> None:
    assert flag(np.array([0.1, 0.5, np.nan]), 0.5).tolist() == [True, False, False]


def test_worst_classes_and_confusions_are_counted_from_flagged_rows() -> None:
    labels = np.array([0, 0, 1, 1, 1, -1])
    flagged = np.array([True, False, True, True, True, False])
    noise = measure(labels, np.full(6, -1), np.full(6, 0.5), ("a", "b"), "audited")
    assert [(c.name, c.rows, c.flagged) for c in worst_classes(labels, flagged, noise, ("a", "b"))] == [
        ("b", 3, 3),
        ("a", 2, 1),
    ]
    pairs = likely_confusions(labels, np.array([1, 1, 0, 0, 2, -1]), flagged, ("a", "b", "c"))
    assert [(p.given, p.suggested, p.rows) for p in pairs] == [("b", "a", 2), ("a", "b", 1), ("b", "c", 1)]
