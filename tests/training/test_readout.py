"""What is read out of a trained fold: its own records for some rows, its network's word on others."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from noisecleaner.arrays import Array
from noisecleaner.inputs.batches import Data
from noisecleaner.networks.network import Batch, Network
from noisecleaner.progress import Stage
from noisecleaner.quality.signals import Predictions
from noisecleaner.training.folds import Fold
from noisecleaner.training.readout import read_fold
from noisecleaner.training.state import State
from noisecleaner.weightings import build

ROWS, EXTRA, WIDTH, CLASSES = 1200, 5, 4, 3  # more rows than a batch holds


class Counting(Stage):
    """Counts what it is told."""

    def __init__(self) -> None:
        self.rows = 0

    def advance(self, steps: int = 1, **numbers: float) -> None:
        self.rows += steps


@pytest.fixture
def state() -> State:
    """A network, and a weighting that has seen row 7 with weight 2 and row 9 twice."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Network(trunk=nn.Identity(), head=nn.Linear(WIDTH, CLASSES))
    weighting = build("l2rw", rows=ROWS, network=network)
    weighting.record(torch.tensor([7, 9, 9]), torch.tensor([2.0, 1.0, 0.5]), alignment=torch.tensor([0.3, 0.1, 0.3]))
    state = State(network, weighting, rows=ROWS)
    logits = torch.tensor([[2.0, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 3.0]])
    state.history.add(Batch(inputs=logits, labels=torch.tensor([0, 0, 2]), rows=torch.tensor([7, 9, 9])), logits)
    return state


@pytest.fixture
def data() -> Data:
    rng = np.random.default_rng(0)
    array = rng.normal(size=(ROWS + EXTRA, WIDTH)).astype(np.float32)
    given = np.where(np.arange(ROWS + EXTRA) < ROWS, np.arange(ROWS + EXTRA) % CLASSES, -1)
    return Data(array=array, given=given, trusted=np.full(ROWS + EXTRA, -1), device=torch.device("cpu"))


def logits_of(state: State, data: Data, rows: Array) -> Array:
    with torch.no_grad():
        return np.asarray(state.network(torch.from_numpy(data.array[rows])).numpy())


def test_recorded_rows_have_their_means_and_nan_where_they_were_never_seen(state: State, data: Data) -> None:
    fold = Fold(source=np.arange(ROWS), recorded=np.array([9, 8, 7]))
    dynamics = read_fold(state, data, fold, rows=ROWS, stage=Stage()).dynamics
    np.testing.assert_allclose(dynamics.alpha, [0.75, np.nan, 2])
    np.testing.assert_allclose(dynamics.alignment, [0.2, np.nan, 0.3], rtol=1e-6)
    np.testing.assert_allclose(dynamics.margin, [(-1 + 3) / 2, np.nan, 1.5])
    assert np.isnan(dynamics.beta).all()  # the rule has no pseudo labels
    assert dynamics.alpha.dtype == np.float64


def test_predicted_rows_are_those_of_the_network_with_the_labels_of_the_dataset(state: State, data: Data) -> None:
    rows, stage = np.arange(ROWS)[::-1], Counting()
    fold = Fold(source=rows, predicted=rows)
    readout = read_fold(state, data, fold, rows=ROWS, stage=stage)
    wanted = Predictions.from_logits(logits_of(state, data, rows), given=data.given[rows])
    np.testing.assert_array_equal(readout.predicted, rows)
    for name, values in vars(readout.predictions).items():
        np.testing.assert_allclose(values, getattr(wanted, name), rtol=1e-5, atol=1e-5)
    assert stage.rows == ROWS


def test_clean_only_rows_have_the_log_probabilities_of_all_classes(state: State, data: Data) -> None:
    fold = Fold(source=np.arange(9), predicted=np.array([3, ROWS + 4, ROWS]))
    readout = read_fold(state, data, fold, rows=ROWS, stage=Stage())
    assert readout.predicted.tolist() == [3]
    assert readout.clean_only.tolist() == [4, 0]
    logits = logits_of(state, data, np.array([ROWS + 4, ROWS])).astype(np.float64)
    wanted = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(readout.clean_only_log_probabilities, wanted, rtol=1e-5, atol=1e-6)


def test_a_fold_that_predicts_nothing_says_nothing(state: State, data: Data) -> None:
    """As in a transfer."""
    readout = read_fold(state, data, Fold(source=np.arange(9), recorded=np.arange(9)), rows=ROWS, stage=Stage())
    assert len(readout.predictions) == len(readout.predicted) == len(readout.clean_only) == 0
    assert len(readout.dynamics) == 9
