"""Rows of low loss: found, balanced, never missing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from noisecleaner.training.clean_set import LEAST, CleanSet, clean_probability, clean_rows


def test_the_component_of_low_losses_is_found() -> None:
    rng = np.random.default_rng(0)
    wrong = rng.random(600) < 0.4
    losses = np.where(wrong, rng.normal(3, 0.4, 600), rng.normal(0.5, 0.2, 600))
    chosen, lent = clean_rows(losses=losses, given=np.arange(600) % 3)
    assert lent == 0
    assert not (chosen & wrong).any()
    assert chosen.sum() > 0.8 * (~wrong).sum()


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.integers(10, 80))
def test_classes_are_balanced_and_none_is_ever_empty(seed: int, classes: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes), rng.integers(0, classes, rows)])
    chosen, lent = clean_rows(losses=rng.gamma(1.0, size=len(labels)), given=labels)
    counts = np.bincount(labels[chosen], minlength=classes)
    whole = np.bincount(labels, minlength=classes)
    assert (counts == np.minimum(counts.max(), whole)).all()
    assert (counts >= np.minimum(LEAST, whole)).all()
    assert 0 <= lent <= chosen.sum()


def test_a_class_of_high_losses_lends_its_lowest() -> None:
    labels = np.repeat([0, 1], 50)
    losses = np.where(labels == 0, 0.1, 5.0) + np.linspace(0, 0.01, 100)
    chosen, lent = clean_rows(losses=losses, given=labels)
    assert np.flatnonzero(chosen[50:]).tolist() == list(range(LEAST))
    assert lent == LEAST


def test_the_probability_is_the_posterior_of_the_gaussians_that_losses_come_from() -> None:
    rng = np.random.default_rng(0)
    wrong = rng.random(20_000) < 0.3
    losses = np.where(wrong, rng.normal(3, 0.8, 20_000), rng.normal(1, 0.4, 20_000))
    floor = 5e-4 * np.ptp(losses) ** 2  # of the variances of scaled losses
    parts = ((0.7, 1, 0.4**2), (0.3, 3, 0.8**2))
    density = [share * norm.pdf(losses, mean, np.sqrt(variance + floor)) for share, mean, variance in parts]
    assert np.abs(clean_probability(losses) - density[0] / (density[0] + density[1])).mean() < 0.03


def test_equal_losses_tell_nobody_apart() -> None:
    chosen, lent = clean_rows(losses=np.ones(30), given=np.arange(30) % 3)
    assert chosen.all()
    assert lent == 0


def test_the_set_holds_the_numbers_of_the_rows_and_survives_a_state_dict() -> None:
    source = np.arange(100, 200)
    labels = torch.arange(100) % 2
    logits = torch.nn.functional.one_hot(labels, 2).float() * 4
    logits[:40] *= -1  # forty rows that the network contradicts
    clean = CleanSet(300)
    assert clean.choose(source, logits=logits, given=labels) == 0
    assert clean.rows().tolist() == list(range(140, 200))
    other = CleanSet(300)
    other.load_state_dict(clean.state_dict())
    assert other.rows().tolist() == clean.rows().tolist()
    with pytest.raises(RuntimeError):
        CleanSet(10).load_state_dict(clean.state_dict())
