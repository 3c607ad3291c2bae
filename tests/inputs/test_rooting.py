"""Square roots of vectors, and when they are taken."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from noisecleaner.inputs import rooting
from noisecleaner.inputs.prepare import statistics
from noisecleaner.inputs.rooting import never_negative, root
from noisecleaner.networks.heads import Standardise


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_roots_keep_their_sign(dtype: type) -> None:
    rooted = root(np.array([[4, 0], [-9, 0.25]], dtype))
    assert rooted.dtype == np.float32
    assert rooted.tolist() == [[2, 0], [-3, 0.5]]


def test_a_single_number_below_zero_tells_in_a_row_that_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooting, "_BLOCK", 4)
    array = np.random.default_rng(0).random((30, 3)).astype(np.float16)
    rows = np.arange(0, 30, 2)
    assert never_negative(array, rows)
    array[15, 1] = -1
    assert never_negative(array, rows)
    array[28, 2] = -1e-4
    assert not never_negative(array, rows)


def test_a_head_sees_what_the_statistics_are_of() -> None:
    vectors = np.random.default_rng(0).gamma(0.3, size=(500, 4)).astype(np.float32)
    mean, deviation = statistics(vectors, np.arange(500), rooted=True)
    layer = Standardise(4, rooted=True)
    layer.fit(mean=mean, deviation=deviation)
    seen = layer(torch.from_numpy(vectors)).numpy()
    np.testing.assert_allclose(seen.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(seen.std(axis=0), 1, rtol=1e-4)
    np.testing.assert_allclose(seen, (root(vectors) - layer.mean.numpy()) * layer.scale.numpy(), rtol=1e-5, atol=1e-5)
