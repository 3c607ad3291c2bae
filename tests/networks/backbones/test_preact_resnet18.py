"""PreActResNet-18: identity mappings as in He et al. (2016)."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from noisecleaner.networks.backbones.preact_resnet18 import Block, PreActResNet18


def test_with_ten_classes_it_has_the_parameters_of_the_paper() -> None:
    assert sum(p.numel() for p in PreActResNet18(32).parameters()) + 512 * 10 + 10 == 11_172_170


def test_its_groups_halve_the_maps_and_double_the_channels() -> None:
    network, shapes = PreActResNet18(32), []
    for group in network.layers[2:6]:
        group.register_forward_hook(lambda _, __, maps: shapes.append(tuple(maps.shape[1:])))
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 512)
    assert shapes == [(64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4)]


def test_a_block_whose_last_convolution_is_zero_is_the_identity() -> None:
    """Figure 1 (b): nothing stands on the way of the sum, no activation and no norm."""
    torch.manual_seed(0)
    block, maps = Block(8, 8, 1), torch.randn(2, 8, 5, 5)
    nn.init.zeros_(block.conv2.weight)
    assert torch.equal(block(maps), maps)


@pytest.mark.parametrize(("outputs", "stride"), [(8, 2), (16, 1), (16, 2)])
def test_a_shortcut_that_changes_the_shape_starts_behind_the_first_activation(outputs: int, stride: int) -> None:
    torch.manual_seed(0)
    block, maps = Block(8, outputs, stride).eval(), torch.randn(2, 8, 6, 6)
    nn.init.zeros_(block.conv2.weight)
    assert block.shortcut is not None
    expected = functional.conv2d(functional.relu(block.norm1(maps)), block.shortcut.weight, stride=stride)
    torch.testing.assert_close(block(maps), expected)
