"""Stacked classifiers say what each of them says alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from noisecleaner.networks import stacked as module
from noisecleaner.networks.network import Network
from noisecleaner.networks.stacked import StackedLinear, leading, linear, stacked, unstack
from noisecleaner.threads import Partner

FOLDS, CLASSES, WIDTH, N = 3, 4, 5, 7


def several() -> Network:
    torch.manual_seed(0)
    head = StackedLinear(weight=torch.randn(FOLDS, CLASSES, WIDTH), bias=torch.randn(FOLDS, CLASSES))
    return Network(trunk=nn.Identity(), head=head)


def one() -> Network:
    return Network(trunk=nn.Sequential(nn.Identity()), head=nn.Linear(WIDTH, CLASSES))


def test_logits_are_those_of_each_classifier() -> None:
    network, features = several(), torch.randn(N, WIDTH)
    logits = network(features)
    assert logits.shape == (FOLDS, N, CLASSES)
    for fold in range(FOLDS):
        torch.testing.assert_close(logits[fold], unstack(network, one(), fold)(features))


def gradients(network: Network, features: Tensor, *, ahead: bool) -> tuple[Tensor, ...]:
    """Logits, how they move along one direction, and the gradient of some loss by weight and bias."""
    head = network.head
    assert isinstance(head, StackedLinear)
    torch.manual_seed(1)
    along = {"weight": torch.randn_like(head.weight), "bias": torch.randn_like(head.bias)}
    moves = linear(features, **along)
    logits = head(features)
    if ahead:
        logits, moves = head.ahead(features, **along)
    weights = torch.randn(FOLDS, N, dtype=features.dtype)
    loss = (
        weights * functional.cross_entropy(logits.mT, torch.zeros(FOLDS, N, dtype=torch.int64), reduction="none")
    ).sum()
    return logits.detach(), moves, *torch.autograd.grad(loss, [head.weight, head.bias])


@pytest.mark.parametrize("ahead", [False, True])
@pytest.mark.parametrize("halved", [False, True])
def test_gradients_are_those_of_automatic_differentiation(
    ahead: bool, halved: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_WORTH", 1 if halved else 2**62)
    network, features = several().double(), torch.randn(N, WIDTH, dtype=torch.float64)
    found = gradients(network, features, ahead=ahead)
    monkeypatch.setattr(StackedLinear, "forward", lambda self, x: x @ self.weight.mT + self.bias.unsqueeze(1))
    expected = gradients(network, features, ahead=False)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def test_whoever_takes_half_of_a_product_the_bits_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WORTH", 1)
    network, features = several(), torch.randn(N, WIDTH)
    alone = gradients(network, features, ahead=True)
    with ThreadPoolExecutor(1) as pool:
        network.head.partner = Partner(pool)
        aided = gradients(network, features, ahead=True)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(aided, alone, strict=True))


def test_all_start_from_the_classifier_of_a_network_which_they_leave_alone() -> None:
    network = one()
    made, before = stacked(network, FOLDS), network.head.weight.clone()
    assert all(torch.equal(weight, before) for weight in made.head.weight)
    with torch.no_grad():
        made.head.weight.add_(1)
    assert torch.equal(network.head.weight, before)


def test_a_product_is_linear_in_the_weights() -> None:
    head, features = several().head, torch.randn(N, WIDTH)
    twice = linear(features, weight=2 * head.weight, bias=2 * head.bias)
    torch.testing.assert_close(twice, 2 * head(features))


def test_what_is_said_of_a_row_begins_with_the_folds_where_there_are_several() -> None:
    assert leading(several()) == (FOLDS,)
    assert leading(one()) == ()
