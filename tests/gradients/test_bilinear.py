"""The derivative by one product against PyTorch's dual numbers, and where two products stay."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn import functional

from noisecleaner.gradients import bilinear
from noisecleaner.gradients.alignment import forward_mode
from noisecleaner.gradients.bilinear import Operands
from noisecleaner.gradients.forward import follow
from noisecleaner.networks.devices import autocast

EPS = torch.finfo(torch.float64).eps


def strided(x: Tensor, /, *, weight: Tensor, bias: Tensor | None) -> Tensor:
    return functional.conv2d(x, weight, bias, stride=2, padding=1, groups=2)


#: A layer, and the shapes of its inputs and its weight.
LAYERS: dict[str, tuple[bilinear.Layer, tuple[int, ...], tuple[int, ...]]] = {
    "linear": (functional.linear, (9, 6), (4, 6)),
    "tokens": (functional.linear, (9, 3, 6), (4, 6)),
    "conv1d": (functional.conv1d, (9, 6, 5), (4, 6, 3)),
    "conv2d": (strided, (9, 6, 5, 5), (4, 3, 3, 3)),
    "conv3d": (functional.conv3d, (9, 2, 4, 4, 4), (4, 2, 3, 3, 3)),
}


def drawn(name: str, seed: int = 0) -> tuple[bilinear.Layer, list[Tensor]]:
    """A layer, and its x, x', W, V, b, b' in float64."""
    layer, inputs, weights = LAYERS[name]
    generator = torch.Generator().manual_seed(seed)
    shapes = (inputs, inputs, weights, weights, weights[:1], weights[:1])
    return layer, [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]


def by_dual_numbers(
    layer: bilinear.Layer, x: Tensor, dx: Tensor, weight: Tensor, dweight: Tensor, bias: Tensor, dbias: Tensor
) -> Tensor:
    with forward_ad.dual_level():
        pairs = ((x, dx), (weight, dweight), (bias, dbias))
        dual_x, dual_weight, dual_bias = (forward_ad.make_dual(*pair) for pair in pairs)
        output = layer(dual_x, weight=dual_weight, bias=dual_bias)
        return forward_ad.unpack_dual(output).tangent.clone()


@pytest.mark.parametrize("name", LAYERS)
@settings(deadline=None)
@given(seed=st.integers(0, 2**20), turn=st.integers(-12, 12), move=st.integers(-12, 12))
def test_one_product_gives_the_derivative_up_to_half_the_digits_at_any_scale(
    name: str, seed: int, turn: int, move: int
) -> None:
    layer, (x, dx, weight, dweight, _, _) = drawn(name, seed)
    dx, dweight = 10.0**move * dx, 10.0**turn * dweight
    none = torch.zeros(len(weight), dtype=torch.float64)
    expected = by_dual_numbers(layer, x, dx, weight, dweight, none, none)
    operands = Operands(x=x, dx=dx, weight=weight, dweight=dweight, bias=None, dbias=None)
    two = bilinear.two_products(layer, operands)
    assert two is not None
    size = (weight.norm() * dx.norm() + dweight.norm() * x.norm()).item()
    assert (two - expected).norm() < 100 * EPS * size
    h = bilinear.balanced_step(operands)
    assert h is not None
    output = layer(x, weight=weight, bias=None)
    one = bilinear.one_product(layer, operands, output=output, h=h, spare=torch.empty_like(x))
    assert (one - expected).norm() < EPS**0.5 * size


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("turned", [True, False])
def test_a_bias_moves_along(name: str, turned: bool) -> None:
    layer, (x, dx, weight, dweight, bias, dbias) = drawn(name)
    output = layer(x, weight=weight, bias=bias)
    given_bias = dbias if turned else None
    expected = by_dual_numbers(layer, x, dx, weight, dweight, bias, dbias if turned else torch.zeros_like(dbias))
    operands = Operands(x=x, dx=dx, weight=weight, dweight=dweight, bias=bias, dbias=given_bias)
    two = bilinear.two_products(layer, operands)
    torch.testing.assert_close(two, expected, rtol=1e-12, atol=1e-12)
    one = bilinear.one_product(layer, operands, output=output, h=1e-8, spare=torch.empty(0).double())
    torch.testing.assert_close(one, expected, rtol=1e-6, atol=1e-6)


def test_what_does_not_move_takes_no_product() -> None:
    layer, (x, dx, weight, dweight, bias, dbias) = drawn("linear")
    zero = torch.zeros_like
    still = Operands(x=x, dx=None, weight=weight, dweight=None, bias=bias, dbias=None)
    assert bilinear.two_products(layer, still) is None
    cases = [(dx, None, None), (None, dweight, None), (None, None, dbias), (dx, None, dbias), (None, dweight, dbias)]
    for moved, turned, shifted in cases:
        operands = replace(still, dx=moved, dweight=turned, dbias=shifted)
        found = bilinear.two_products(layer, operands)
        all_given = [zero(t) if part is None else part for t, part in ((x, moved), (weight, turned), (bias, shifted))]
        expected = by_dual_numbers(layer, x, all_given[0], weight, all_given[1], bias, all_given[2])
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize("value", [0.0, float("nan"), float("inf")])
def test_there_is_no_step_where_the_numbers_tell_nothing(part: int, value: float) -> None:
    _, parts = drawn("conv2d")
    parts[part].fill_(value)
    x, dx, weight, dweight = parts[:4]
    operands = Operands(x=x, dx=dx, weight=weight, dweight=dweight, bias=None, dbias=None)
    assert bilinear.balanced_step(operands) is None


class Residual(nn.Module):
    """A block as in PreActResNet-18."""

    def __init__(self, width: int) -> None:
        super().__init__()
        halves = [[nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1)] for _ in range(2)]
        self.branch = nn.Sequential(*halves[0], *halves[1])

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.branch(x) + x
        return y


def network() -> nn.Module:
    """Large enough for one product: from the second layer on, each has 2^22 multiplications or more in 128 rows."""
    torch.manual_seed(0)
    blocks = [Residual(16) for _ in range(3)]
    head = [nn.Linear(1024, 256), nn.Tanh(), nn.Linear(256, 128)]
    return nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), *blocks, nn.Flatten(), *head)


def subject() -> tuple[nn.Module, Tensor, dict[str, Tensor]]:
    made = network()
    inputs = torch.randn(128, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    logits = made(inputs.flip(0))
    gradients = torch.autograd.grad(functional.cross_entropy(logits, torch.arange(128) % 10), list(made.parameters()))
    return made, inputs, dict(zip(dict(made.named_parameters()), gradients, strict=True))


def tangents(made: nn.Module, inputs: Tensor, along: dict[str, Tensor]) -> Tensor:
    return follow(made, inputs, {made.get_parameter(name): tangent for name, tangent in along.items()}).tangent


def test_a_network_with_batch_norm_in_float32_keeps_the_derivative_of_float64() -> None:
    made, inputs, along = subject()
    found = tangents(made, inputs, along).double()
    exact = forward_mode(made.double(), inputs.double(), {name: tangent.double() for name, tangent in along.items()})
    assert (found - exact).norm() < 3e-3 * exact.norm()
    assert torch.corrcoef(torch.stack([found.flatten(), exact.flatten()]))[0, 1] > 1 - 1e-5


@pytest.fixture
def merged(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The steps of all layers that are moved by one product."""
    steps = []
    one_product = bilinear.one_product

    def watched(layer: bilinear.Layer, operands: Operands, *, h: float, **rest: Any) -> Tensor:
        steps.append(h)
        return one_product(layer, operands, h=h, **rest)

    monkeypatch.setattr(bilinear, "one_product", watched)
    return steps


