"""What is kept of images: in their order, whatever the threads."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from noisecleaner.inputs.encoders import feature_encoder
from noisecleaner.networks.backbones import build
from noisecleaner.networks.backbones.efficientnet_lite0 import installed

needs_lite0 = pytest.mark.skipif(not installed(), reason="the extra `pretrained` is not installed")


@pytest.mark.parametrize(
    ("name", "size"), [("lenet", 28), ("resnet18", 64), pytest.param("efficientnet-lite0", 64, marks=needs_lite0)]
)
def test_features_do_not_depend_on_the_batch(name: str, size: int) -> None:
    torch.manual_seed(0)
    encoder = feature_encoder(build(name, size=size, pretrained=False, weights=None), torch.device("cpu"))
    pixels = np.random.default_rng(0).integers(0, 256, (7, size, size, 3), dtype=np.uint8)
    together = encoder.encode(pixels)
    alone = np.concatenate([encoder.encode(pixels[row : row + 1]) for row in range(7)])
    np.testing.assert_allclose(together, alone, rtol=2e-3, atol=1e-3)  # float16: 11 bits


@pytest.mark.parametrize(("size", "batch"), [(28, 64), (64, 64), (96, 16), (160, 8), (224, 4), (299, 2), (1024, 1)])
def test_a_core_encodes_about_as_many_pixels_at_any_size(size: int, batch: int) -> None:
    backbone = build("lenet", size=28, pretrained=False, weights=None)
    backbone.size = size
    assert feature_encoder(backbone, torch.device("cpu")).batch == batch
