"""The direction of the trusted loss: in closed form, kept, as a mean; and what is made of a(given)."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.weightings import ROWS, TARGET, batch, deep_network, small_network
from torch import Tensor, nn

from noisecleaner.settings import Layers, Meta
from noisecleaner.weightings._meta_gradient import normalised, trusted_loss, unit
from noisecleaner.weightings.l2b import LearningToBootstrap


def test_the_direction_of_a_linear_classifier_is_that_of_autograd() -> None:
    network, target = small_network(), batch(TARGET, seed=2)
    network.trunk = nn.Sequential(network.trunk, nn.BatchNorm1d(7).double())
    before = {name: value.clone() for name, value in network.state_dict().items()}
    weighting = LearningToBootstrap(ROWS, network)
    weighting.approximate(network, Meta(layers="last", every=2))
    found = weighting.double().along_trusted(network, target)
    expected = weighting.along(network, target, lambda parameters: trusted_loss(network, target, parameters))
    assert found.keys() == expected.keys()
    for name, value in found.items():
        torch.testing.assert_close(value, expected[name], rtol=1e-12, atol=1e-14)
    again = weighting.along_trusted(network, batch([]))
    assert all(torch.equal(again[name], value) for name, value in expected.items())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("layers", ["exact", "last"])
@pytest.mark.parametrize("every", [1, 2])
def test_with_momentum_the_mean_of_the_last_directions_serves(layers: Layers, every: int) -> None:
    network = deep_network()
    weighting = LearningToBootstrap(ROWS, network)
    weighting.approximate(network, Meta(layers=layers, every=every, momentum=0.6))
    alone = LearningToBootstrap(ROWS, network)
    alone.approximate(network, Meta(layers=layers))
    expected: dict[str, Tensor] = {}
    weighting.double()
    for number, share in enumerate((1, 1 / 2, 0.4, 0.4)):  # three batches and more would say 1 / 3
        target = batch(TARGET, seed=number)
        for name, value in alone.along_trusted(network, target).items():
            expected[name] = share * value + (1 - share) * expected.get(name, torch.zeros_like(value))
        found = weighting.along_trusted(network, target)
        for again in (found, weighting.along_trusted(network, batch([]))):
            for name, value in again.items():
                torch.testing.assert_close(value, expected[name], rtol=1e-12, atol=1e-14)


def test_normalised_weights_sum_to_one_or_are_all_zero() -> None:
    first, second = normalised(torch.tensor([1.0, -2.0, 3.0]), torch.tensor([-1.0, 0.5, 0.5]))
    torch.testing.assert_close(first.sum() + second.sum(), torch.tensor(1.0))
    assert first[1] == 0
    (nothing,) = normalised(torch.tensor([-1.0, -2.0]))
    assert nothing.tolist() == [0.0, 0.0]


# smaller than 1e-100, squares lose digits and quotients vanish: no gradient is that small
sizes = st.floats(1e-100, 1e6)


@given(st.lists(st.just(0.0) | sizes | sizes.map(lambda size: -size), min_size=1, max_size=30))
def test_agreements_are_scaled_to_the_root_mean_square_one(values: list[float]) -> None:
    agrees = torch.tensor(values, dtype=torch.float64)
    scaled = unit(agrees)
    if agrees.square().mean() == 0:
        assert not scaled.any()
    else:
        assert scaled.square().mean().item() == pytest.approx(1)
        assert torch.equal(scaled.sign(), agrees.sign())
