"""The discriminant is what its definition says, whatever the labels and however the vectors lie."""

from __future__ import annotations

import numpy as np
import pytest

from noisecleaner.arrays import FloatArray, SingleArray
from noisecleaner.training.discriminant import ClassSums, LinearHead, Moments, Spread


def drawn(rows: int = 300, width: int = 12, classes: int = 4) -> tuple[SingleArray, SingleArray]:
    """Vectors and soft labels."""
    rng = np.random.default_rng(0)
    soft = rng.dirichlet(np.ones(classes), rows).astype(np.float32)
    vectors = soft @ rng.normal(size=(classes, width)) * 3 + rng.normal(size=(rows, width)) * rng.uniform(0.1, 3, width)
    return vectors.astype(np.float32), soft


def sums_of(vectors: SingleArray, soft: SingleArray) -> ClassSums:
    return ClassSums(mass=soft.sum(axis=0, dtype=np.float64), vectors=soft.T.astype(np.float64) @ vectors)


def by_definition(vectors: SingleArray, soft: SingleArray, shrinkage: float) -> LinearHead:
    """Log prior and log density of Gaussians whose covariance is that within classes, in double precision."""
    wide, labels = vectors.astype(np.float64), soft.astype(np.float64)
    mass = labels.sum(axis=0)
    means, mean = labels.T @ wide / mass[:, None], wide.mean(axis=0)
    share, apart = mass / mass.sum(), means - mean
    total = np.cov(wide.T, bias=True)
    within = total - (apart.T * share) @ apart
    width = len(total)
    shrunk = (1 - shrinkage) * within + shrinkage * np.trace(total) / width * np.eye(width)
    weight = np.linalg.solve(shrunk, means.T)
    bias = np.log(share) - 0.5 * np.einsum("cw,wc->c", means, weight)
    return LinearHead(weight=weight, bias=bias)


@pytest.mark.parametrize("shrinkage", [0.01, 0.3, 1.0])
def test_it_is_the_discriminant_of_its_definition(shrinkage: float) -> None:
    vectors, soft = drawn()
    head = Spread(Moments.of([vectors], 12), shrinkage).head(sums_of(vectors, soft))
    wanted = by_definition(vectors, soft, shrinkage)
    scale = np.abs(wanted.weight).max()
    np.testing.assert_allclose(head.weight, wanted.weight, atol=1e-4 * scale)
    np.testing.assert_allclose(head.bias, wanted.bias, rtol=1e-4)


def test_blocks_and_parts_add_up() -> None:
    vectors, soft = drawn()
    whole = Moments.of([vectors], 12)
    parts = Moments.all([Moments.of([vectors[:100], vectors[100:130]], 12), Moments.of([vectors[130:]], 12)], 12)
    assert parts.count == whole.count == 300
    np.testing.assert_allclose(parts.products, whole.products, rtol=1e-5)
    np.testing.assert_allclose(parts.total, whole.total, rtol=1e-5)
    sums = ClassSums.all([sums_of(vectors[:90], soft[:90]), sums_of(vectors[90:], soft[90:])])
    np.testing.assert_allclose(sums.vectors, sums_of(vectors, soft).vectors, rtol=1e-5)


def test_a_class_of_which_no_row_is_left_is_never_predicted() -> None:
    vectors, soft = drawn()
    soft[:, 2] = 0
    logits = Spread(Moments.of([vectors], 12), 0.2).head(sums_of(vectors, soft)).logits(vectors)
    assert np.isfinite(logits).all()
    assert (logits.argmax(axis=1) != 2).all()


@pytest.mark.parametrize("constant", [slice(0, 3), slice(None)])
def test_coordinates_that_never_change_do_no_harm(constant: slice) -> None:
    vectors, soft = drawn()
    vectors[:, constant] = 0
    head = Spread(Moments.of([vectors], 12), 0.2).head(sums_of(vectors, soft))
    assert np.isfinite(head.weight).all()
    assert np.isfinite(head.bias).all()


def test_a_scaled_head_scales_logits() -> None:
    weight: FloatArray = np.arange(6.0).reshape(3, 2)
    head = LinearHead(weight=weight, bias=np.array([1.0, -1.0]))
    vectors = np.ones((1, 3), np.float32)
    np.testing.assert_allclose(head.scaled(0.5).logits(vectors), 0.5 * head.logits(vectors))


def heads() -> list[LinearHead]:
    rng = np.random.default_rng(0)
    return [LinearHead(weight=rng.normal(size=(3, 2)), bias=rng.normal(size=2)) for _ in range(2)]


def test_heads_side_by_side_sum_up_their_logits() -> None:
    first, second = heads()
    one, two = np.random.default_rng(1).normal(size=(2, 5, 3)).astype(np.float32)
    both = LinearHead.beside([first, second]).logits(np.concatenate([one, two], axis=1))
    np.testing.assert_allclose(both, first.logits(one) + second.logits(two), rtol=1e-4, atol=1e-5)


def test_the_mean_of_heads_has_the_mean_of_their_logits() -> None:
    vectors = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
    logits = [head.logits(vectors) for head in heads()]
    np.testing.assert_allclose(LinearHead.mean(heads()).logits(vectors), sum(logits) / 2, rtol=1e-4, atol=1e-5)
