"""Label quality and suggestions, by simulation."""

from __future__ import annotations

import json

import numpy as np
import pytest
from support.simulated import NOBODY, Array, Columns, calibration_error, trace, verify

from noisecleaner.quality.model import QualityModel, Verified, fit_quality

ROWS = 6000


def audited(columns: Columns, true: Array, size: int = 400) -> tuple[QualityModel, Array, Array]:
    """The model, the quality of every row and the rows that judge, a random sample."""
    judging = np.random.default_rng(5).choice(len(true), size, replace=False)
    return *fit_quality(columns, verify(true, judging)), judging


def test_label_quality_from_audited_rows_is_calibrated_and_ranks() -> None:
    columns, correct, true = trace(ROWS)
    model, quality, _ = audited(columns, true)
    assert model.method == "audited"
    assert calibration_error(quality, correct) < 0.05
    assert quality[correct].mean() - quality[~correct].mean() > 0.4
    assert 1 - quality.mean() == pytest.approx(0.3, abs=0.05)


def test_new_rows_get_a_calibrated_quality_without_what_training_saw() -> None:
    columns, _, true = trace(ROWS)
    model, _, _ = audited(columns, true)
    fresh, correct, _ = trace(ROWS, seed=1)
    seen = {name: np.full(ROWS, np.nan) for name in ("margin", "alpha", "beta", "alignment")}
    assert calibration_error(model.quality({**fresh, **seen}, new=True), correct) < 0.05


def test_judging_rows_get_a_prediction_that_did_not_see_their_own_outcome() -> None:
    columns, _, true = trace(600)
    judging = np.arange(0, 600, 3)
    model, quality = fit_quality(columns, verify(true, judging))
    assert not np.allclose(quality[judging], model.quality(columns)[judging])
    others = np.setdiff1d(np.arange(600), judging)
    np.testing.assert_array_equal(quality[others], model.quality(columns)[others])


def test_the_quality_of_judging_rows_does_not_know_their_outcome() -> None:
    """Verified labels that have nothing to do with the images: whoever saw them would seem to predict them."""
    rng = np.random.default_rng(0)
    correlations = []
    for seed in range(15):
        columns, _, _ = trace(80, seed=seed)
        right = rng.random(80) < 0.5
        true = np.where(right, columns["given"], (columns["given"] + rng.integers(1, 4, 80)) % 4)
        _, quality = fit_quality(columns, verify(true, np.arange(80)))
        correlations.append(np.corrcoef(quality, right)[0, 1])
    assert np.mean(correlations) < 0.06


def test_rows_drawn_with_unequal_probability_calibrate_like_a_random_sample() -> None:
    """Doubtful rows are over-represented; without their weights quality is too low."""
    columns, correct, true = trace(ROWS, noise=0.15)
    doubt = 1 / (1 + columns["predicted_margin"] ** 2)
    probability = np.clip(doubt * 600 / doubt.sum(), 0.02, 1) * np.where(correct, 0.6, 1.5)
    errors: list[float] = []
    bias: dict[str, list[float]] = {"weighted": [], "plain": []}
    for seed in range(5):
        judging = np.flatnonzero(np.random.default_rng(seed).random(ROWS) < probability)
        weights = 1 / probability[judging]
        _, quality = fit_quality(columns, verify(true, judging, weights=weights / weights.mean()))
        _, plain = fit_quality(columns, verify(true, judging))
        errors.append(calibration_error(quality, correct))
        bias["weighted"].append(quality.mean() - correct.mean())
        bias["plain"].append(plain.mean() - correct.mean())
    assert np.mean(errors) < 0.05
    assert abs(np.mean(bias["weighted"])) < 0.01
    assert np.mean(bias["plain"]) < -0.02


def test_the_confidence_of_a_suggestion_is_calibrated() -> None:
    columns, _, true = trace(ROWS)
    model, quality, _ = audited(columns, true)
    suggested, confidence = model.suggest(columns, quality)
    some = suggested >= 0
    assert some.mean() > 0.5
    assert calibration_error(confidence[some], (suggested == true)[some]) < 0.06


def test_no_class_is_suggested_that_is_less_likely_than_not() -> None:
    """Four classes alike: none of the three others has half of what is left."""
    columns, _, true = trace(ROWS)
    columns["candidate_log_probabilities"][:50] = np.log(0.25)
    columns["predicted_log_probability"][:50] = np.log(0.25)
    suggested, confidence = QualityModel("uncalibrated").suggest(columns, np.full(ROWS, 0.2))
    assert (suggested[:50] == -1).all()
    assert np.isnan(confidence[:50]).all()
    np.testing.assert_array_equal(np.isnan(confidence), suggested < 0)
    model, quality, _ = audited(*trace(ROWS)[::2])
    suggested, _ = model.suggest(trace(ROWS)[0], quality)
    wrong, some = trace(ROWS)[0]["given"] != true, suggested >= 0
    assert (suggested == true)[wrong & some].mean() > 0.5
    assert 0 < some.mean() < 1


