"""What the recorded pass carries along, against PyTorch's dual numbers and the gradient of a plain pass."""

from __future__ import annotations

import weakref
from copy import deepcopy

import pytest
import torch
from support.gradients import CLASSES, ROWS, ZOO, batches, zoo
from torch import Tensor, nn
from torch.nn import functional

from noisecleaner.gradients import forward, forward_rules, tangents
from noisecleaner.gradients.alignment import directional_derivative, forward_mode
from noisecleaner.gradients.forward import ForwardMode, follow
from noisecleaner.gradients.passes import UnfollowedError
from noisecleaner.gradients.tangents import Tangents


@pytest.mark.parametrize("name", [*ZOO, "alias", "scripted"])
def test_the_recorded_pass_carries_the_derivative_of_any_network(name: str) -> None:
    network, (source, _, labels) = zoo(name), batches()
    along = {n: torch.randn_like(p) for n, p in network.named_parameters()}
    labels = torch.arange(ROWS) % CLASSES
    torch.manual_seed(5)
    expected = forward_mode(network, source, along)
    loss = functional.cross_entropy(deepcopy(network)(source) if name != "scripted" else network(source), labels)
    torch.manual_seed(5)
    moving = directional_derivative(network, source, along)
    logits, derivative = moving.value, moving.tangent
    assert ((derivative - expected).norm() / expected.norm()).item() < 1e-12
    assert not derivative.requires_grad
    found = functional.cross_entropy(logits, labels)
    torch.testing.assert_close(found, loss)
    gradients = torch.autograd.grad(found, list(network.parameters()))
    torch.manual_seed(5)
    plain = torch.autograd.grad(functional.cross_entropy(network(source), labels), list(network.parameters()))
    for one, other in zip(gradients, plain, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["alias", "scripted"])
def test_what_cannot_be_followed_is_refused_and_leaves_no_trace(name: str) -> None:
    network = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(), zoo(name)).double()
    source, _, _ = batches()
    before = {n: value.clone() for n, value in network.state_dict().items()}
    state = torch.get_rng_state()
    with pytest.raises(UnfollowedError):
        follow(network, source, {p: torch.ones_like(p) for p in network.parameters()})
    assert all(torch.equal(value, before[n]) for n, value in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("name", ZOO)
def test_the_derivative_of_some_layers_is_that_with_zeros_elsewhere(name: str) -> None:
    network, (source, _, _) = zoo(name), batches()
    chosen = {n: torch.randn_like(p) for n, p in list(network.named_parameters())[-2:]}
    padded = {n: chosen.get(n, torch.zeros_like(p)) for n, p in network.named_parameters()}
    torch.manual_seed(5)
    moving = directional_derivative(network, source, chosen)
    logits, some = moving.value, moving.tangent
    torch.manual_seed(5)
    torch.testing.assert_close(some, forward_mode(network, source, padded), rtol=1e-9, atol=1e-12)
    torch.manual_seed(5)
    gradients = [torch.autograd.grad(z.square().sum(), list(network.parameters())) for z in (logits, network(source))]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


def test_the_recorded_pass_keeps_no_tangent_and_notices_what_autograd_would() -> None:
    network, (source, _, _) = zoo("pools"), batches()
    made: list[weakref.ref[Tensor]] = []
    put = Tangents.put

    def watched(tangents: Tangents, tensor: Tensor, *, tangent: Tensor | None) -> Tensor:
        if tangent is not None and not tensor.is_leaf:
            made.append(weakref.ref(tangent))
        return put(tangents, tensor, tangent=tangent)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tangents, "put", watched)
        most = []
        network[4].register_forward_hook(lambda *_: most.append(sum(ref() is not None for ref in made)))  # type: ignore[operator]
        follow(network, source, {p: torch.ones_like(p) for p in network.parameters()})
    assert len(made) > most[0] <= 2
    changing = nn.Sequential(nn.Linear(4, 4), nn.Sigmoid(), Doubled()).double()
    along = {p: torch.ones_like(p) for p in changing.parameters()}
    logits = follow(changing, torch.ones(2, 4).double(), along).value
    with pytest.raises(RuntimeError, match="in place"):
        torch.autograd.backward(logits.sum())


class Doubled(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mul_(2)


def test_tangents_do_not_outlive_their_tensors() -> None:
    layer = nn.Linear(3, 2)
    tangents = Tangents({p: torch.ones_like(p) for p in layer.parameters()})
    with ForwardMode(tangents):
        for _ in range(5):
            layer(torch.ones(1, 3)).relu()
    assert len(tangents._known) == len(list(layer.parameters()))


@pytest.mark.parametrize("name", ZOO)
def test_a_pytorch_without_the_kernels_of_its_own_follows_by_dual_numbers(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(forward_rules, "has_kernels", lambda *names: not names)
    rules = forward_rules.usable()
    lost = forward_rules.RULES.keys() - rules.keys()
    assert {functional.relu, functional.batch_norm, functional.max_pool2d, functional.layer_norm} < lost
    assert not {functional.linear, functional.conv2d, torch.flatten, torch.cat, Tensor.add} & lost
    monkeypatch.setattr(forward, "RULES", rules)
    network, (source, _, _) = zoo(name), batches()
    along = {n: torch.randn_like(p) for n, p in network.named_parameters()}
    torch.manual_seed(5)
    expected = forward_mode(network, source, along)
    torch.manual_seed(5)
    derivative = directional_derivative(network, source, along).tangent
    assert ((derivative - expected).norm() / expected.norm()).item() < 1e-12


@pytest.mark.parametrize("name", ZOO)
def test_a_pytorch_that_counts_no_changes_takes_a_pass_more(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def uncounted(tensor: Tensor) -> int:
        raise UnfollowedError("changes of a tensor are not counted")

    monkeypatch.setattr(forward, "changes", uncounted)
    monkeypatch.setattr(tangents, "changes", uncounted)
    network, (source, _, _) = zoo(name), batches()
    along = {n: torch.randn_like(p) for n, p in network.named_parameters()}
    torch.manual_seed(5)
    expected = forward_mode(network, source, along)
    torch.manual_seed(5)
    derivative = directional_derivative(network, source, along).tangent
    assert ((derivative - expected).norm() / expected.norm()).item() < 1e-12
