"""Label quality and suggestions, by simulation."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from support.simulated import NOBODY, Array, calibration_error, network, trace, verify

from noisecleaner.arrays import NO_CLASS
from noisecleaner.quality.model import Judgements, QualityModel, comparable_quality, fit_quality
from noisecleaner.quality.planted import CleanOnlyRows
from noisecleaner.quality.signals import Signals

ROWS = 6000


def audited(signals: Signals, true: Array, size: int = 400, *, classes: int = 4) -> tuple[QualityModel, Array, Array]:
    """The model, the quality of every row and the rows that judge, a random sample."""
    judging = np.random.default_rng(5).choice(len(true), size, replace=False)
    return *fit_quality(signals, verify(true, judging, classes=classes))[:2], judging


def suggest(model: QualityModel, signals: Signals, quality: Array) -> tuple[Array, Array]:
    """Suggested labels and the confidence in them."""
    judgements = model.judge(signals.predictions, quality)
    return judgements.suggested, judgements.confidence


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
    monkeypatch.setattr("noisecleaner.quality.model._COMPARED", 100)
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


def test_no_class_is_suggested_that_is_less_likely_than_not() -> None:
    """Four classes alike: none of the three others has half of what is left."""
    signals, _, true = trace(ROWS)
    signals.predictions.candidate_log_probabilities[:50] = np.log(0.25)
    signals.predictions.log_probability[:50] = np.log(0.25)
    suggested, confidence = suggest(QualityModel("uncalibrated"), signals, np.full(ROWS, 0.2))
    assert (suggested[:50] == -1).all()
    assert np.isnan(confidence[:50]).all()
    np.testing.assert_array_equal(np.isnan(confidence), suggested < 0)
    model, quality, _ = audited(*trace(ROWS)[::2])
    suggested, _ = suggest(model, trace(ROWS)[0], quality)
    wrong, some = trace(ROWS)[0].predictions.given != true, suggested >= 0
    assert (suggested == true)[wrong & some].mean() > 0.5
    assert 0 < some.mean() < 1


def test_a_row_without_a_label_gets_the_networks_best_class() -> None:
    signals, _, true = trace(500)
    model, _, _ = audited(signals, true, 200)
    signals.predictions.given[7] = -1
    for values in (signals.predictions.margin, signals.predictions.log_probability):
        values[7] = np.nan
    quality = model.quality(signals)
    suggested, confidence = suggest(model, signals, quality)
    assert np.isnan(quality[7])
    assert suggested[7] == signals.predictions.candidates[7, 0]
    assert confidence[7] == pytest.approx(np.exp(signals.predictions.candidate_log_probabilities[7, 0]))


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


def test_skipped_rows_have_no_quality_and_no_suggestion() -> None:
    signals, _, true = trace(500)
    predictions, dynamics = signals.predictions, signals.dynamics
    for values in (predictions.margin, predictions.log_probability, dynamics.margin, dynamics.alpha):
        values[7] = np.nan
    signals.predictions.candidate_log_probabilities[7] = np.nan
    signals.predictions.candidates[7] = -1
    signals.predictions.given[7] = -1
    model, quality, _ = fit_quality(signals, verify(true, np.arange(100, 300)))
    suggested, confidence = suggest(model, signals, quality)
    assert np.isnan(quality[7])
    assert np.isfinite(np.delete(quality, 7)).all()
    assert suggested[7] == -1
    assert np.isnan(confidence[7])


def test_judging_rows_that_were_trained_on_tell_nothing_of_new_rows() -> None:
    signals, _, true = trace(500)
    model, *_ = fit_quality(signals, verify(true, np.arange(200)), out_of_sample=False)
    assert (model.method_for(new=False), model.method_for(new=True)) == ("audited", "uncalibrated")
    np.testing.assert_allclose(model.quality_of_new(signals.predictions), np.exp(signals.predictions.log_probability))


def test_a_quality_model_survives_json() -> None:
    signals, _, true = trace(500)
    model, quality, _ = fit_quality(signals, verify(true, np.arange(200)))
    again = QualityModel.from_json(json.loads(json.dumps(model.to_json())))
    assert again == model
    np.testing.assert_array_equal(again.quality_of_new(signals.predictions), model.quality_of_new(signals.predictions))
    np.testing.assert_array_equal(suggest(again, signals, quality)[0], suggest(model, signals, quality)[0])


def test_what_training_saw_serves_fitted_rows_alone() -> None:
    """A calibrator of new rows never asks for it; the order is that of the weights in files."""
    signals, _, true = trace(500)
    model, *_ = fit_quality(signals, verify(true, np.arange(200)))
    assert model.new is not None
    assert model.fitted is not None
    own = ("predicted_margin", "predicted_log_probability", "predicted_lead", "predicted_entropy")
    assert model.new.features == (*own, "posterior", "posterior_excess")
    seen = (*own, "posterior", "margin", "posterior_excess", "alpha", "alignment")  # beta is of no row
    assert model.fitted.features == seen


def test_judgements_of_parts_are_put_where_they_belong() -> None:
    signals, _, true = trace(200)
    model, quality, _ = audited(signals, true, 100)
    whole, parts = model.judge(signals.predictions, quality), Judgements.unknown(200)
    assert np.isnan(parts.quality).all()
    assert (parts.suggested == -1).all()
    for rows in (np.arange(0, 150, 2), np.arange(1, 150, 2)):
        parts.put(rows, model.judge(signals.predictions.take(rows), quality[rows]))
    for name in ("quality", "suggested", "confidence"):
        np.testing.assert_array_equal(getattr(parts, name)[:150], getattr(whole, name)[:150])
    assert (parts.suggested[150:] == -1).all()
    assert np.isnan([parts.quality[150:], parts.confidence[150:]]).all()


def of_no_class(share: float = 0.09, seed: int = 0) -> tuple[Signals, Array]:
    """A good network on ten classes with few wrong labels, and images of none of them, of which it names some class."""
    rng = np.random.default_rng(seed)
    signals, _, true = trace(ROWS, classes=10, noise=0.04, seed=seed)
    given, none = signals.predictions.given, rng.random(ROWS) < share
    seen = network(np.where(none, rng.integers(0, 10, ROWS), true), given, 10, rng, skill=np.where(none, 3.0, 6.0))
    return Signals(signals.dynamics, seen), np.where(none, NO_CLASS, true)


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


def test_a_model_comes_back_with_what_it_learned_of_rows_of_no_class() -> None:
    model, *_ = fit_quality(of_no_class()[0], verify(of_no_class()[1], np.arange(60), classes=10))
    assert 0 < model.named < 1
    content = json.loads(json.dumps(model.to_json()))
    assert QualityModel.from_json(content) == model
    del content["named"], content["sharpening"]  # as earlier versions wrote it
    assert QualityModel.from_json(content) == replace(model, named=1.0, sharpening=None)
