"""What vectors of the classes say of rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import optimize
from scipy.special import log_softmax

from noisecleaner.arrays import Array
from noisecleaner.errors import NoisecleanerError
from noisecleaner.runs.run import Run
from noisecleaner.runs.zero_shot import ZeroShot, _Likelihood

SHIFT = np.array([0.5, -0.5, 0.3, -0.3])


def rows(count: int = 6000, scale: float = 12.0, noise: float = 0.3) -> tuple[Array, Array, Array]:
    """Vectors of four classes, embeddings, and labels drawn by their cosines, some of which are any class."""
    rng = np.random.default_rng(0)
    vectors, embeddings = rng.normal(size=(4, 16)), rng.normal(size=(count, 16)) * 5
    cosines = embeddings @ vectors.T / np.linalg.norm(embeddings, axis=1)[:, None] / np.linalg.norm(vectors, axis=1)
    chances = np.exp(log_softmax(scale * cosines + SHIFT, axis=1))
    given = (chances.cumsum(axis=1) > rng.random((count, 1))).argmax(axis=1)
    given = np.where(rng.random(count) < noise, rng.integers(0, 4, count), given)
    return vectors, embeddings.astype(np.float32), given


def test_scale_and_shifts_are_found_although_labels_are_wrong() -> None:
    vectors, embeddings, given = rows()
    found = ZeroShot.fit(vectors, embeddings, given)
    assert found.scale == pytest.approx(12, rel=0.1)
    np.testing.assert_allclose(found.shift - found.shift.mean(), SHIFT, atol=0.15)


def test_the_gradient_is_that_of_the_loss() -> None:
    rng = np.random.default_rng(0)
    likelihood = _Likelihood(rng.normal(size=(40, 3)), rng.integers(0, 3, 40))
    at = rng.normal(size=5)
    numeric = optimize.approx_fprime(at, lambda parameters: likelihood.at(parameters)[0], 1e-6)
    np.testing.assert_allclose(likelihood.at(at)[1], numeric, atol=1e-4)


def test_probabilities_are_those_of_the_cosines_whatever_the_lengths_and_the_number_of_rows() -> None:
    vectors, embeddings, given = rows(700)
    found = ZeroShot.fit(vectors * 1e18, embeddings, given)
    whole = found.predict(embeddings, given)
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    logs = log_softmax(found.scale * unit @ found.vectors.T + found.shift, axis=1)
    np.testing.assert_allclose(whole.log_probability, logs[np.arange(700), given], atol=1e-5)
    for first in (0, 3, 690):
        part = found.predict(embeddings[first : first + 10], given[first : first + 10])
        np.testing.assert_array_equal(part.margin, whole.margin[first : first + 10])
    assert len(found.predict(embeddings[:0], given[:0])) == 0


def test_rows_without_a_label_get_nothing_and_fit_nothing() -> None:
    vectors, embeddings, given = rows(300)
    some = np.where(np.arange(300) < 200, given, -1)
    found = ZeroShot.fit(vectors, embeddings, some)
    again = ZeroShot.fit(vectors, embeddings[:200], given[:200])
    assert found.scale == pytest.approx(again.scale)
    np.testing.assert_array_equal(np.isnan(found.predict(embeddings, some).margin), some < 0)


def test_it_comes_back_from_its_file(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.auditor.mkdir()
    with pytest.raises(NoisecleanerError, match="zero-shot"):
        ZeroShot.read(run)
    vectors, embeddings, given = rows(300)
    found = ZeroShot.fit(vectors, embeddings, given)
    found.write(run)
    again = ZeroShot.read(run)
    np.testing.assert_array_equal(again.predict(embeddings, given).margin, found.predict(embeddings, given).margin)
