"""What a fitted model makes of rows: label quality, suggestions, and a JSON object that brings it back."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from support.quality import ROWS, audited, of_no_class, suggest
from support.simulated import trace, verify

from noisecleaner.quality.fitting import fit_quality
from noisecleaner.quality.model import Judgements, QualityModel


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


def test_a_model_comes_back_with_what_it_learned_of_rows_of_no_class() -> None:
    model, *_ = fit_quality(of_no_class()[0], verify(of_no_class()[1], np.arange(60), classes=10))
    assert 0 < model.named < 1
    content = json.loads(json.dumps(model.to_json()))
    assert QualityModel.from_json(content) == model
    del content["named"], content["sharpening"]  # as earlier versions wrote it
    assert QualityModel.from_json(content) == replace(model, named=1.0, sharpening=None)