#: Layers whose input moves, all of which are large: all but the first one.
LARGE = 8


def test_large_layers_in_float32_take_one_product(merged: list[float]) -> None:
    made, inputs, along = subject()
    tangents(made, inputs, along)
    assert len(merged) == LARGE
    tangents(made, inputs[:2], along)
    assert len(merged) == LARGE


def test_where_all_digits_are_asked_for_two_products_keep_them(merged: list[float]) -> None:
    generator = torch.Generator().manual_seed(0)
    made = nn.Sequential(nn.Linear(200, 200), nn.Tanh(), nn.Linear(200, 200))
    inputs = torch.randn(128, 200, generator=generator)
    along = {p: torch.randn(p.shape, generator=generator) for p in made.parameters()}
    half, full = (follow(made, inputs, along, full_precision=full).tangent.double() for full in (False, True))
    assert len(merged) == 1
    moving = list(along.values())
    made = made.double()
    along = {p: v.double() for p, v in zip(made.parameters(), moving, strict=True)}
    exact = follow(made, inputs.double(), along).tangent
    assert (full - exact).norm() < 1e-6 * exact.norm() < (half - exact).norm()


def test_other_formats_take_two_products(merged: list[float]) -> None:
    made, inputs, along = subject()
    with autocast(torch.device("cpu"), torch.bfloat16):
        tangents(made, inputs, along)
    tangents(made.double(), inputs.double(), {name: tangent.double() for name, tangent in along.items()})
    assert not merged


@pytest.mark.skipif(not hasattr(torch.backends.mkldnn, "conv"), reason="PyTorch has such settings since 2.9")
@pytest.mark.parametrize(
    ("kind", "setting", "large"), [("conv", "bf16", 0), ("matmul", "tf32", 0), ("conv", "ieee", LARGE)]
)
def test_a_setting_that_shortens_float32_brings_two_products_back(
    kind: str, setting: str, large: int, merged: list[float]
) -> None:
    made, inputs, along = subject()
    backend = getattr(torch.backends.mkldnn, kind)
    before = backend.fp32_precision
    backend.fp32_precision = setting
    try:
        tangents(made, inputs, along)
    finally:
        backend.fp32_precision = before
    assert len(merged) == large


@pytest.mark.parametrize(("mode", "large"), [("BF16", 0), ("any", 0), ("strict", LARGE)])
def test_a_variable_that_shortens_float32_brings_two_products_back(
    mode: str, large: int, merged: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DNNL_DEFAULT_FPMATH_MODE", mode)
    tangents(*subject())
    assert len(merged) == large


def test_rows_that_are_all_zero_are_moved_by_two_products() -> None:
    layer, (_, _, weight, dweight, bias, dbias) = drawn("linear")
    weight, dweight, bias, dbias = (t.float() for t in (weight, dweight, bias, dbias))
    x, dx = torch.zeros(2**18, 6), torch.ones(2**18, 6)
    operands = Operands(x=x, dx=dx, weight=weight, dweight=dweight, bias=bias, dbias=dbias)
    output = layer(x, weight=weight, bias=bias)
    moved = bilinear.derivative(layer, operands, output=output, spare=torch.empty(0))
    torch.testing.assert_close(moved, (weight.sum(1) + dbias).expand(2**18, -1))
