"""Plain training."""

from __future__ import annotations

import torch
from support.weightings import ROWS, SOURCE, batch, small_network, take
from torch.nn import functional

from noisecleaner.weightings.uniform import Uniform


def test_every_row_counts_one_and_the_loss_is_the_plain_mean() -> None:
    network, source = small_network(), batch(SOURCE)
    weighting = Uniform(ROWS, network).double()
    step = take(weighting, network, source, batch([]))
    torch.testing.assert_close(step.loss, functional.cross_entropy(network(source.inputs), source.labels))
    assert weighting.alpha()[SOURCE].tolist() == [1.0] * len(SOURCE)
    assert weighting.alpha().isnan().sum() == ROWS - len(SOURCE)
    assert weighting.alignment().isnan().all()
    assert weighting.beta() is None


def test_plain_training_asks_for_no_trusted_rows_and_no_warm_up() -> None:
    assert not Uniform.needs_trusted
    assert Uniform(ROWS, small_network()).warmup == 0
