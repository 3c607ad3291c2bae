"""What a fold found out comes back from its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.simulated import any_signals, assert_same

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import read_arrays, write_arrays
from noisecleaner.quality.signals import Predictions
from noisecleaner.runs.readout import FoldReadout


def readout(*, rows: int = 10, predicted: int = 4) -> FoldReadout:
    signals = any_signals(rows, known=1.1)
    where = np.arange(predicted) * 2
    return FoldReadout(
        recorded=np.arange(1, rows, 2),
        dynamics=signals.dynamics.take(np.arange(1, rows, 2)),
        predicted=where,
        predictions=signals.predictions.take(where) if predicted else Predictions.none(),
        clean_only=np.array([3, 0]),
        clean_only_log_probabilities=np.log(np.full((2, 4), 0.25, np.float32)),
    )


@pytest.mark.parametrize("predicted", [4, 0])
def test_a_readout_comes_back_with_the_given_labels_of_the_dataset(tmp_path: Path, predicted: int) -> None:
    before = readout(predicted=predicted)
    before.write(tmp_path / "fold.safetensors")
    given = np.full(10, -1)
    given[before.predicted] = before.predictions.given
    again = FoldReadout.read(tmp_path / "fold.safetensors", given=given)
    assert_same(again.dynamics, before.dynamics)
    assert_same(again.predictions, before.predictions)
    for name in ("recorded", "predicted", "clean_only", "clean_only_log_probabilities"):
        np.testing.assert_array_equal(getattr(again, name), getattr(before, name))


def test_a_readout_without_one_of_its_arrays_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "fold.safetensors"
    readout().write(path)
    arrays = read_arrays(path)[0]
    for name in arrays:
        write_arrays(path, {other: values for other, values in arrays.items() if other != name}, {})
        with pytest.raises(NoisecleanerError, match=name):
            FoldReadout.read(path, given=np.zeros(10, np.int64))
