"""LeNet is Caffe's, but for the three channels."""

from __future__ import annotations

import pytest
import torch

from noisecleaner.networks.backbones.lenet import LeNet


def test_its_layers_have_the_sizes_of_caffes() -> None:
    shapes = [tuple(p.shape) for p in LeNet(28).parameters()]
    assert shapes == [(20, 3, 5, 5), (20,), (50, 20, 5, 5), (50,), (500, 50 * 4 * 4), (500,)]


def test_with_ten_classes_it_has_the_parameters_of_caffes() -> None:
    """Caffe's takes one channel, not three: two times 20 filters of 25 weights fewer."""
    assert sum(p.numel() for p in LeNet(28).parameters()) + 500 * 10 + 10 == 431_080 + 1_000


@pytest.mark.parametrize("size", [16, 28, 32, 33])
def test_images_of_other_sizes_fit(size: int) -> None:
    assert LeNet(size)(torch.zeros(2, 3, size, size)).shape == (2, 500)


def test_a_mirrored_digit_is_no_digit() -> None:
    assert not LeNet.flips
