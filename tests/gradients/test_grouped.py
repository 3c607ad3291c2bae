"""Gradients of groups in one pass, against a pass for each group, in float64."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from support.gradients import CLASSES, Block, batch_norm_net, convnext, drawn, transformer, zoo
from torch import Tensor, nn
from torch.nn import functional

from noisecleaner.bench._watch import Watch
from noisecleaner.gradients.alignment import direction, directional_derivative
from noisecleaner.gradients.grouped import grouped_pass
from noisecleaner.gradients.groups import GroupGradients
from noisecleaner.gradients.passes import UnfollowedError
from noisecleaner.networks.devices import autocast


def shared() -> nn.Module:
    """A layer that is used twice, and a norm without parameters."""
    layer = nn.Linear(8, 8)
    return nn.Sequential(nn.Flatten(), nn.Linear(108, 8), layer, nn.BatchNorm1d(8, affine=False), nn.Tanh(), layer)


def networks() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    own = {name: zoo(name) for name in ("residual", "grouped", "pools", "frozen norm", "batch norm", "head")}
    normed = nn.Sequential(nn.Conv1d(3, 4, 1), nn.InstanceNorm1d(4, affine=True), nn.PReLU(4), nn.Flatten())
    return {
        **own,
        "two norms": batch_norm_net(),
        "transformer": transformer(),
        "still convnext": no_depth(convnext()),
        "shared": shared(),
        "instance": nn.Sequential(nn.Flatten(2), normed, nn.Linear(144, CLASSES)),
        "narrow": nn.Sequential(nn.Flatten(), nn.Linear(108, CLASSES)),
    }


def no_depth(network: nn.Module) -> nn.Module:
    """Without the random numbers of stochastic depth."""
    for module in network.modules():
        if hasattr(module, "p"):
            module.p = 0.0
    return network


@pytest.mark.parametrize("sizes", [[4, 4, 4], [5, 4, 2]], ids=str)
@pytest.mark.parametrize("name", networks())
def test_gradients_of_groups_are_those_of_batches_of_their_own(name: str, sizes: list[int]) -> None:
    network = networks()[name].double().train()
    other = deepcopy(network)
    inputs, labels = drawn(sum(sizes), 3, 6, 6), torch.arange(sum(sizes)) % CLASSES
    along = {n: torch.randn_like(p) for n, p in network.named_parameters()}
    moving, groups = grouped_pass(network, inputs, sizes=sizes, along=along)
    losses = functional.cross_entropy(moving.value, labels, reduction="none").split(sizes)
    found = groups.gradients(torch.stack([part.mean() for part in losses]).sum(), keep_graph=False)
    values, tangents, gradients = list[Tensor](), list[Tensor](), list[dict[str, Tensor]]()
    for rows, asked in zip(inputs.split(sizes), labels.split(sizes), strict=True):
        ahead = directional_derivative(other, rows, along)
        values.append(ahead.value.detach())
        tangents.append(ahead.tangent)
        loss = functional.cross_entropy(ahead.value, asked)
        gradients.append(direction(loss, dict(other.named_parameters())))
    torch.testing.assert_close(moving.value.detach(), torch.cat(values), rtol=1e-9, atol=1e-10)
    torch.testing.assert_close(moving.tangent, torch.cat(tangents), rtol=1e-8, atol=1e-9)
    flat = [torch.cat([g.flatten() for g in each.values()]) for each in gradients]
    v = torch.cat([part.flatten() for part in along.values()])
    torch.testing.assert_close(found.squares(), torch.stack([g @ g for g in flat]), rtol=1e-8, atol=1e-10)
    torch.testing.assert_close(found.products(along), torch.stack([g @ v for g in flat]), rtol=1e-8, atol=1e-9)
    weights = drawn(len(sizes))
    expected = sum(w * g for w, g in zip(weights, flat, strict=True))
    weighted = torch.cat([part.flatten() for part in found.weighted(weights).values()])
    torch.testing.assert_close(weighted, expected, rtol=1e-8, atol=1e-10)
    for one, two in zip(network.named_buffers(), other.named_buffers(), strict=True):
        if "num_batches" not in one[0]:  # which nothing looks at: the pass is one
            torch.testing.assert_close(one[1], two[1], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["residual", "two norms", "transformer", "head"])
def test_gradients_of_some_layers_leave_the_graph_for_a_step_on_all(name: str) -> None:
    network, sizes = networks()[name].double().train(), [4, 3]
    inputs, labels = drawn(7, 3, 6, 6), torch.arange(7) % CLASSES
    along = {n: torch.randn_like(p) for n, p in list(network.named_parameters())[-2:]}
    other, weights = deepcopy(network), drawn(2)
    moving, groups = grouped_pass(network, inputs, sizes=sizes, along=along)
    losses = functional.cross_entropy(moving.value, labels, reduction="none").split(sizes)
    means = torch.stack([part.mean() for part in losses])
    found = groups.gradients(means.sum(), keep_graph=True)
    own = torch.autograd.grad((weights * means).sum(), list(network.parameters()))
    parts = zip(inputs.split(sizes), labels.split(sizes), strict=True)
    plain = [functional.cross_entropy(other(rows), asked) for rows, asked in parts]
    expected = torch.autograd.grad((weights * torch.stack(plain)).sum(), list(other.parameters()))
    for one, two in zip(own, expected, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-8, atol=1e-10)
    for one, two in zip(found.weighted(weights).values(), expected[-2:], strict=True):
        torch.testing.assert_close(one, two, rtol=1e-8, atol=1e-10)


class Scattered(nn.Module):
    """Uses a parameter in a way that no group can be told apart in."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way, self.own = way, nn.Parameter(torch.ones(2, 3, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        if self.way == "another shape":
            return functional.linear(x.repeat(2, 1), self.own)
        if self.way == "a view":
            return functional.linear(x, self.own[:1])
        if self.way == "samples":
            return x[:2] + self.own.expand(2, 3)
        return x @ self.own.T


