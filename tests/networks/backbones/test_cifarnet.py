"""CifarNet is the small AlexNet of Zhang et al. (2017), with one dropout layer."""

from __future__ import annotations

import pytest
import torch

from noisecleaner.networks.backbones.cifarnet import CifarNet


def test_its_layers_have_the_sizes_of_the_paper() -> None:
    shapes = [tuple(p.shape) for p in CifarNet(28).parameters() if p.dim() > 1]
    assert shapes == [(64, 3, 5, 5), (64, 64, 5, 5), (384, 64 * 7 * 7), (192, 384)]


def test_with_ten_classes_it_has_the_parameters_of_the_paper() -> None:
    assert sum(p.numel() for p in CifarNet(28).parameters()) + 192 * 10 + 10 == 1_387_786


@pytest.mark.parametrize("size", [8, 27, 28, 32, 33])
def test_each_pooling_halves_the_maps_rounded_up(size: int) -> None:
    assert CifarNet(size)(torch.zeros(2, 3, size, size)).shape == (2, 192)


def test_dropout_acts_in_training_alone() -> None:
    torch.manual_seed(0)
    network, pixels = CifarNet(28), 255 * torch.rand(1, 3, 28, 28)
    assert not torch.equal(network(pixels), network(pixels))
    network.eval()
    assert torch.equal(network(pixels), network(pixels))
