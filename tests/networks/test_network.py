"""A trunk and a classifier, and the batches that they take."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from noisecleaner.networks.network import Batch, Network


def test_a_network_classifies_the_features_of_its_trunk() -> None:
    torch.manual_seed(0)
    trunk, head, inputs = nn.Linear(5, 4), nn.Linear(4, 3), torch.randn(6, 5)
    network = Network(trunk=trunk, head=head)
    assert torch.equal(network(inputs), head(trunk(inputs)))


def test_parameters_are_named_by_where_they_are() -> None:
    """Checkpoints, auditors and directions of gradients are kept by these names."""
    network = Network(trunk=nn.Sequential(nn.Linear(5, 4), nn.ReLU()), head=nn.Linear(4, 3))
    assert [name for name, _ in network.named_parameters()] == [
        "trunk.0.weight",
        "trunk.0.bias",
        "head.weight",
        "head.bias",
    ]


def test_nothing_is_told_apart_by_its_place_alone() -> None:
    with pytest.raises(TypeError):
        Network(nn.Identity(), nn.Identity())  # type: ignore[misc]
    with pytest.raises(TypeError):
        Batch(torch.zeros(1, 2), torch.zeros(1), torch.zeros(1))  # type: ignore[misc]


def test_a_batch_cannot_be_changed_behind_a_rules_back() -> None:
    batch = Batch(inputs=torch.zeros(1, 2), labels=torch.zeros(1), rows=torch.zeros(1))
    with pytest.raises(AttributeError):
        batch.labels = torch.ones(1)  # type: ignore[misc]
