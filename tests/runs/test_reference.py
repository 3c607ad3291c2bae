"""What is kept of the fitted rows: looked at as new rows will be, written and read whole."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.datasets import Command

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import read_arrays, write_arrays
from noisecleaner.quality.model import QualityModel
from noisecleaner.quality.signals import Predictions
from noisecleaner.runs.auditor import Auditor
from noisecleaner.runs.predictors import Predict, Predictors
from noisecleaner.runs.reference import Projection, Reference
from noisecleaner.runs.run import Run
from noisecleaner.runs.trace import Trace


def vectors(rows: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return (rng.normal(size=(rows, width)) * np.geomspace(1e-4, 1e4, width) + 1e3).astype(np.float32)


@pytest.mark.parametrize("width", [3, 64, 300])
def test_a_projection_brings_any_scale_to_a_few_numbers_that_half_precision_holds(width: int) -> None:
    inputs = vectors(500, width)
    numbers = Projection.like(inputs, "vectors").of(inputs)
    assert numbers.shape == (500, min(width, 64))
    assert numbers.dtype == np.float16
    assert (np.abs(numbers).max(axis=0) < 30).all()
    assert (numbers.std(axis=0) > 0.05).any()


def test_a_coordinate_that_hardly_changes_is_not_blown_up() -> None:
    inputs = np.random.default_rng(0).normal(size=(500, 5)).astype(np.float32) * np.array(
        [1, 1, 1, 1e-9, 0], np.float32
    )
    projection = Projection.like(inputs, "vectors")
    np.testing.assert_allclose(projection.scale[3:], 16)
    other = projection.of(inputs + np.array([0, 0, 0, 0, 1], np.float32))
    assert (np.abs(other[:, 4]) == 16).all()


def reference(rows: int = 100, networks: int = 3) -> Reference:
    rng = np.random.default_rng(0)
    given = rng.integers(-1, 4, rows)
    predictions = Predictions.from_logits(rng.normal(size=(rows, 4)).astype(np.float32), given=given)
    network = np.where(given >= 0, np.arange(rows) % networks, -1) if networks > 1 else np.full(rows, -1)
    found = Reference.of(
        vectors(rows, 5),
        "vectors",
        predictions=predictions,
        quality=QualityModel("uncalibrated"),
        network=network,
        classes=4,
    )
    assert found is not None
    return found


@pytest.mark.parametrize("networks", [1, 3, 200])
def test_a_reference_comes_back_as_it_was(tmp_path: Path, networks: int) -> None:
    run, one = Run(tmp_path), reference(1000, networks)
    assert Reference.read(run) is None
    run.auditor.mkdir()
    one.write(run)
    other = Reference.read(run)
    assert other is not None
    assert (one.tells_labels, other.tells_labels) == (networks > 1, networks > 1)
    for part in ("projection", "rows"):
        for name, values in vars(getattr(one, part)).items():
            np.testing.assert_array_equal(values, getattr(getattr(other, part), name), err_msg=name)
    np.testing.assert_array_equal(one.counts, other.counts)
    np.testing.assert_array_equal(one.network, other.network)
    arrays, content = read_arrays(run.reference)
    write_arrays(run.reference, {name: arrays[name] for name in arrays if name != "margin"}, content)
    with pytest.raises(NoisecleanerError, match="margin"):
        Reference.read(run)


def test_rows_without_a_label_are_not_kept_and_of_none_there_is_nothing() -> None:
    one = reference()
    assert (one.rows.given >= 0).all()
    assert one.counts.sum() == len(one.rows) < 100
    nothing = Reference.of(
        vectors(3, 5),
        "vectors",
        predictions=Predictions.from_logits(np.zeros((3, 4), np.float32), given=np.full(3, -1)),
        quality=QualityModel("uncalibrated"),
        network=np.full(3, -1),
        classes=4,
    )
    assert nothing is None


def predictor(number: int) -> Predict:
    """A network that says which one it is."""

    def predict(inputs: np.ndarray, given: np.ndarray) -> Predictions:
        logits = np.zeros((len(inputs), 4), np.float32)
        logits[np.arange(len(inputs)), given] = 1 + number
        return Predictions.from_logits(logits, given=given)

    return predict


def test_a_new_row_is_seen_by_one_network_and_a_fitted_one_by_that_which_had_not_seen_it() -> None:
    one, inputs, given = reference(100, 3), vectors(600, 5), np.arange(600) % 4
    known = np.where(np.arange(600) < 100, one.network[np.arange(600) % 100], -1)
    predictors = Predictors(predictor(9), predictor, threads=1)
    seen = one.see(inputs.__getitem__, predictors, given=given, network=known, quality=QualityModel("uncalibrated"))
    network = np.round(seen.margin).astype(int) - 1
    np.testing.assert_array_equal(network[known >= 0], known[known >= 0])
    np.testing.assert_allclose(np.bincount(network[100:]) / 500, 1 / 3, atol=0.1)
    np.testing.assert_array_equal(seen.looks, one.projection.of(inputs))
    np.testing.assert_allclose(seen.wrong, 1 - np.exp(seen.margin) / (np.exp(seen.margin) + 3), atol=1e-6)


def test_a_fit_keeps_what_its_networks_said_of_rows_that_they_had_not_seen(fitted: Path, command: Command) -> None:
    """Fitted rows that are looked at as if they were new are seen as they are kept."""
    run = Run(fitted / "run")
    one, trace = Reference.read(run), Trace.read(run.trace)
    assert one is not None
    assert len(one.rows) == 600
    margins = trace.table["predicted_margin"].to_numpy()
    np.testing.assert_allclose(one.rows.margin, margins, rtol=1e-5, atol=1e-5)
    assert set(one.network.tolist()) == set(range(5))
    auditor = Auditor(run)
    assert one.counts.sum() == 600
    truth = json.loads((fitted / "truth.json").read_text())
    assert one.rows.wrong.mean() == pytest.approx(0.3, abs=0.05), len(truth)
    assert auditor.reference is not None


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_a_projection_tells_vectors_that_no_fitted_one_is_like(scale: float) -> None:
    rng = np.random.default_rng(0)
    fitted = (rng.normal(size=(500, 8)) * [1, 1, 1, 1, 1, 1, 1e-9, 100] * scale).astype(np.float32)
    projection = Projection.like(fitted, "vectors")
    new = fitted.copy()
    new[3] *= 1e5
    new[4] *= 100
    new[5], new[6] = np.nan, np.inf
    assert np.flatnonzero(projection.far_outside(new)).tolist() == [3]
    assert not projection.far_outside(fitted).any()
    assert not replace(projection, kind="pixels").far_outside(new).any()
    assert 0.5 < projection.of(fitted).astype(np.float64).std() < 16