@pytest.mark.parametrize(
    ("way", "reason"),
    [("another shape", "parts of samples"), ("a view", "a view of"), ("samples", "not the same"), ("", "no rule")],
)
def test_what_cannot_be_told_apart_is_refused(way: str, reason: str) -> None:
    network = Scattered(way)
    with pytest.raises(UnfollowedError, match=reason):
        grouped_pass(network, drawn(4, 3), sizes=[2, 2], along={"own": torch.ones_like(network.own)})


def test_a_block_whose_weights_are_asked_for_is_refused() -> None:
    network = Block(weights=True).double()
    along = {n: torch.ones_like(p) for n, p in network.named_parameters()}
    with pytest.raises(UnfollowedError, match="multi_head_attention_forward"):
        grouped_pass(network, drawn(4, 5, 8), sizes=[2, 2], along=along)


def test_a_pass_of_groups_multiplies_as_much_as_one_of_the_batch() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.Flatten())
    network.append(nn.Linear(32, CLASSES))
    inputs, labels = drawn(16, 3, 6, 6).float(), torch.arange(16) % CLASSES
    kept, along = list(network.parameters()), {n: torch.randn_like(p) for n, p in network.named_parameters()}
    with Watch(kept) as plain:
        torch.autograd.grad(functional.cross_entropy(network(inputs), labels), kept)
    with Watch(kept) as grouped:
        moving, groups = grouped_pass(network, inputs, sizes=[4] * 4, along=along)
        groups.gradients(functional.cross_entropy(moving.value, labels), keep_graph=False)
    assert grouped.operations < 5.1 / 3 * plain.operations  # two passes more for the derivative


def test_in_bfloat16_gradients_of_groups_are_those_of_float32_up_to_rounding() -> None:
    network, inputs, labels = zoo("residual").float().train(), drawn(8, 3, 6, 6).float(), torch.arange(8) % CLASSES
    along, found = {n: torch.randn_like(p) for n, p in network.named_parameters()}, list[GroupGradients]()
    for precision in (torch.float32, torch.bfloat16):
        with autocast(torch.device("cpu"), precision):
            moving, groups = grouped_pass(network, inputs, sizes=[4, 4], along=along)
            loss = functional.cross_entropy(moving.value, labels)
        found.append(groups.gradients(loss, keep_graph=False))
    for exact, rounded in zip(*(each.weighted(torch.ones(2)).values() for each in found), strict=True):
        assert rounded.dtype == torch.float32
        assert (exact - rounded).norm() < 0.05 * exact.norm()
