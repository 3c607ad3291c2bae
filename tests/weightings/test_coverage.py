"""Which parameters v covers."""

from __future__ import annotations

import pytest
import torch
from support.weightings import deep_network, small_network
from torch import nn

from noisecleaner.networks.backbones import build as build_backbone
from noisecleaner.networks.network import Network
from noisecleaner.weightings._coverage import covered


def test_a_meta_step_covers_all_layers_the_last_block_or_the_classifier() -> None:
    names = [name for name, _ in deep_network().named_parameters()]
    assert covered(deep_network(), "exact") == tuple(names)
    assert covered(deep_network(), "block") == tuple(n for n in names if "2.1.0" in n or n.startswith("head"))
    assert covered(deep_network(), "last") == ("head.weight", "head.bias")
    assert covered(small_network(trunk=False), "block") == ("head.weight", "head.bias")


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("preact-resnet18", "trunk.layers.5.1.norm1.weight"),
        ("cifar-quick", "trunk.layers.11.weight"),
        ("resnet18", "trunk.network.layer4.1.conv1.weight"),
        ("vit_b_16", "trunk.network.encoder.layers.encoder_layer_11.ln_1.weight"),
    ],
)
def test_the_last_block_of_known_networks(name: str, first: str) -> None:
    with torch.device("meta"):
        trunk = build_backbone(name, size=None, pretrained=False, weights=None)
        assert covered(Network(trunk=trunk, head=nn.Linear(trunk.width, 2)), "block")[0] == first
