"""How arithmetic moves, against PyTorch's dual numbers, in float64."""

from __future__ import annotations

import pytest
import torch
from support.gradients import Function, by_dual_numbers, by_rule, drawn
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn import functional

from noisecleaner.gradients.forward import ForwardMode
from noisecleaner.gradients.forward_arithmetic import RULES
from noisecleaner.gradients.tangents import Tangents


@pytest.mark.parametrize(
    ("func", "named"),
    [
        (functional.avg_pool2d, {"kernel_size": 2}),
        (torch.chunk, {"chunks": 2, "dim": 1}),
        (Tensor.permute, {"dims": (0, 2, 3, 1)}),
        (Tensor.mean, {"dim": (2, 3)}),
        (Tensor.unbind, {"dim": 1}),
        (functional.adaptive_avg_pool2d, {"output_size": 3}),
        (torch.flatten, {"start_dim": 1}),
        (Tensor.flatten, {"start_dim": 2}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_tangent_takes_the_way_of_its_tensor_through_a_linear_map(func: Function, named: dict[str, object]) -> None:
    x, along = drawn(2, 3, 6, 6), drawn(2, 3, 6, 6)
    tangents = Tangents({x: along})
    found, values, moved = RULES[func](tangents, func, x, **named), func(x, **named), func(along, **named)
    if isinstance(found, Tensor):
        found, values, moved = (found,), (values,), (moved,)
    for output, value, tangent in zip(found, values, moved, strict=True):
        assert torch.equal(output, value)
        assert torch.equal(tangents.of(output), tangent)


@pytest.mark.parametrize("moves", [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize("shapes", [((4, 3), (4, 3)), ((4, 3), (3,)), ((3,), (4, 3))], ids=str)
def test_a_sum_moves_by_the_sum(moves: tuple[bool, bool], shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    moving = [drawn(*shape) for shape in shapes]
    along = [drawn(*shape) if move else None for shape, move in zip(shapes, moves, strict=True)]
    for one, other in zip(by_rule(Tensor.add, moving, along), by_dual_numbers(Tensor.add, moving, along), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("func", [Tensor.sub, Tensor.mul, Tensor.div, torch.matmul], ids=lambda f: f.__name__)
@pytest.mark.parametrize("moves", [(True, True), (True, False), (False, True)], ids=str)
def test_differences_products_and_quotients_move_as_dual_numbers_do(func: Function, moves: tuple[bool, bool]) -> None:
    torch.manual_seed(0)
    moving = [drawn(2, 3, 3), drawn(3, 3) + 3]
    along = [torch.randn_like(t) if move else None for t, move in zip(moving, moves, strict=True)]
    for one, other in zip(by_rule(func, moving, along), by_dual_numbers(func, moving, along), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("func", [Tensor.add, Tensor.sub, Tensor.mul, Tensor.div], ids=lambda f: f.__name__)
def test_a_number_stands_still(func: Function) -> None:
    x, along = drawn(4), drawn(4)
    tangents = Tangents({x: along})
    output = RULES[func](tangents, func, x, 3.0)
    _, tangent = by_dual_numbers(lambda x: func(x, 3.0), [x], [along])
    torch.testing.assert_close(tangents.of(output), tangent, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("func", [Tensor.add, Tensor.sub, Tensor.div], ids=lambda f: f.__name__)
def test_a_sum_or_quotient_of_another_kind_is_left_to_dual_numbers(func: Function) -> None:
    x = drawn(3)
    named = {"rounding_mode": "floor"} if func is Tensor.div else {"alpha": 2}
    assert RULES[func](Tangents({x: drawn(3)}), func, x, drawn(3), **named) is NotImplemented


@pytest.mark.parametrize("func", [Tensor.add_, Tensor.mul_], ids=lambda f: f.__name__)
@pytest.mark.parametrize("moves", [(True, True), (True, False), (False, True)], ids=str)
def test_what_is_changed_in_place_moves_on(func: Function, moves: tuple[bool, bool]) -> None:
    torch.manual_seed(0)
    moving = [drawn(3, 4), drawn(4)]
    along = [torch.randn_like(t) if move else None for t, move in zip(moving, moves, strict=True)]
    plain = {Tensor.add_: Tensor.add, Tensor.mul_: Tensor.mul}[func]
    expected = by_dual_numbers(plain, moving, along)
    tangents = Tangents({})
    for tensor, tangent in zip(moving, along, strict=True):
        tangents.put(tensor, tangent=tangent)
    with ForwardMode(tangents):
        func(*moving)
    torch.testing.assert_close(moving[0], expected[0], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(tangents.of(moving[0]), expected[1], rtol=1e-12, atol=1e-12)


def test_joined_tensors_stand_still_where_one_does() -> None:
    first, second, along = drawn(2, 3), drawn(1, 3), drawn(2, 3)
    tangents = Tangents({first: along})
    output = RULES[torch.cat](tangents, torch.cat, [first, second])
    assert torch.equal(tangents.of(output), torch.cat([along, torch.zeros(1, 3)]))


ACTIVATIONS = [
    nn.GELU(),
    nn.GELU("tanh"),
    nn.SiLU(),
    nn.SiLU(inplace=True),
    nn.Hardswish(inplace=True),
    nn.Hardsigmoid(),
    nn.Hardtanh(-0.5, 0.7),
    nn.ReLU6(inplace=True),
    nn.Sigmoid(),
    nn.Tanh(),
    nn.Softmax(1),
    nn.Softmax(0),
]


@pytest.mark.parametrize("layer", ACTIVATIONS, ids=str)
def test_an_activation_has_the_derivative_and_the_gradient_of_autograd(
    layer: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ForwardMode, "_by_dual_numbers", None)  # it has a rule
    torch.manual_seed(0)
    start, along, slope = drawn(6, 5) * 2, drawn(6, 5), drawn(6, 5)
    with forward_ad.dual_level():
        expected = forward_ad.unpack_dual(layer(forward_ad.make_dual(start.clone(), along).clone()))
        value, tangent = expected.primal.clone(), expected.tangent.clone()
    found = []
    for mode in (True, False):
        leaf = start.clone().requires_grad_()
        x = leaf.clone()
        tangents = Tangents({x: along})
        if mode:
            with ForwardMode(tangents):
                output = layer(x)
            torch.testing.assert_close(output, value, rtol=1e-12, atol=1e-12)
            torch.testing.assert_close(tangents.of(output), tangent, rtol=1e-9, atol=1e-12)
        else:
            output = layer(x)
        found.append(torch.autograd.grad((slope * output).sum(), leaf)[0])
    torch.testing.assert_close(*found, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("inplace", [True, False])
def test_dropout_draws_once_what_pytorch_would_draw(inplace: bool) -> None:
    x, along = drawn(50), drawn(50)
    torch.manual_seed(3)
    expected, state = functional.dropout(x, 0.3), torch.get_rng_state()
    kept = expected != 0
    before, tangents = x.clone(), Tangents({})
    tangents.put(before, tangent=along)
    torch.manual_seed(3)
    output = RULES[functional.dropout](tangents, functional.dropout, before, 0.3, True, inplace)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(output, expected)
    assert (output is before) is inplace
    torch.testing.assert_close(tangents.of(output), along * kept / 0.7, rtol=1e-12, atol=1e-12)


def test_dropout_that_is_switched_off_changes_nothing() -> None:
    x, along = drawn(5), drawn(5)
    for p, training in ((0.0, True), (0.5, False)):
        output, tangent = by_rule(functional.dropout, [x], [along], p=p, training=training)
        assert torch.equal(output, x)
        assert torch.equal(tangent, along)


def test_a_transposed_view_moves_with_its_tensor() -> None:
    """It is an attribute, as `shape` is one."""
    layer, inputs = nn.Linear(3, 3).double(), drawn(3, 3)
    tangents = Tangents({p: torch.ones_like(p) for p in layer.parameters()})
    with ForwardMode(tangents):
        output = layer(inputs).mT
        assert output.shape == (3, 3)
    moved = tangents.of(output)
    assert moved is not None
    torch.testing.assert_close(moved, (inputs.sum(1, keepdim=True) + 1).expand(3, 3).mT)


def test_what_is_padded_with_stands_still() -> None:
    x, along = drawn(2, 3), drawn(2, 3)
    output, tangent = by_rule(functional.pad, [x], [along], pad=(1, 1), value=2.0)
    assert output[0, 0].item() == 2
    assert torch.equal(tangent, functional.pad(along, (1, 1)))
