"""What calibrators read of predictions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.metrics import roc_auc_score
from support.simulated import Array, any_signals, verified_example, verify

from noisecleaner.quality.evidence import Evidence
from noisecleaner.quality.fitting import fit_quality
from noisecleaner.quality.sharpening import Sharpening
from noisecleaner.quality.signals import Dynamics, Predictions, Signals
from noisecleaner.quality.transition import Transition


def own_model(
    temperature: float, *, rows: int = 4000, classes: int = 8, lean: float = 0.7
) -> tuple[Array, Array, Array]:
    """Log probabilities of a model that is too sure (below 1) or unsure and leans to classes; given and true labels."""
    rng = np.random.default_rng(0)
    true = rng.integers(0, classes, rows)
    given = np.where(rng.random(rows) < 0.25, rng.integers(0, classes, rows), true)
    logits = rng.normal(size=(rows, classes)) + rng.normal(size=classes) * lean
    logits[np.arange(rows), true] += 2
    return log_softmax(logits / temperature, axis=1), given, true


def single_signals(logs: Array, given: Array) -> dict[str, Array]:
    """What one may rank rows by without verified labels."""
    rows, others = np.arange(len(given)), logs.copy()
    others[rows, given] = -np.inf
    best, own = others.max(axis=1), logs[rows, given]
    entropy = -(np.exp(logs) * logs).sum(axis=1)
    return {"margin": own - best, "confidence": own, "lead": np.exp(own) - np.exp(best), "entropy": own / entropy}


@pytest.mark.parametrize("temperature", [0.3, 1.0, 3.0])
def test_label_quality_ranks_better_than_each_signal_of_a_model(temperature: float) -> None:
    logs, given, true = own_model(temperature)
    nothing = np.full(len(given), np.nan)
    dynamics = Dynamics(alpha=nothing, beta=nothing, alignment=nothing, margin=nothing, positive_share=nothing)
    signals = Signals(dynamics, Predictions.from_logits(logs.astype(np.float32), given=given))
    judging = np.random.default_rng(1).choice(len(given), 400, replace=False)
    quality = fit_quality(signals, verify(true, judging, classes=8)).quality
    rest = np.setdiff1d(np.arange(len(given)), judging)
    right = (given == true)[rest]
    found = roc_auc_score(right, quality[rest])
    alone = {name: roc_auc_score(right, signal[rest]) for name, signal in single_signals(logs, given).items()}
    assert found > max(alone.values()) + 0.005, alone
    assert ((quality[rest] >= 0.5) == right).mean() > ((logs.argmax(axis=1) == given)[rest] == right).mean()


def test_evidence_is_what_an_earlier_run_read_where_nothing_is_sharpened() -> None:
    verified, predictions = verified_example()
    transition = Transition.fit(verified, given=predictions.given, classes=4)
    features = Evidence(transition=transition, sharpening=None).of(predictions)
    assert not {"predicted_lead", "predicted_entropy", "posterior_excess"} & set(features.names)
    np.testing.assert_array_equal(features.only(["posterior"]).values[:, 0], transition.log_odds(predictions))


def test_evidence_tells_how_predictions_are_distributed() -> None:
    """Entropy and lead are those of all classes, where these are listed; a row that nobody predicted has neither."""
    predictions = any_signals(200).predictions
    verified, counted = verified_example()
    transition = Transition.fit(verified, given=counted.given, classes=4)
    features = Evidence(transition=transition, sharpening=Sharpening(scale=1.0, shift=(0.0,) * 4)).of(predictions)
    known = predictions.known
    logs = np.column_stack([predictions.log_probability, predictions.candidate_log_probabilities])[known]
    columns = dict(zip(features.names, features.values[known].T, strict=True))
    np.testing.assert_allclose(columns["predicted_entropy"], -(np.exp(logs) * logs).sum(axis=1), atol=1e-6)
    np.testing.assert_allclose(columns["predicted_lead"], np.exp(logs[:, 0]) - np.exp(logs[:, 1]), atol=1e-6)
    np.testing.assert_array_equal(columns["posterior_excess"], np.maximum(columns["posterior"], 0))
    unknown = features.only(["predicted_margin", "predicted_lead", "predicted_entropy"]).values[~known]
    assert np.isnan(unknown).all()
