"""Lautum information: the closed form, and the regulariser that is made of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.regularisers import INPUTS, ROWS, SOURCE, WIDTH, batch, network, side
from torch import Tensor

from noisecleaner.errors import NoisecleanerError
from noisecleaner.regularisers import Side, build
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


def independent(inputs: Tensor, outputs: Tensor) -> Tensor:
    """L of inputs [n, d] and outputs [n, c], from principal components by numpy and the divergence of two Gaussians."""
    _, vectors = np.linalg.eigh(np.cov(inputs.numpy().T))
    reduced = inputs @ torch.from_numpy(vectors[:, ::-1][:, :4].copy())
    joint = torch.cov(torch.cat([reduced, outputs], dim=1).T, correction=0)
    ridge = torch.cat([joint.diagonal()[:4].mean().expand(4), joint.diagonal()[4:].mean().expand(outputs.shape[1])])
    joint = joint + 0.1 * torch.diag(ridge)
    apart = torch.block_diag(joint[:4, :4], joint[4:, 4:])
    zero, gaussian = torch.zeros(len(joint), dtype=joint.dtype), torch.distributions.MultivariateNormal
    return torch.distributions.kl_divergence(gaussian(zero, apart), gaussian(zero, joint))


def test_with_all_rows_in_the_batch_the_gradient_is_that_of_the_population() -> None:
    trained = network().eval()
    regulariser = Lautum(side(), trained, weight=1.0, dimensions=4, times=2).double()
    (rows,) = regulariser.draw(np.random.default_rng(0), 10)
    assert sorted(rows) == list(range(20, ROWS))
    parameters = list(trained.parameters())
    loss = regulariser.regularise(torch.zeros(()).double(), trained, batch(SOURCE), [INPUTS[rows]])
    expected = independent(INPUTS[20:], trained(INPUTS[20:]))
    assert -loss.item() == pytest.approx(expected.item(), rel=1e-9)
    found = torch.autograd.grad(loss, parameters)
    for one, other in zip(found, torch.autograd.grad(expected, parameters), strict=True):
        torch.testing.assert_close(-one, other, rtol=1e-8, atol=1e-10)


def test_a_steps_gradient_points_where_that_of_all_rows_does() -> None:
    generator = torch.Generator().manual_seed(5)
    inputs = torch.randn(4000, WIDTH, generator=generator, dtype=torch.float64)
    trained = network().eval()
    parameters = list(trained.parameters())
    everyone = Side(unlabelled=np.arange(4000))
    cosines = {}
    for size in (32, 128):
        regulariser = Lautum(everyone, trained, times=2).double()
        regulariser.information(inputs, trained(inputs))  # the same directions for all
        whole = flat(torch.autograd.grad(regulariser.information(inputs, trained(inputs)), parameters))
        rows = [regulariser.draw(np.random.default_rng(seed), size)[0] for seed in range(10)]
        parts = [
            flat(torch.autograd.grad(regulariser.information(inputs[r], trained(inputs[r])), parameters)) for r in rows
        ]
        assert {len(r) for r in rows} == {2 * size}
        cosines[size] = np.mean([float(torch.cosine_similarity(part, whole, dim=0)) for part in parts])
    assert 0.8 < cosines[128] < 1
    assert cosines[32] < cosines[128]


def flat(gradients: tuple[Tensor, ...]) -> Tensor:
    return torch.cat([gradient.flatten() for gradient in gradients])


def test_photographs_are_averaged_and_the_first_batch_fixes_the_directions() -> None:
    regulariser = Lautum(side(), network(), dimensions=3).double()
    images = torch.randn(12, 3, 40, 40, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    outputs = torch.randn(12, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    first = regulariser.information(images, outputs)
    directions = regulariser.directions.clone()
    assert directions.shape == (3 * 16 * 16, 3)
    torch.testing.assert_close(directions.T @ directions, torch.eye(3, dtype=torch.float64))
    regulariser.information(images.flip(0) * 2, outputs)
    assert torch.equal(regulariser.directions, directions)
    assert regulariser.information(images, outputs) == first


def test_more_lautum_information_is_a_lower_loss() -> None:
    trained = network()
    regulariser = Lautum(side(), trained, weight=2.0).double()
    (rows,) = regulariser.draw(np.random.default_rng(0), 16)
    assert set(rows) <= set(range(20, ROWS))
    zero = torch.zeros((), dtype=torch.float64)
    assert regulariser.regularise(zero, trained, batch(SOURCE), [INPUTS[rows]]) < 0


def test_options_out_of_range_are_refused() -> None:
    for options in ({"weight": 0.0}, {"ridge": -1.0}, {"times": 0}, {"dimensions": 0}):
        with pytest.raises(NoisecleanerError, match="cannot work here"):
            build("lautum", side=side(), network=network(), options=options)
