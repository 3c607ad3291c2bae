"""Inputs that a device holds are those of the array, and a CPU holds none."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from noisecleaner.inputs import held
from noisecleaner.inputs.batches import Data
from noisecleaner.inputs.held import Held
from noisecleaner.inputs.probabilities import logarithms

CPU = torch.device("cpu")


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32])
def test_rows_arrive_block_by_block_as_they_are(dtype: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "_BLOCK", 3 * 5 * np.dtype(dtype).itemsize)
    array = np.random.default_rng(0).integers(0, 200, (10, 5)).astype(dtype)
    assert np.array_equal(Held.of(array, CPU).values.numpy(), array)
    assert Held.of(array[:0], CPU).values.shape == (0, 5)


def test_probabilities_are_held_as_logarithms() -> None:
    shares = np.array([[0.2, 0.8], [1.0, 0.0]], dtype=np.float32)
    assert np.array_equal(Held.of(shares, CPU, change=logarithms).values.numpy(), logarithms(shares))


def test_nothing_is_held_where_memory_is_the_hosts() -> None:
    array, labels = np.zeros((4, 3), np.float32), np.zeros(4, np.int64)
    data = Data(array=array, given=labels, trusted=labels, device=CPU)
    assert not Held.fits(array, CPU)
    assert data.on_device() is data


def test_what_does_not_fit_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    array, device = np.zeros((100, 10), np.float32), torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 1_000)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 0)
    for free, fits in ((8_999, False), (9_000, True)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device, free=free: (free, 10**9))
        assert Held.fits(array, device) == fits
