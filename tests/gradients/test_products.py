"""The sums of a backward pass, layer by layer."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from noisecleaner.gradients.products import Products


def drawn(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(len(shape)), dtype=torch.float64)


@pytest.mark.parametrize("shape", [(5, 3), (5, 2, 3), (5, 2, 3, 4)], ids=len)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("format", "digits"), [(torch.float64, 1e-12), (torch.bfloat16, 0.05)])
def test_a_layer_adds_the_scalar_product_of_every_sample(
    shape: tuple[int, ...], layout: torch.memory_format, format: torch.dtype, digits: float
) -> None:
    products = Products(torch.zeros(5, dtype=torch.float64), {})
    gradient, turned = drawn(*shape), drawn(*shape).flip(0)
    if len(shape) == 4:
        gradient, turned = gradient.to(memory_format=layout), turned.to(memory_format=layout)
    expected = (gradient * turned).flatten(1).sum(1)
    for times in (1, 2):
        products.add(gradient.to(format), turned=turned.to(format, copy=True))
        torch.testing.assert_close(products.total, times * expected, rtol=digits, atol=digits)


def test_each_sample_has_its_gradient_times_its_weight_in_memory_that_is_at_hand() -> None:
    weights, gradient = torch.rand(5, dtype=torch.float64), drawn(5, 2, 3)
    products, spare = Products(weights, {}), torch.empty(5, 2, 3, dtype=torch.float64)
    expected = torch.stack([w * g for w, g in zip(weights, gradient, strict=True)])
    assert torch.equal(products.weighted(gradient), expected)
    assert products.weighted(gradient, spare=spare) is spare
    assert torch.equal(spare, expected)


@pytest.mark.parametrize("factor", [1.0, 0.25])
def test_the_mean_is_weighted_and_its_gradient_plain(factor: float) -> None:
    weights = torch.tensor([0.0, 0.5, 2.0], dtype=torch.float64)
    losses = torch.tensor([3.0, 2.0, 1.0], dtype=torch.float64, requires_grad=True)
    products = Products(weights, {})
    mean = products.mean(losses)
    assert mean.item() == pytest.approx((0.5 * 2 + 2 * 1) / 3)
    (gradient,) = torch.autograd.grad(factor * mean, losses)  # a regulariser may scale the loss
    torch.testing.assert_close(gradient, torch.full_like(weights, factor / 3))
    products.total += factor / 3 * torch.tensor([7.0, 8.0, 9.0], dtype=torch.float64)  # as layers add them up
    torch.testing.assert_close(products.values(), torch.tensor([7.0, 8.0, 9.0], dtype=torch.float64))


def test_without_a_backward_pass_all_products_are_zero() -> None:
    assert Products(torch.ones(3), {}).values().tolist() == [0.0, 0.0, 0.0]


def test_a_parameter_is_known_by_itself_and_not_by_its_numbers() -> None:
    first, second, other = torch.ones(2), torch.ones(2), torch.ones(2)
    products = Products(torch.ones(1), {first: torch.arange(2.0), second: None})
    assert first in products
    assert second in products
    assert other not in products
    assert torch.equal(products.of(first), torch.arange(2.0))
    assert products.of(second) is None
    assert products.of(None) is None
