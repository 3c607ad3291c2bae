"""Planted errors: known wrong labels on verified rows, told from right ones."""

from __future__ import annotations

import numpy as np
import pytest
from support.simulated import Array, network

from noisecleaner.quality.calibration import sigmoid
from noisecleaner.quality.planted import CleanOnlyRows, fit_planted, prior_of
from noisecleaner.quality.signals import Predictions


def right_rows(rows: int, seed: int = 0, skill: float = 2.5) -> tuple[Predictions, Array]:
    """Predictions of rows whose given label is right, and these labels."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 4, rows)
    return network(true, true, 4, rng, skill), true


def clean_only(rows: int, seed: int = 0) -> CleanOnlyRows:
    """Log probabilities of all classes, and the true ones."""
    predictions, true = right_rows(rows, seed)
    logs = np.empty((rows, 4))
    logs[np.arange(rows), true] = predictions.log_probability
    np.put_along_axis(logs, predictions.candidates, predictions.candidate_log_probabilities, axis=1)
    return CleanOnlyRows(log_probabilities=logs, labels=true)


def wrong(predictions: Predictions, seed: int = 9) -> Predictions:
    """The same rows with another label, by hand: drawn from the candidates, the own label among the others."""
    rng = np.random.default_rng(seed)
    rows = np.arange(len(predictions))
    drawn = rng.integers(0, predictions.candidates.shape[1], len(rows))
    others = np.concatenate([predictions.candidate_log_probabilities, predictions.log_probability[:, None]], axis=1)
    own = others[rows, drawn]
    others[rows, drawn] = -np.inf
    return Predictions(
        given=predictions.candidates[rows, drawn],
        margin=own - others.max(axis=1),
        log_probability=own,
        candidates=predictions.candidates,
        candidate_log_probabilities=predictions.candidate_log_probabilities,
    )


@pytest.mark.parametrize(("audited", "extra"), [(400, 0), (0, 400), (200, 200)])
def test_right_labels_are_told_from_planted_ones_of_other_rows(audited: int, extra: int) -> None:
    """Audited rows, clean-only rows or both: the same thing is learnt, with a prior of one half."""
    calibrator = fit_planted(right_rows(audited)[0], clean_only(extra) if extra else CleanOnlyRows.none(), seed=0)
    assert calibrator.features == ("predicted_margin", "predicted_log_probability")
    fresh = right_rows(4000, seed=5)[0]
    right, planted = (calibrator.probability(rows.features()) for rows in (fresh, wrong(fresh)))
    assert right.mean() > 0.8
    assert planted.mean() < 0.2
    assert (right.mean() + planted.mean()) / 2 == pytest.approx(0.5, abs=0.02)


def test_clean_only_rows_are_planted_with_any_other_class() -> None:
    """Audited rows, of which only the best candidate is kept, are planted with that: a harder case."""
    rows = right_rows(2000)[0]
    best = Predictions(
        given=rows.given,
        margin=rows.margin,
        log_probability=rows.log_probability,
        candidates=rows.candidates[:, :1],
        candidate_log_probabilities=rows.candidate_log_probabilities[:, :1],
    )
    fresh = right_rows(4000, seed=5)[0].features()
    any_class, hardest = (
        fit_planted(right, extra, seed=0).probability(fresh).mean()
        for right, extra in ((rows.take(np.arange(0)), clean_only(2000)), (best, CleanOnlyRows.none()))
    )
    assert hardest < any_class


def test_the_same_seed_plants_the_same_labels() -> None:
    rows, extra = right_rows(60)[0], clean_only(40)
    assert fit_planted(rows, extra, seed=3) == fit_planted(rows, extra, seed=3)
    assert fit_planted(rows, extra, seed=3) != fit_planted(rows, extra, seed=4)


@pytest.mark.parametrize("share", [0.6, 0.9])
def test_the_dataset_itself_tells_how_many_of_its_labels_are_right(share: float) -> None:
    calibrator = fit_planted(right_rows(2000)[0], CleanOnlyRows.none(), seed=0)
    rows, rng = right_rows(6000, seed=7)[0], np.random.default_rng(2)
    is_wrong = rng.random(6000) >= share
    mixed = Predictions.spread(
        [
            (np.flatnonzero(~is_wrong), rows.take(np.flatnonzero(~is_wrong))),
            (np.flatnonzero(is_wrong), wrong(rows).take(np.flatnonzero(is_wrong))),
        ],
        12_000,  # the last half was skipped
    )
    assert sigmoid(np.array(prior_of(calibrator, mixed))) == pytest.approx(share, abs=0.04)
