"""Each layer's rule alone, against PyTorch's dual numbers, in float64."""

from __future__ import annotations

import pytest
import torch
from support.gradients import CLASSES, Function, by_dual_numbers, by_rule, drawn
from torch import nn
from torch.nn import functional

from noisecleaner.gradients.alignment import directional_derivative, forward_mode
from noisecleaner.gradients.forward_rules import RULES
from noisecleaner.gradients.tangents import Tangents

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
