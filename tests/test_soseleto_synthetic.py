"""SOSELETO, section 4.1: the target is split by a line 30 degrees clockwise of the y-axis, the source by the y-axis."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from noisecleaner.folds import Fold
from noisecleaner.progress import Interrupts, Progress
from noisecleaner.training import Data, Schedule, State, train
from noisecleaner.weightings import Network
from noisecleaner.weightings.soseleto import Soseleto

SOURCE, TARGET = 100, 50


def experiment(seed: int, folder: Path) -> tuple[float, float, float]:
    """Return target accuracy, and the mean alpha inside and outside the mislabelled region."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(-1, 1, (SOURCE + TARGET, 2)).astype(np.float32)
    tilt = math.radians(30)
    true = (points[:, 0] * math.cos(tilt) > points[:, 1] * math.sin(tilt)).astype(np.int64)
    given = np.where(np.arange(SOURCE + TARGET) < SOURCE, points[:, 0] > 0, -1).astype(np.int64)
    data = Data(points, given, true, torch.device("cpu"))
    rows = np.arange(SOURCE)
    fold = Fold(rows, SOURCE + np.arange(TARGET), rows, rows, rows[:0])
    torch.manual_seed(seed)
    network = Network(nn.Sequential(nn.Linear(2, 24), nn.Tanh()), nn.Linear(24, 2))
    weighting = Soseleto(SOURCE, network, rate=0.7)
    state = State(network, weighting, SOURCE, averaged=False)
    schedule = Schedule(200, 10, TARGET, learning_rate=0.2, weight_decay=0.0, seed=seed)
    train(state, data, fold, schedule, folder / f"{seed}.safetensors", "", Progress(), Interrupts())
    assert weighting.target_head is not None
    with torch.no_grad():
        logits = weighting.target_head(network.trunk(torch.from_numpy(points[SOURCE:])))
    accuracy = float((logits.argmax(1).numpy() == true[SOURCE:]).mean())
    alpha = weighting.alpha().numpy()
    wrong = given[:SOURCE] != true[:SOURCE]
    return accuracy, float(alpha[wrong].mean()), float(alpha[~wrong].mean())


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Layers this small are faster without handing work to other threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
def test_the_target_is_learned_and_the_mislabelled_region_loses_its_weight(tmp_path: Path) -> None:
    outcomes = np.array([experiment(seed, tmp_path) for seed in range(10)])
    accuracy, inside, outside = outcomes.mean(axis=0)
    assert accuracy >= 0.99
    assert inside < outside / 3
