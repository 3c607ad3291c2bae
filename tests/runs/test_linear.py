"""The mean of linear networks is one map: what it says is what they say together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from noisecleaner.arrays import Array
from noisecleaner.errors import NoisecleanerError
from noisecleaner.networks.heads import build_network, standardise
from noisecleaner.networks.shapes import Shape
from noisecleaner.quality.signals import Predictions
from noisecleaner.runs.linear import Linear, Scaling, is_linear, mean_map, predict


def probabilities(rows: int, classes: int, seed: int = 0) -> Array:
    logits = 3 * np.random.default_rng(seed).normal(size=(rows, classes))
    return np.asarray(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), dtype=np.float32)


@pytest.mark.parametrize(
    "shape",
    [
        Shape(kind="probabilities", classes=7, width=7),
        Shape(kind="vectors", classes=7, width=5),
        Shape(kind="vectors", classes=7, width=5, rooted=True),
    ],
    ids=["probabilities", "vectors", "rooted"],
)
def test_one_linear_map_is_the_mean_of_networks(shape: Shape) -> None:
    networks, rng = [build_network(shape) for _ in range(4)], np.random.default_rng(0)
    for one in networks:
        for parameter in one.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
        standardise(one, mean=100 + rng.normal(size=5), deviation=np.array([0.5, 1.0, 2.0, 3.0, 0.0]))
    vectors = probabilities(300, 7) if shape.kind == "probabilities" else 100 + rng.normal(size=(300, 5))
    inputs = torch.from_numpy(np.log(vectors) if shape.kind == "probabilities" else vectors.astype(np.float32))
    mean = torch.stack([one(inputs) for one in networks]).mean(dim=0).detach().numpy()
    given = rng.integers(0, 7, 300)
    by = mean_map(shape, [{name: value.numpy() for name, value in one.state_dict().items()} for one in networks])
    wanted = Predictions.from_logits(mean.copy(), given=given)
    for name, values in vars(predict(by, vectors, given)).items():
        np.testing.assert_allclose(values, getattr(wanted, name), rtol=1e-4, atol=1e-4)


def test_weights_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"head\.scale"):
        mean_map(Shape(kind="probabilities", classes=3, width=3), [{"head.shift": np.zeros(3)}])
    with pytest.raises(ValueError, match=r"head\.shift"):
        mean_map(
            Shape(kind="probabilities", classes=3, width=3), [{"head.scale": np.ones(()), "head.shift": np.zeros(4)}]
        )
    with pytest.raises(ValueError, match=r"head\.weight"):
        mean_map(
            Shape(kind="vectors", classes=3, width=2), [{"trunk.0.mean": np.zeros(2), "trunk.0.scale": np.ones(2)}]
        )


def linear(rows: int, width: int, classes: int) -> Linear:
    rng = np.random.default_rng(0)
    centre, weight, bias = rng.normal(size=width), rng.normal(size=(width, classes)), rng.normal(size=classes)
    parts = {"centre": centre, "weight": weight, "bias": bias}
    return Linear(**{name: part.astype(np.float32) for name, part in parts.items()}, rows=rows)


def test_a_linear_map_is_centred_multiplied_and_shifted() -> None:
    by, vectors = linear(rows=7, width=3, classes=4), np.random.default_rng(1).normal(size=(5, 3))
    logits = np.empty((5, 4), np.float32)
    by.logits(vectors, logits)
    np.testing.assert_allclose(logits, (vectors - by.centre) @ by.weight + by.bias, rtol=1e-5, atol=1e-5)
    replace(by, rooted=True).logits(vectors**2, logits)
    np.testing.assert_allclose(logits, (abs(vectors) - by.centre) @ by.weight + by.bias, rtol=1e-5, atol=1e-5)


def test_a_scaling_is_that_of_logarithms_and_refuses_what_is_no_probability() -> None:
    by, vectors = Scaling(scale=np.float32(2), shift=np.array([0.5, 0, -1], np.float32), rows=10), probabilities(6, 3)
    logits = np.empty((6, 3), np.float32)
    by.logits(vectors, logits)
    np.testing.assert_allclose(logits, 2 * np.log(vectors) + by.shift, rtol=1e-5, atol=1e-5)
    with pytest.raises(NoisecleanerError, match="must lie in"):
        by.logits(np.full((6, 3), 0.7), logits)


@pytest.mark.parametrize("count", [1, 6, 7, 8, 21, 30])
def test_every_row_is_predicted_alike_whatever_stands_beside_it(count: int) -> None:
    """To the bit at the same place, because always as many rows are multiplied together; elsewhere but for rounding.

    Kernels of some processors sum a row of a product in another order than the row beside it.
    """
    by, vectors = linear(rows=7, width=500, classes=40), np.random.default_rng(1).normal(size=(30, 500))
    given = np.arange(30) % 41 - 1
    everyone, first = predict(by, vectors, given), predict(by, vectors[:count], given[:count])
    last = predict(by, vectors[-count:], given[-count:])
    for name, values in vars(everyone).items():
        np.testing.assert_array_equal(getattr(first, name), values[:count])
        np.testing.assert_allclose(getattr(last, name), values[-count:], rtol=1e-5, atol=1e-4)


def test_images_and_hidden_layers_are_not_linear() -> None:
    assert is_linear(Shape(kind="vectors", classes=3, width=2))
    assert is_linear(Shape(kind="probabilities", classes=3, width=3))
    assert not is_linear(Shape(kind="vectors", classes=3, width=2, hidden=8))
    assert not is_linear(Shape(kind="vectors", classes=3, width=2, backbone="lenet", size=28))
    assert not is_linear(Shape(kind="pixels", classes=3, width=2, backbone="lenet", size=28))
