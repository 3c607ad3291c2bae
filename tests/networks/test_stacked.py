"""Stacked classifiers say what each of them says alone."""

from __future__ import annotations

import torch
from torch import nn

from noisecleaner.networks.network import Network
from noisecleaner.networks.stacked import StackedLinear, leading, linear, stacked, unstack

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
