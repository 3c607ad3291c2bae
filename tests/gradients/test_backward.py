"""Products in the backward pass against the forward-mode derivative and the weighted loss, in float64."""

from __future__ import annotations

import pytest
import torch
from support.gradients import Own, convnext, transformer
from torch import Tensor, nn
from torch.nn import functional

from noisecleaner.gradients.alignment import alignments, at, directional_derivative, forward_mode
from noisecleaner.gradients.backward import separable, weighted_pass
from noisecleaner.gradients.passes import UnfollowedError
from noisecleaner.gradients.tangents import Dual
from noisecleaner.networks.devices import autocast

CLASSES, ROWS = 4, 7


class Tokens(nn.Module):
    """Layers on [n, tokens, width]."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(2).transpose(1, 2)


def networks() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    pooled = [nn.MaxPool2d(2), nn.Conv2d(5, 6, 2), nn.Flatten(), nn.Dropout(), nn.Linear(6, CLASSES)]
    grouped = [nn.GroupNorm(2, 6), nn.SiLU(), nn.Flatten(), nn.LayerNorm(54), nn.Linear(54, CLASSES, bias=False)]
    tokens = [nn.Linear(3, 5), nn.LayerNorm(5), nn.GELU(), nn.Conv1d(36, 2, 1), nn.Flatten(), nn.Linear(10, CLASSES)]
    return {
        "pooled": nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), *pooled),
        "grouped": nn.Sequential(nn.Conv2d(3, 6, 3, 2, padding=1, groups=3, bias=False), *grouped),
        "tokens": nn.Sequential(Tokens(), *tokens),
        "scaled": nn.Sequential(Own(), nn.Flatten(), nn.Linear(108, CLASSES)),
        "transformer": transformer(),
        "convnext": convnext(),
    }


def batch() -> tuple[Tensor, Tensor, Tensor]:
    """Inputs, labels, and weights of which one is zero."""
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(ROWS, 3, 6, 6, generator=generator, dtype=torch.float64)
    weights = torch.rand(ROWS, generator=generator, dtype=torch.float64)
    weights[2] = 0
    return inputs, torch.arange(ROWS) % CLASSES, weights


def directions(network: nn.Module) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(2)
    return {n: torch.randn(p.shape, generator=generator).to(p) for n, p in network.named_parameters()}


@pytest.mark.parametrize("name", networks())
def test_one_backward_pass_gives_weighted_gradients_and_the_products_of_every_sample(name: str) -> None:
    network = networks()[name].double()
    inputs, labels, weights = batch()
    along, parameters = directions(network), list(network.parameters())
    torch.manual_seed(5)
    derivative = forward_mode(network, inputs, along)
    logits = network(inputs)
    losses = functional.cross_entropy(logits, labels, reduction="none")
    gradients = torch.autograd.grad(3 * (weights * losses).mean(), parameters)
    expected = at(alignments(Dual(value=logits, tangent=derivative)), labels)
    torch.manual_seed(5)
    logits, products = weighted_pass(network, inputs, weights=weights, along=along)
    mean = products.mean(functional.cross_entropy(logits, labels, reduction="none"))
    torch.testing.assert_close(mean, (weights * losses).mean())
    found = torch.autograd.grad(3 * mean, parameters)  # a regulariser may scale the loss
    assert (products.values() - expected).norm() < 1e-9 * expected.norm()
    for one, other in zip(found, gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


def test_parameters_without_a_direction_still_weigh_their_gradients() -> None:
    network = networks()["pooled"].double()
    inputs, labels, weights = batch()
    first = {n: v for n, v in directions(network).items() if n.startswith("0.")}
    torch.manual_seed(5)
    derivative = forward_mode(network, inputs, first)
    plain = functional.cross_entropy(network(inputs), labels, reduction="none")
    torch.manual_seed(5)
    logits, products = weighted_pass(network, inputs, weights=weights, along=first)
    mean = products.mean(functional.cross_entropy(logits, labels, reduction="none"))
    found, expected = (
        torch.autograd.grad(loss, list(network.parameters())) for loss in (mean, (weights * plain).mean())
    )
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(products.values(), at(alignments(Dual(value=logits, tangent=derivative)), labels))


@pytest.mark.parametrize(
    ("layer", "alone"),
    [(nn.BatchNorm2d(3), False), (nn.BatchNorm2d(3).eval(), True), (nn.Dropout(), True), (nn.GroupNorm(1, 3), True)],
)
def test_separable_tells_whether_samples_see_each_other(layer: nn.Module, alone: bool) -> None:
    network = nn.Sequential(nn.Conv2d(3, 3, 1), layer, nn.ReLU(), nn.Flatten(), nn.Linear(108, CLASSES)).double()
    before, state = {n: v.clone() for n, v in network.state_dict().items()}, torch.get_rng_state()
    assert separable(network, batch()[0]) is alone
    assert all(torch.equal(value, before[n]) for n, value in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)


def test_a_layer_without_a_rule_is_refused() -> None:
    network = nn.Sequential(nn.PReLU(), nn.Flatten(), nn.Linear(108, CLASSES)).double()
    inputs, _, weights = batch()
    with pytest.raises(UnfollowedError, match="no rule"):
        weighted_pass(network, inputs, weights=weights, along=directions(network))


def test_in_bfloat16_the_products_are_those_of_float32_up_to_rounding() -> None:
    network = networks()["pooled"].eval()  # no dropout
    inputs, labels, weights = (t.float() if t.is_floating_point() else t for t in batch())
    found = {}
    for precision in (torch.float32, torch.bfloat16):
        along = directions(network)
        with autocast(torch.device("cpu"), precision):
            logits, products = weighted_pass(network, inputs, weights=weights, along=along)
            mean = products.mean(functional.cross_entropy(logits, labels, reduction="none"))
            agrees = at(alignments(directional_derivative(network, inputs, along)), labels)
        gradients = torch.autograd.grad(mean, list(network.parameters()))
        assert all(g.dtype == torch.float32 for g in gradients)
        found[precision] = [products.values(), agrees, *gradients]
    for exact, rounded in zip(*found.values(), strict=True):
        assert (exact - rounded).norm() < 0.03 * exact.norm()
        assert not torch.equal(exact, rounded)
