"""Heads on vectors and on probabilities, and a classifier on a backbone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from noisecleaner.errors import NoisecleanerError
from noisecleaner.networks.backbones import build
from noisecleaner.networks.heads import Standardise, VectorScaling, build_network, set_classifier, standardise
from noisecleaner.networks.network import Network
from noisecleaner.networks.shapes import Shape


def test_standardised_vectors_have_mean_zero_and_deviation_one_and_constants_are_switched_off() -> None:
    vectors = torch.randn(500, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([5.0, 0.1, 0.0]) + 7
    network = build_network(Shape(kind="vectors", classes=2, width=3))
    mean, deviation = vectors.mean(0).double().numpy(), vectors.std(0, unbiased=False).double().numpy()
    standardise(network, mean=mean, deviation=deviation)
    (layer,) = [m for m in network.modules() if isinstance(m, Standardise)]
    found = layer(vectors)
    torch.testing.assert_close(found[:, :2].mean(0), torch.zeros(2), atol=1e-3, rtol=0)
    torch.testing.assert_close(found[:, :2].std(0, unbiased=False), torch.ones(2), atol=1e-3, rtol=0)
    assert not found[:, 2].any()


@pytest.mark.parametrize("exponent", [-120, -30, 0, 30, 120])
def test_the_scale_of_vectors_does_not_matter(exponent: int) -> None:
    rng = np.random.default_rng(0)
    vectors = (
        rng.normal(size=(500, 4)) * [5.0, 0.1, 0.0, 1e-9 if exponent <= 0 else 0.0] + [7.0, 0.2, 3.0, 0.0]
    ).astype(np.float32)
    scaled = vectors * np.float32(2.0) ** exponent
    network = build_network(Shape(kind="vectors", classes=2, width=4))
    doubles = scaled.astype(np.float64)
    standardise(network, mean=doubles.mean(axis=0), deviation=doubles.std(axis=0))
    expected = (vectors - vectors.mean(axis=0)) / vectors.std(axis=0).clip(1e-3) * [1, 1, 0, 0]
    np.testing.assert_allclose(network.trunk(torch.from_numpy(scaled)).numpy(), expected, atol=1e-4)


def test_mean_and_deviation_cannot_change_places() -> None:
    with pytest.raises(TypeError):
        standardise(build_network(Shape(kind="vectors", classes=2, width=3)), np.zeros(3), np.ones(3))  # type: ignore[misc]


def test_log_probabilities_stay_as_they_are_until_something_is_learned() -> None:
    logs = torch.randn(5, 4).log_softmax(dim=1)
    network = build_network(Shape(kind="probabilities", classes=4, width=4))
    assert torch.equal(network(logs), logs)


def test_vector_scaling_is_one_scale_and_a_shift_for_each_class() -> None:
    layer, logs = VectorScaling(3), torch.randn(5, 3)
    with torch.no_grad():
        layer.scale.fill_(2.0)
        layer.shift.copy_(torch.tensor([0.0, 1.0, -1.0]))
    torch.testing.assert_close(layer(logs), 2 * logs + torch.tensor([0.0, 1.0, -1.0]))
    assert sum(p.numel() for p in layer.parameters()) == 4


def test_a_linear_head_starts_from_zero_weights_and_trains_nothing_below() -> None:
    network = build_network(Shape(kind="vectors", classes=3, width=5))
    assert not network.head.get_parameter("weight").any()
    assert not list(network.trunk.parameters())
    assert network(torch.randn(4, 5)).shape == (4, 3)


def test_a_hidden_layer_belongs_to_the_trunk() -> None:
    network = build_network(Shape(kind="vectors", classes=3, width=5, hidden=8))
    vectors = torch.randn(4, 5)
    assert network.trunk(vectors).shape == (4, 8)
    assert (network.trunk(vectors) >= 0).all()
    torch.testing.assert_close(network(vectors), functional.linear(network.trunk(vectors), *network.head.parameters()))


def test_a_backbone_that_is_given_is_the_trunk_and_else_a_fresh_one_of_that_name() -> None:
    backbone = build("lenet", size=28, pretrained=False, weights=None)
    shape = Shape(kind="pixels", classes=3, width=backbone.width, backbone="lenet", size=backbone.size)
    assert build_network(shape, backbone).trunk is backbone
    network = build_network(shape)
    assert isinstance(network, Network)
    assert type(network.trunk) is type(backbone)
    assert network(torch.zeros(2, 3, 28, 28)).shape == (2, 3)


def test_a_backbone_of_an_unknown_name_is_refused() -> None:
    with pytest.raises(NoisecleanerError, match="le-net"):
        build_network(Shape(kind="pixels", classes=3, width=5, backbone="le-net", size=28))


def test_a_classifier_that_was_found_elsewhere_is_taken_over() -> None:
    network = build_network(Shape(kind="vectors", classes=3, width=4))
    rng = np.random.default_rng(0)
    weight, bias, vectors = rng.normal(size=(4, 3)), rng.normal(size=3), rng.normal(size=(5, 4))
    set_classifier(network, weight=weight, bias=bias)
    logits = network(torch.from_numpy(vectors.astype(np.float32))).detach().numpy()
    np.testing.assert_allclose(logits, vectors @ weight + bias, rtol=1e-5, atol=1e-5)
