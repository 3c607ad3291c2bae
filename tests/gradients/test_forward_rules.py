"""Each layer's rule alone, against PyTorch's dual numbers, in float64."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from support.gradients import CLASSES
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn import functional

from noisecleaner.gradients.alignment import directional_derivative, forward_mode
from noisecleaner.gradients.forward_rules import RULES
from noisecleaner.gradients.tangents import Tangents

Function = Callable[..., Tensor]


def drawn(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64)


def by_rule(func: Function, moving: list[Tensor], along: list[Tensor | None], **named: object) -> tuple[Tensor, Tensor]:
    """A function's output and its tangent, where the first arguments are tensors that move."""
    tangents = Tangents({})
    for tensor, tangent in zip(moving, along, strict=True):
        tangents.put(tensor, tangent=tangent)
    output = RULES[func](tangents, func, *moving, **named)
    tangent = tangents.of(output)
    assert tangent is not None
    return output, tangent


def by_dual_numbers(
    func: Function, moving: list[Tensor], along: list[Tensor | None], **named: object
) -> tuple[Tensor, Tensor]:
    with forward_ad.dual_level():
        duals = [t if v is None else forward_ad.make_dual(t, v) for t, v in zip(moving, along, strict=True)]
        output, tangent = forward_ad.unpack_dual(func(*duals, **named))
        return output.clone(), tangent.clone()


