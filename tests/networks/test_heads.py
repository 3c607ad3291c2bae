"""Heads on vectors."""

from __future__ import annotations

import torch

from noisecleaner.networks.heads import Standardise, build_network, standardise
from noisecleaner.networks.shapes import Shape


def test_standardised_vectors_have_mean_zero_and_deviation_one_and_constants_are_switched_off() -> None:
    vectors = torch.randn(500, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([5.0, 0.1, 0.0]) + 7
    network = build_network(Shape(kind="vectors", classes=2, width=3))
    standardise(network, vectors.mean(0).double().numpy(), vectors.std(0, unbiased=False).double().numpy())
    (layer,) = [m for m in network.modules() if isinstance(m, Standardise)]
    found = layer(vectors)
    torch.testing.assert_close(found[:, :2].mean(0), torch.zeros(2), atol=1e-3, rtol=0)
    torch.testing.assert_close(found[:, :2].std(0, unbiased=False), torch.ones(2), atol=1e-3, rtol=0)
    assert not found[:, 2].any()