def test_a_row_without_a_label_gets_the_networks_best_class() -> None:
    columns, _, true = trace(500)
    model, _, _ = audited(columns, true, 200)
    columns["given"][7] = -1
    for name in ("predicted_margin", "predicted_log_probability"):
        columns[name][7] = np.nan
    quality = model.quality(columns)
    suggested, confidence = model.suggest(columns, quality)
    assert np.isnan(quality[7])
    assert suggested[7] == columns["candidates"][7, 0]
    assert confidence[7] == pytest.approx(np.exp(columns["candidate_log_probabilities"][7, 0]))


@pytest.mark.parametrize("noise", [0.1, 0.4])
def test_planted_errors_calibrate_where_no_real_error_was_verified(noise: float) -> None:
    """Clean-only rows: the prior comes from the dataset itself."""
    columns, correct, _ = trace(ROWS, noise=noise)
    side, _, labels = trace(300, noise=0.0, seed=9)
    logs = np.empty((300, 4))
    logs[np.arange(300), labels] = side["predicted_log_probability"]
    np.put_along_axis(logs, side["candidates"], side["candidate_log_probabilities"], axis=1)
    known = verify(NOBODY, NOBODY).known
    model, quality = fit_quality(columns, Verified(NOBODY, known, logs, labels, 4))
    assert model.method == "planted"
    assert model.transition is None
    assert 1 - quality.mean() == pytest.approx(noise, abs=0.06)
    assert calibration_error(quality, correct) < 0.08


def test_few_verified_errors_are_planted_and_their_share_is_kept() -> None:
    columns, correct, true = trace(ROWS, noise=0.03)
    model, quality, judging = audited(columns, true, 200)
    assert (~correct[judging]).sum() < 10
    assert model.method == "planted"
    assert 1 - quality.mean() == pytest.approx(0.03, abs=0.03)


def test_few_verified_errors_of_unequal_weight_are_planted_at_their_weighted_share() -> None:
    """Doubtful rows drawn ten times as often: eight errors in 60 rows stand for few of the dataset."""
    columns, correct, true = trace(ROWS, noise=0.01)
    wrong, right = np.flatnonzero(~correct)[:8], np.flatnonzero(correct)[:52]
    weights = np.concatenate([np.full(8, 0.1), np.full(52, 1.0)])
    judging = np.concatenate([wrong, right])
    model, quality = fit_quality(columns, verify(true, judging, weights=weights / weights.mean()))
    assert model.method == "planted"
    assert 1 - quality.mean() == pytest.approx(0.01, abs=0.03)


def test_with_nothing_verified_quality_is_the_probability_of_the_given_label() -> None:
    columns, _, true = trace(100)
    model, quality = fit_quality(columns, verify(true, NOBODY))
    assert model.method == "uncalibrated"
    np.testing.assert_allclose(quality, np.exp(columns["predicted_log_probability"]))


def test_skipped_rows_have_no_quality_and_no_suggestion() -> None:
    columns, _, true = trace(500)
    for name in ("predicted_margin", "predicted_log_probability", "margin", "alpha"):
        columns[name][7] = np.nan
    columns["candidate_log_probabilities"][7] = np.nan
    columns["candidates"][7] = -1
    columns["given"][7] = -1
    model, quality = fit_quality(columns, verify(true, np.arange(100, 300)))
    suggested, confidence = model.suggest(columns, quality)
    assert np.isnan(quality[7])
    assert np.isfinite(np.delete(quality, 7)).all()
    assert suggested[7] == -1
    assert np.isnan(confidence[7])


def test_judging_rows_that_were_trained_on_tell_nothing_of_new_rows() -> None:
    columns, _, true = trace(500)
    model, _ = fit_quality(columns, verify(true, np.arange(200)), out_of_sample=False)
    assert (model.method_for(new=False), model.method_for(new=True)) == ("audited", "uncalibrated")
    np.testing.assert_allclose(model.quality(columns, new=True), np.exp(columns["predicted_log_probability"]))


def test_a_quality_model_survives_json() -> None:
    columns, _, true = trace(500)
    model, quality = fit_quality(columns, verify(true, np.arange(200)))
    again = QualityModel.from_json(json.loads(json.dumps(model.to_json())))
    assert again == model
    np.testing.assert_array_equal(again.quality(columns, new=True), model.quality(columns, new=True))
    np.testing.assert_array_equal(again.suggest(columns, quality)[0], model.suggest(columns, quality)[0])
