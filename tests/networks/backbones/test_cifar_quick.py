"""CIFAR-10 Quick is the network of Caffe's cifar10_quick_train_test.prototxt."""

from __future__ import annotations

import pytest
import torch

from noisecleaner.networks.backbones.cifar_quick import CifarQuick


def test_its_layers_have_the_sizes_of_caffes() -> None:
    shapes = [tuple(p.shape) for p in CifarQuick(32).parameters()]
    assert shapes == [(32, 3, 5, 5), (32,), (32, 32, 5, 5), (32,), (64, 32, 5, 5), (64,), (64, 64 * 4 * 4), (64,)]


def test_with_ten_classes_it_has_the_parameters_of_the_paper() -> None:
    assert sum(p.numel() for p in CifarQuick(32).parameters()) + 64 * 10 + 10 == 145_578


@pytest.mark.parametrize("size", [8, 28, 32, 33, 64])
def test_maps_of_any_size_are_rounded_up(size: int) -> None:
    """Three poolings of 3x3 with stride 2 whose last window may stand over the edge."""
    assert CifarQuick(size)(torch.zeros(2, 3, size, size)).shape == (2, 64)


def test_the_first_pooling_takes_maxima_and_the_others_means() -> None:
    kinds = [type(layer).__name__ for layer in CifarQuick(32).layers if "Pool" in type(layer).__name__]
    assert kinds == ["MaxPool2d", "AvgPool2d", "AvgPool2d"]
