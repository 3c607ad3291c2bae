"""Label quality that is fitted on verified rows is calibrated, whatever they allow, by simulation."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score
from support.quality import ROWS, audited, of_no_class, suggest
from support.simulated import NOBODY, calibration_error, network, trace, verify

from noisecleaner.arrays import NO_CLASS
from noisecleaner.quality.fitting import comparable_quality, fit_quality
from noisecleaner.quality.model import QualityModel
from noisecleaner.quality.planted import CleanOnlyRows


def test_label_quality_from_audited_rows_is_calibrated_and_ranks() -> None:
    signals, correct, true = trace(ROWS)
    model, quality, _ = audited(signals, true)
    assert model.method == "audited"
    assert calibration_error(quality, correct) < 0.05
    assert quality[correct].mean() - quality[~correct].mean() > 0.4
    assert 1 - quality.mean() == pytest.approx(0.3, abs=0.05)


def test_new_rows_get_a_calibrated_quality_without_what_training_saw() -> None:
    signals, _, true = trace(ROWS)
    model, _, _ = audited(signals, true)
    fresh, correct, _ = trace(ROWS, seed=1)
    assert calibration_error(model.quality_of_new(fresh.predictions), correct) < 0.05


def test_fitted_rows_are_judged_with_votes_and_new_ones_as_if_nobody_had_voted() -> None:
    signals, correct, true = trace(ROWS)
    alone, plain, _ = audited(signals, true)
    sharper = network(true, signals.predictions.given, 4, np.random.default_rng(7), skill=3.5)
    model, quality, _ = audited(replace(signals, voted=sharper), true)
    assert roc_auc_score(correct, quality) > roc_auc_score(correct, plain) + 0.005
    assert calibration_error(quality, correct) < 0.05
    fresh, _, _ = trace(ROWS, seed=1)
    np.testing.assert_array_equal(model.quality_of_new(fresh.predictions), alone.quality_of_new(fresh.predictions))
    again = QualityModel.from_json(json.loads(json.dumps(model.to_json())))
    np.testing.assert_array_equal(
        again.quality(replace(signals, voted=sharper)), model.quality(replace(signals, voted=sharper))
    )


def test_comparable_quality_does_not_tell_verified_rows_from_others() -> None:
    """Of few rows, the one that `fit_quality` gives does: the parts that it is cross-fitted on are smaller."""
    signals, _, true = trace(2000, noise=0.1)
    apart, alike = [], []
    for seed in range(25):
        judging = np.sort(np.random.default_rng(seed).choice(2000, 150, replace=False))
        verified, rest = verify(true, judging), np.setdiff1d(np.arange(2000), judging)
        model, quality, _ = fit_quality(signals, verified)
        comparable = comparable_quality(model, signals, verified)
        assert np.isfinite(comparable).all()
        apart.append(stats.ks_2samp(quality[judging], quality[rest]).pvalue)
        alike.append(stats.ks_2samp(comparable[judging], comparable[rest]).pvalue)
    assert np.mean(np.array(alike) < 0.05) <= 0.12
    assert np.mean(apart) < np.mean(alike)
    np.testing.assert_array_equal(comparable_quality(model, signals, verified), comparable)


def test_comparable_quality_is_that_of_so_many_other_rows_as_tell_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("noisecleaner.quality.fitting._COMPARED", 100)
    signals, _, true = trace(2000)
    model, _, judging = audited(signals, true)
    known = np.isfinite(comparable_quality(model, signals, verify(true, judging)))
    assert known[judging].all()
    assert known.sum() == len(judging) + 100


def test_without_a_calibration_all_rows_have_a_comparable_quality_from_one_model() -> None:
    signals, _, true = trace(300)
    verified = verify(true, NOBODY)
    model, quality, _ = fit_quality(signals, verified)
    np.testing.assert_array_equal(comparable_quality(model, signals, verified), quality)


def test_judging_rows_get_a_prediction_that_did_not_see_their_own_outcome() -> None:
    signals, _, true = trace(600)
    judging = np.arange(0, 600, 3)
    model, quality, _ = fit_quality(signals, verify(true, judging))
    assert not np.allclose(quality[judging], model.quality(signals)[judging])
    others = np.setdiff1d(np.arange(600), judging)
    np.testing.assert_array_equal(quality[others], model.quality(signals)[others])


def test_the_quality_of_judging_rows_does_not_know_their_outcome() -> None:
    """Verified labels that have nothing to do with the images: whoever saw them would seem to predict them."""
    rng = np.random.default_rng(0)
    correlations = []
    for seed in range(15):
        signals, _, _ = trace(80, seed=seed)
        right = rng.random(80) < 0.5
        true = np.where(right, signals.predictions.given, (signals.predictions.given + rng.integers(1, 4, 80)) % 4)
        _, quality, _ = fit_quality(signals, verify(true, np.arange(80)))
        correlations.append(np.corrcoef(quality, right)[0, 1])
    assert np.mean(correlations) < 0.06


def test_rows_drawn_with_unequal_probability_calibrate_like_a_random_sample() -> None:
    """Doubtful rows are over-represented; without their weights quality is too low."""
    signals, correct, true = trace(ROWS, noise=0.15)
    doubt = 1 / (1 + signals.predictions.margin**2)
    probability = np.clip(doubt * 600 / doubt.sum(), 0.02, 1) * np.where(correct, 0.6, 1.5)
    errors: list[float] = []
    bias: dict[str, list[float]] = {"weighted": [], "plain": []}
    for seed in range(5):
        judging = np.flatnonzero(np.random.default_rng(seed).random(ROWS) < probability)
        weights = 1 / probability[judging]
        _, quality, _ = fit_quality(signals, verify(true, judging, weights=weights / weights.mean()))
        _, plain, _ = fit_quality(signals, verify(true, judging))
        errors.append(calibration_error(quality, correct))
        bias["weighted"].append(quality.mean() - correct.mean())
        bias["plain"].append(plain.mean() - correct.mean())
    assert np.mean(errors) < 0.05
    assert abs(np.mean(bias["weighted"])) < 0.01
    assert np.mean(bias["plain"]) < -0.02


def test_the_confidence_of_a_suggestion_is_calibrated() -> None:
    signals, _, true = trace(ROWS)
    model, quality, _ = audited(signals, true)
    suggested, confidence = suggest(model, signals, quality)
    some = suggested >= 0
    assert some.mean() > 0.5
    assert calibration_error(confidence[some], (suggested == true)[some]) < 0.06


@pytest.mark.parametrize("noise", [0.1, 0.4])
def test_planted_errors_calibrate_where_no_real_error_was_verified(noise: float) -> None:
    """Clean-only rows: the prior comes from the dataset itself."""
    signals, correct, _ = trace(ROWS, noise=noise)
    side, _, labels = trace(300, noise=0.0, seed=9)
    logs = np.empty((300, 4))
    logs[np.arange(300), labels] = side.predictions.log_probability
    np.put_along_axis(logs, side.predictions.candidates, side.predictions.candidate_log_probabilities, axis=1)
    clean_only = CleanOnlyRows(log_probabilities=logs, labels=labels)
    model, quality, _ = fit_quality(signals, replace(verify(NOBODY, NOBODY), clean_only=clean_only))
    assert model.method == "planted"
    assert model.transition is None
    assert 1 - quality.mean() == pytest.approx(noise, abs=0.06)
    assert calibration_error(quality, correct) < 0.08


def test_few_verified_errors_are_planted_and_their_share_is_kept() -> None:
    signals, correct, true = trace(ROWS, noise=0.03)
    model, quality, judging = audited(signals, true, 200)
    assert (~correct[judging]).sum() < 10
    assert model.method == "planted"
    assert 1 - quality.mean() == pytest.approx(0.03, abs=0.03)


def test_few_verified_errors_of_unequal_weight_are_planted_at_their_weighted_share() -> None:
    """Doubtful rows drawn ten times as often: eight errors in 60 rows stand for few of the dataset."""
    signals, correct, true = trace(ROWS, noise=0.01)
    wrong, right = np.flatnonzero(~correct)[:8], np.flatnonzero(correct)[:52]
    weights = np.concatenate([np.full(8, 0.1), np.full(52, 1.0)])
    judging = np.concatenate([wrong, right])
    model, quality, _ = fit_quality(signals, verify(true, judging, weights=weights / weights.mean()))
    assert model.method == "planted"
    assert 1 - quality.mean() == pytest.approx(0.01, abs=0.03)


def test_with_nothing_verified_quality_is_the_probability_of_the_given_label() -> None:
    signals, _, true = trace(100)
    model, quality, _ = fit_quality(signals, verify(true, NOBODY))
    assert model.method == "uncalibrated"
    np.testing.assert_allclose(quality, np.exp(signals.predictions.log_probability))


def test_judging_rows_that_were_trained_on_tell_nothing_of_new_rows() -> None:
    signals, _, true = trace(500)
    model, *_ = fit_quality(signals, verify(true, np.arange(200)), out_of_sample=False)
    assert (model.method_for(new=False), model.method_for(new=True)) == ("audited", "uncalibrated")
    np.testing.assert_allclose(model.quality_of_new(signals.predictions), np.exp(signals.predictions.log_probability))


@pytest.mark.parametrize(("size", "method", "found"), [(400, "audited", 0.4), (60, "planted", 0.0)])
def test_rows_of_no_class_teach_what_is_worth_suggesting(size: int, method: str, found: float) -> None:
    """Left blank, such rows get a class suggested more often than not; few errors cannot tell which are which."""
    signals, true = of_no_class()
    judging = np.random.default_rng(1).choice(ROWS, size, replace=False)
    suggested = {}
    for name, rows in (("said", judging), ("blank", judging[true[judging] >= 0])):
        model, quality, _ = fit_quality(signals, verify(true, rows, classes=10))
        suggested[name] = suggest(model, signals, quality)[0]
        assert name == "blank" or model.method == method
    unseen = ~np.isin(np.arange(ROWS), judging)
    assert (suggested["blank"][unseen & (true == NO_CLASS)] >= 0).mean() > 0.5
    assert (suggested["said"][unseen & (true == NO_CLASS)] >= 0).mean() < 0.15
    mistaken = unseen & (true >= 0) & (signals.predictions.given != true)
    assert (suggested["said"] == true)[mistaken].mean() >= found


def test_rows_of_no_class_are_wrong_labels_for_the_calibration() -> None:
    signals, true = of_no_class()
    _, quality, _ = audited(signals, true, 800, classes=10)
    wrong = signals.predictions.given != true
    assert 1 - quality.mean() == pytest.approx(wrong.mean(), abs=0.02)
    assert calibration_error(quality, ~wrong) < 0.05