#: A function, the shapes of its tensors, and what else it takes.
LAYERS: dict[str, tuple[Function, list[tuple[int, ...]], dict[str, object]]] = {
    "linear": (functional.linear, [(7, 5), (3, 5), (3,)], {}),
    "wide linear": (functional.linear, [(7, 5), (70, 5), (70,)], {}),
    "tokens": (functional.linear, [(7, 2, 5), (3, 5), (3,)], {}),
    "conv1d": (functional.conv1d, [(7, 2, 5), (3, 2, 3), (3,)], {"padding": 1}),
    "conv2d": (functional.conv2d, [(7, 4, 5, 5), (6, 2, 3, 3), (6,)], {"stride": 2, "groups": 2, "dilation": 2}),
    "conv3d": (functional.conv3d, [(2, 2, 4, 4, 4), (3, 2, 3, 3, 3), (3,)], {}),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("parts", [(1, 1, 1), (0, 1, 1), (1, 1, 0), (0, 1, 0), (1, 0, 0), (0, 0, 1)], ids=str)
def test_linear_layers_and_convolutions_move_as_dual_numbers_do(name: str, parts: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    func, shapes, named = LAYERS[name]
    moving = [drawn(*shape) for shape in shapes]
    along = [drawn(*shape) if part else None for shape, part in zip(shapes, parts, strict=True)]
    expected = by_dual_numbers(func, moving, along, **named)
    for one, other in zip(by_rule(func, moving, along, **named), expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("rows", [1, 6])
def test_a_narrow_layer_with_its_tangent_has_the_gradient_of_a_plain_one(rows: int) -> None:
    torch.manual_seed(0)
    leaves = [drawn(rows, 5), drawn(3, 5), drawn(3)]
    for leaf in leaves:
        leaf.requires_grad_()
    output, tangent = by_rule(functional.linear, leaves, [None, drawn(3, 5), drawn(3)])
    assert not tangent.requires_grad
    found, expected = (torch.autograd.grad(y.square().sum(), leaves) for y in (output, functional.linear(*leaves)))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("moves", "affine"), [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize("shape", [(6, 3), (6, 3, 4), (6, 3, 4, 4)], ids=len)
def test_batch_norm_moves_as_dual_numbers_do(shape: tuple[int, ...], moves: bool, affine: bool, training: bool) -> None:
    torch.manual_seed(0)
    x = drawn(*shape) * 3 + 1
    weight, bias = (drawn(3), drawn(3)) if affine else (None, None)
    statistics = [drawn(3), drawn(3).square() + 0.5]
    tangents, along = Tangents({}), [drawn(*shape) if moves else None, drawn(3), drawn(3)]
    tangents.put(x, tangent=along[0])
    if weight is not None and bias is not None:
        tangents.put(weight, tangent=along[1])
        tangents.put(bias, tangent=along[2])
    own = [s.clone() for s in statistics]
    output = RULES[functional.batch_norm](tangents, functional.batch_norm, x, *own, weight, bias, training, 0.3, 1e-3)

    def norm(*tensors: Tensor) -> Tensor:
        y, *parameters = tensors
        return functional.batch_norm(y, *others, *(parameters or (None, None)), training, 0.3, 1e-3)

    others = [s.clone() for s in statistics]
    parameters = [] if weight is None or bias is None else [weight, bias]
    expected, tangent = by_dual_numbers(norm, [x, *parameters], along[: 1 + len(parameters)])
    torch.testing.assert_close(output, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(tangents.of(output), tangent, rtol=1e-9, atol=1e-12)
    for one, other in zip(own, others, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("inplace", [True, False])
def test_relu_keeps_the_tangent_where_it_keeps_the_value(inplace: bool) -> None:
    x, along = torch.tensor([-1.0, 0.0, 2.0]), torch.tensor([3.0, 4.0, 5.0])
    output, tangent = by_rule(functional.relu, [x], [along], inplace=inplace)
    assert output.tolist() == [0.0, 0.0, 2.0]
    assert tangent.tolist() == [0.0, 0.0, 5.0]


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("padding", [0, 1])
def test_max_pooling_takes_the_same_pixels_of_the_derivative(layout: torch.memory_format, padding: int) -> None:
    torch.manual_seed(0)
    pool = nn.MaxPool2d(3, 2, padding=padding, ceil_mode=True)
    network = nn.Sequential(nn.Conv2d(3, 5, 3), pool, nn.Flatten(), nn.LazyLinear(CLASSES)).double()
    inputs = torch.randn(4, 3, 9, 8, dtype=torch.float64)
    network(inputs)  # gives the last layer its width
    network.to(memory_format=layout)  # type: ignore[call-overload]  # its hints leave this out
    inputs = inputs.to(memory_format=layout)
    along = {n: torch.randn_like(p) for n, p in network.named_parameters()}
    expected = forward_mode(network, inputs, along)
    derivative = directional_derivative(network, inputs, along).tangent
    assert ((derivative - expected).norm() / expected.norm()).item() < 1e-12
    assert network[0](inputs).is_contiguous(memory_format=layout)


def test_max_pooling_that_was_asked_for_its_indices_gives_them() -> None:
    x, tangents = drawn(2, 3, 4, 4), Tangents({})
    tangents.put(x, tangent=drawn(2, 3, 4, 4))
    output, indices = RULES[functional.max_pool2d](tangents, functional.max_pool2d, x, 2, return_indices=True)
    assert torch.equal(output, x.flatten(2).gather(2, indices.flatten(2)).view_as(output))


@pytest.mark.parametrize(
    ("func", "named"),
    [
        (functional.avg_pool2d, {"kernel_size": 2}),
        (functional.adaptive_avg_pool2d, {"output_size": 3}),
        (torch.flatten, {"start_dim": 1}),
        (Tensor.flatten, {"start_dim": 2}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_tangent_takes_the_way_of_its_tensor_through_a_linear_map(func: Function, named: dict[str, object]) -> None:
    x, along = drawn(2, 3, 6, 6), drawn(2, 3, 6, 6)
    output, tangent = by_rule(func, [x], [along], **named)
    assert torch.equal(output, func(x, **named))
    assert torch.equal(tangent, func(along, **named))


@pytest.mark.parametrize("moves", [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize("shapes", [((4, 3), (4, 3)), ((4, 3), (3,)), ((3,), (4, 3))], ids=str)
def test_a_sum_moves_by_the_sum(moves: tuple[bool, bool], shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    moving = [drawn(*shape) for shape in shapes]
    along = [drawn(*shape) if move else None for shape, move in zip(shapes, moves, strict=True)]
    for one, other in zip(by_rule(Tensor.add, moving, along), by_dual_numbers(Tensor.add, moving, along), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("named", [{}, {"alpha": 2}], ids=str)
def test_a_sum_of_another_kind_is_left_to_dual_numbers(named: dict[str, object]) -> None:
    x = drawn(3)
    tangents = Tangents({x: drawn(3)})
    second = 1.0 if not named else drawn(3)
    assert RULES[Tensor.add](tangents, Tensor.add, x, second, **named) is NotImplemented
