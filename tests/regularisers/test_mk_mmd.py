"""The discrepancy of two samples against its definition, in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.regularisers import INPUTS, SOURCE, batch, network, side
from torch import nn

from noisecleaner.errors import NoisecleanerError
from noisecleaner.networks.network import Network
from noisecleaner.regularisers import build
from noisecleaner.regularisers.mk_mmd import VARIANCES, MkMmd, discrepancy


def test_the_discrepancy_is_the_sum_over_all_pairs() -> None:
    first, second = INPUTS[:7], INPUTS[7:20] + 1

    def kernel(x: torch.Tensor, y: torch.Tensor) -> float:
        return float(np.mean([np.exp(-float((x - y) @ (x - y)) / (2 * v)) for v in VARIANCES]))

    within = [np.mean([kernel(x, y) for x in part for y in part]) for part in (first, second)]
    across = np.mean([kernel(x, y) for x in first for y in second])
    assert discrepancy(first, second).item() == pytest.approx(sum(within) - 2 * across, rel=1e-9)
    assert len(VARIANCES) == 19


def test_it_is_zero_for_the_same_sample_and_never_below() -> None:
    assert discrepancy(INPUTS, INPUTS).item() == pytest.approx(0, abs=1e-12)
    assert all(discrepancy(INPUTS[:20], INPUTS[20:] + shift).item() > 0 for shift in (0, 1, 10))
    assert discrepancy(INPUTS[:20], INPUTS[20:] + 10) > discrepancy(INPUTS[:20], INPUTS[20:])


def test_its_gradient_is_that_of_all_pairs() -> None:
    samples = [INPUTS[:4].clone().requires_grad_(), INPUTS[4:9].clone().requires_grad_()]
    joint = torch.cat(samples)
    distances = (joint[:, None] - joint).square().sum(dim=2)
    signs = torch.cat([torch.full((4,), 1 / 4), torch.full((5,), -1 / 5)]).double()
    kernel = torch.stack([torch.exp(-distances / (2 * variance)) for variance in VARIANCES]).mean(dim=0)
    expected = torch.autograd.grad(signs @ kernel @ signs, samples)
    for found, other in zip(torch.autograd.grad(discrepancy(*samples), samples), expected, strict=True):
        torch.testing.assert_close(found, other, rtol=1e-7, atol=1e-9)


def test_it_compares_features_of_the_source_and_of_unlabelled_rows() -> None:
    trained = network().eval()
    regulariser = MkMmd(side(), trained, weight=3.0)
    loss = regulariser.regularise(torch.ones(()).double(), trained, batch(SOURCE), [INPUTS[20:30]])
    expected = 1 + 3 * discrepancy(trained.trunk(INPUTS[SOURCE]), trained.trunk(INPUTS[20:30]))
    assert loss.item() == pytest.approx(expected.item(), rel=1e-12)


def test_what_cannot_work_is_refused() -> None:
    with pytest.raises(NoisecleanerError, match="above 0"):
        build("mk-mmd", side=side(), network=network(), options={"weight": 0.0})
    with pytest.raises(NoisecleanerError, match="features must be trained"):
        build("mk-mmd", side=side(), network=Network(trunk=nn.Identity(), head=nn.Linear(6, 3)))
