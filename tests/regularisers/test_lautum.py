"""Lautum information: the closed form, and the regulariser that is made of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.regularisers import INPUTS, ROWS, SOURCE, batch, network, side
from torch import Tensor

from noisecleaner.errors import NoisecleanerError
from noisecleaner.regularisers import build
from noisecleaner.regularisers.lautum import Lautum, lautum_information, ridged


def gaussian(correlations: list[float], width: int, seed: int) -> Tensor:
    """A joint covariance of two vectors with these canonical correlations, seen through random invertible maps."""
    generator = torch.Generator().manual_seed(seed)
    covariance = torch.eye(width + len(correlations), dtype=torch.float64)
    for i, rho in enumerate(correlations):
        covariance[i, width + i] = covariance[width + i, i] = rho
    maps = [torch.randn(n, n, generator=generator, dtype=torch.float64) for n in (width, len(correlations))]
    mixed = torch.block_diag(*maps)
    return mixed @ covariance @ mixed.T


@pytest.mark.parametrize("seed", range(5))
def test_lautum_information_is_that_of_the_canonical_correlations(seed: int) -> None:
    correlations = [0.9, 0.5, 0.3]
    expected = sum(r**2 / (1 - r**2) + 0.5 * np.log(1 - r**2) for r in correlations)
    found = lautum_information(gaussian(correlations, 5, seed), 5)
    assert found.item() == pytest.approx(expected, rel=1e-9)


def test_lautum_information_is_the_kl_divergence_of_the_product_from_the_joint() -> None:
    joint = gaussian([0.8, 0.4], 3, seed=7)
    apart = torch.block_diag(joint[:3, :3], joint[3:, 3:])
    distribution = torch.distributions.MultivariateNormal
    zero = torch.zeros(5, dtype=torch.float64)
    expected = torch.distributions.kl_divergence(distribution(zero, apart), distribution(zero, joint))
    assert lautum_information(joint, 3).item() == pytest.approx(expected.item(), rel=1e-9)


def test_lautum_information_of_samples_comes_near_the_closed_form() -> None:
    joint = gaussian([0.7, 0.2], 4, seed=3)
    distribution = torch.distributions.MultivariateNormal(torch.zeros(6, dtype=torch.float64), joint)
    torch.manual_seed(0)
    samples = distribution.sample((200_000,))
    found = lautum_information(torch.cov(samples.T), 4)
    assert found.item() == pytest.approx(lautum_information(joint, 4).item(), rel=0.03)


def test_the_gradient_of_lautum_information_is_that_of_finite_differences() -> None:
    joint = gaussian([0.8, 0.8, 0.1], 4, seed=1).requires_grad_()  # equal correlations have no eigenvector gradient

    def symmetric(covariance: Tensor) -> Tensor:
        return lautum_information((covariance + covariance.T) / 2, 4)

    assert torch.autograd.gradcheck(symmetric, joint)


def test_a_ridge_bounds_the_information_of_a_linear_output() -> None:
    joint = gaussian([0.999999999], 1, seed=0)
    assert lautum_information(ridged(joint, 1, 0.1), 1) < 10


def test_the_running_covariance_is_that_of_all_batches_when_they_are_alike() -> None:
    trained = network().eval()
    regulariser = Lautum(side(), trained, dimensions=4, momentum=0.5).double()
    joint = torch.cat([INPUTS[:, :4], INPUTS[:, :3]], dim=1)
    for _ in range(3):
        found = regulariser._covariance(joint)
    torch.testing.assert_close(found, torch.cov(joint.T, correction=0))


def test_more_lautum_information_is_a_lower_loss() -> None:
    trained = network()
    regulariser = Lautum(side(), trained, weight=2.0).double()
    (rows,) = regulariser.draw(np.random.default_rng(0), 16)
    assert set(rows) <= set(range(20, ROWS))
    zero = torch.zeros((), dtype=torch.float64)
    assert regulariser.regularise(zero, trained, batch(SOURCE), [INPUTS[rows]]) < 0


def test_options_out_of_range_are_refused() -> None:
    for options in ({"weight": 0.0}, {"ridge": -1.0}, {"momentum": 1.0}, {"dimensions": 0}):
        with pytest.raises(NoisecleanerError, match="cannot work here"):
            build("lautum", side=side(), network=network(), options=options)
