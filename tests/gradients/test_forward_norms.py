"""How norms move, against PyTorch's dual numbers, in float64."""

from __future__ import annotations

import pytest
import torch
from support.gradients import Function, by_dual_numbers, drawn
from torch import Tensor, nn
from torch.nn import functional

from noisecleaner.gradients import forward_norms
from noisecleaner.gradients.alignment import directional_derivative, forward_mode
from noisecleaner.gradients.forward_rules import RULES
from noisecleaner.gradients.tangents import Tangents


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


@pytest.mark.parametrize("parts", [[1, 1, 1], [0, 1, 1], [1, 0, 0], [1, 1, 0], [0, 0, 1], [1, 0, 1]], ids=str)
@pytest.mark.parametrize(
    ("func", "shape", "parameters", "rest"),
    [
        (functional.layer_norm, (5, 4, 6), (6,), ((6,),)),
        (functional.layer_norm, (5, 4, 6), (4, 6), ((4, 6),)),
        (functional.group_norm, (5, 6, 3, 2), (6,), (2,)),
        (functional.group_norm, (5, 6), (6,), (3,)),
    ],
)
def test_layer_and_group_norm_move_as_dual_numbers_do(
    func: Function,
    shape: tuple[int, ...],
    parameters: tuple[int, ...],
    rest: tuple[object, ...],
    parts: tuple[int, ...],
) -> None:
    torch.manual_seed(0)
    x, weight, bias = moving = [drawn(*shape) * 3 + 1, drawn(*parameters), drawn(*parameters)]
    along = [torch.randn_like(t) if part else None for t, part in zip(moving, parts, strict=True)]
    tangents = Tangents({})
    for tensor, tangent in zip(moving, along, strict=True):
        tangents.put(tensor, tangent=tangent)
    output = RULES[func](tangents, func, x, *rest, weight, bias, eps=1e-3)
    expected, tangent = by_dual_numbers(lambda x, w, b: func(x, *rest, w, b, eps=1e-3), moving, along)
    torch.testing.assert_close(output, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(tangents.of(output), tangent, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("func", "rest"), [(functional.layer_norm, ((4,),)), (functional.group_norm, (2,))])
def test_a_norm_without_parameters_moves_with_its_input(func: Function, rest: tuple[object, ...]) -> None:
    x, along = drawn(5, 4), drawn(5, 4)
    tangents = Tangents({x: along})
    output = RULES[func](tangents, func, x, *rest)
    expected, other = by_dual_numbers(lambda x: func(x, *rest), [x], [along])
    torch.testing.assert_close(output, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(tangents.of(output), other, rtol=1e-9, atol=1e-12)


def test_terms_of_a_channel_come_from_one_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel is a GPU's: here stands its formula, in float64; a channel whose scale is zero keeps what is left."""

    def kernel(dy: Tensor, x: Tensor, mean: Tensor, scale: Tensor, *rest: Tensor) -> Tensor:
        weight, total, along, count = rest
        shape = (-1, 1, 1)
        turned = (x - mean.view(shape)) * (scale.square() * along / count).view(shape)
        return (dy - (total / count).view(shape) - turned) * (weight * scale).view(shape)

    monkeypatch.setattr(torch, "batch_norm_backward_elemt", kernel, raising=False)
    x, dx = torch.randn(2, 5, 4, 3, 3, dtype=torch.float64)
    by_dx, slope, shift, mean = torch.randn(4, 4, dtype=torch.float64)
    by_dx[1] = 0
    found = forward_norms._in_one_kernel(forward_norms._Terms(by_dx, slope, shift), dx=dx, x=x, mean=mean)
    a, b, c, m = (t.view(-1, 1, 1) for t in (by_dx, slope, shift, mean))
    torch.testing.assert_close(found, a * dx + b * (x - m) + c)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("last", [True, False], ids=["channels last", "channels first"])
def test_a_gpu_finds_what_forward_mode_finds(last: bool, training: bool) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.LazyLinear(4))
    x = torch.randn(16, 3, 8, 8, device="cuda")
    network = network.cuda().train(training)
    network(x)
    if last:
        network, x = network.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    along = {name: torch.randn_like(p) for name, p in network.named_parameters()}
    with torch.backends.cudnn.flags(allow_tf32=False):
        found = directional_derivative(network, x, along).tangent
        torch.testing.assert_close(found, forward_mode(network, x, along), rtol=1e-3, atol=1e-3)
