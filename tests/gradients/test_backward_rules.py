"""Each layer's rule alone against autograd sample by sample, in float64."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from noisecleaner.gradients import backward, backward_rules
from noisecleaner.gradients.backward import BackwardMode, weighted_pass
from noisecleaner.gradients.backward_rules import RULES
from noisecleaner.gradients.passes import UnfollowedError
from noisecleaner.gradients.products import Products

ROWS = 5


def drawn(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64)


#: A function, what it takes behind its input and by name, and the shapes of a sample, of weight and of bias.
LAYERS: dict[str, tuple[Callable[..., Tensor], tuple[object, ...], dict[str, object], list[tuple[int, ...]]]] = {
    "linear": (functional.linear, (), {}, [(4,), (3, 4), (3,)]),
    "tokens": (functional.linear, (), {}, [(2, 4), (3, 4), (3,)]),
    "conv1d": (functional.conv1d, (), {"padding": 1}, [(2, 5), (3, 2, 3), (3,)]),
    "conv2d": (functional.conv2d, (), {"stride": (2, 1), "dilation": 2, "groups": 2}, [(4, 6, 6), (6, 2, 2, 2), (6,)]),
    "conv3d": (functional.conv3d, (), {}, [(2, 4, 4, 4), (3, 2, 3, 3, 3), (3,)]),
    "layer_norm": (functional.layer_norm, ((3, 2),), {}, [(4, 3, 2), (3, 2), (3, 2)]),
    "group_norm": (functional.group_norm, (2,), {"eps": 1e-3}, [(4, 3), (4,), (4,)]),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("steered", [True, False])
def test_a_layer_weighs_its_gradients_and_adds_the_product_of_every_sample(name: str, steered: bool) -> None:
    torch.manual_seed(0)
    func, before, named, (sample, *sizes) = LAYERS[name]
    x, weight, bias = leaves = [drawn(*shape).requires_grad_() for shape in ((ROWS, *sample), *sizes)]
    along = [drawn(*size) for size in sizes] if steered else [None, None]
    weights = torch.rand(ROWS, dtype=torch.float64)
    products = Products(weights, {weight: along[0], bias: along[1]})
    plain = partial(func, **named)
    slope = torch.randn_like(plain(x, *before, weight=weight, bias=bias))
    output = RULES[func](products, x, *before, weight=weight, bias=bias, **named)
    torch.testing.assert_close(output, plain(x, *before, weight=weight, bias=bias), rtol=1e-12, atol=1e-12)
    found = torch.autograd.grad((slope * output).sum(), leaves)
    below, own, shift = torch.zeros_like(x), torch.zeros_like(weight), torch.zeros_like(bias)
    for row in range(ROWS):
        loss = (slope[row] * plain(x[row : row + 1], *before, weight=weight, bias=bias)[0]).sum()
        whole, *parts = torch.autograd.grad(loss, leaves)
        below += whole  # which is not weighed: the layers below do that themselves
        own += weights[row] * parts[0]
        shift += weights[row] * parts[1]
        product = sum(float((g * v).sum()) for g, v in zip(parts, along, strict=True) if v is not None)
        assert products.total[row].item() == pytest.approx(product, rel=1e-9, abs=1e-12)
    for one, other in zip(found, (below, own, shift), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["linear", "conv2d"])
def test_a_layer_without_a_bias_gives_none_a_gradient(name: str) -> None:
    func, before, named, (sample, size, _) = LAYERS[name]
    x, weight = drawn(ROWS, *sample), drawn(*size).requires_grad_()
    products = Products(torch.ones(ROWS, dtype=torch.float64), {weight: torch.ones_like(weight)})
    output = RULES[func](products, x, *before, weight=weight, bias=None, **named)
    (own,) = torch.autograd.grad(output.sum(), [weight])
    (expected,) = torch.autograd.grad(func(x, *before, weight=weight, bias=None, **named).sum(), [weight])
    torch.testing.assert_close(own, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(products.total.sum(), expected.sum(), rtol=1e-9, atol=1e-12)


PARAMETERS: dict[str, tuple[tuple[int, ...], Callable[[Tensor, Tensor], Tensor]]] = {
    "shift": ((3,), lambda x, p: x + p),
    "shift before": ((1, 3), lambda x, p: p + x),
    "scale": ((3,), lambda x, p: x * p),
    "scale before": ((1, 3), lambda x, p: p * x),
    "part": ((2, 3), lambda x, p: x + p[1:]),
    "view": ((6,), lambda x, p: x * p.view(2, 3)[0].unsqueeze(0)),
    "spread": ((1, 3), lambda x, p: x + p.expand(len(x), -1)),
    "twice": ((2, 3), lambda x, p: x * p[0] + p[1]),
}


@pytest.mark.parametrize("name", PARAMETERS)
@pytest.mark.parametrize("steered", [True, False])
def test_a_parameter_that_shifts_or_scales_has_weighted_gradients_and_products(name: str, steered: bool) -> None:
    torch.manual_seed(0)
    shape, func = PARAMETERS[name]
    x, weights, slope = drawn(ROWS, 3).requires_grad_(), torch.rand(ROWS, dtype=torch.float64), drawn(ROWS, 3)
    own = drawn(*shape).requires_grad_()
    along = torch.randn_like(own) if steered else None
    products = Products(weights, {own: along})
    with BackwardMode(products):
        output = func(x, own)
    torch.testing.assert_close(output, func(x, own), rtol=1e-12, atol=1e-12)
    found, below = torch.autograd.grad((slope * output).sum(), [own, x])
    (expected,) = torch.autograd.grad((slope * func(x, own)).sum(), [x])
    torch.testing.assert_close(below, expected, rtol=1e-12, atol=1e-12)
    each = [torch.autograd.grad((slope[row] * func(x[row : row + 1], own)[0]).sum(), own)[0] for row in range(ROWS)]
    torch.testing.assert_close(found, sum(w * g for w, g in zip(weights, each, strict=True)), rtol=1e-9, atol=1e-12)
    expected = torch.stack([g.new_zeros(()) if along is None else (g * along).sum() for g in each])
    torch.testing.assert_close(products.total, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("func", "reason"),
    [
        (lambda x, p: x.flatten() + p[0, :1], "parts of samples"),
        (lambda x, p: x[0] + p, "shape"),
        (lambda x, p: p[:1] + p[1:], "between parameters"),
        (lambda x, p: x + p.expand(2, 3)[:1], "not the same"),
        (lambda x, p: functional.linear(x.repeat(2, 1), p), "parts of samples"),
        (lambda x, p: x + p.T[:, 0], "no rule"),
    ],
)
def test_a_parameter_that_is_used_in_another_way_is_refused(
    func: Callable[[Tensor, Tensor], Tensor], reason: str
) -> None:
    own = torch.ones(2, 3, dtype=torch.float64)
    with BackwardMode(Products(torch.ones(ROWS), {own: None})), pytest.raises(UnfollowedError, match=reason):
        func(drawn(ROWS, 3), own)


def test_what_has_no_rule_is_refused() -> None:
    products, weight = Products(torch.ones(ROWS), {}), torch.ones(3, 2, 3)
    with pytest.raises(UnfollowedError, match="padding by name"):
        RULES[functional.conv1d](products, torch.ones(ROWS, 2, 5), weight, padding="same")
    with pytest.raises(UnfollowedError, match="without a batch"):
        RULES[functional.conv1d](products, torch.ones(2, 5), weight)
    with pytest.raises(UnfollowedError, match="one parameter"):
        RULES[functional.layer_norm](products, torch.ones(ROWS, 3), (3,), torch.ones(3), None)


def test_a_pytorch_without_the_kernel_of_convolutions_has_no_rule_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backward_rules, "has_kernels", lambda *names: not names)
    rules = backward_rules.usable()
    assert RULES.keys() - rules.keys() == {functional.conv1d, functional.conv2d, functional.conv3d}
    monkeypatch.setattr(backward, "RULES", rules)
    inputs, network = torch.rand(ROWS, 3, 4, 4), torch.nn.Conv2d(3, 2, 3)
    with pytest.raises(UnfollowedError, match="conv2d"):
        weighted_pass(network, inputs, weights=torch.ones(ROWS), along={})
