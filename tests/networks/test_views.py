"""Two views of an image stand side by side, mirrored where labels allow it, and come back from a file."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from noisecleaner.networks.backbones import build
from noisecleaner.networks.network import Network
from noisecleaner.networks.views import Views, added_tensors, load_added, with_views

PIXELS = torch.from_numpy(np.random.default_rng(0).uniform(0, 255, (6, 3, 28, 28)).astype(np.float32))


def network(name: str = "cifar-quick", seed: int = 0) -> Network:
    torch.manual_seed(seed)
    trunk = build(name, size=28, pretrained=False, weights=None)
    return Network(trunk=trunk, head=nn.Linear(trunk.width, 3)).eval()


def seen(name: str = "cifar-quick") -> Views:
    views = with_views(network(name)).trunk
    assert isinstance(views, Views)
    views.patches.fit(PIXELS, np.random.default_rng(0))
    return views


@pytest.mark.parametrize(("name", "mirrored"), [("cifar-quick", True), ("lenet", False)])
def test_an_image_and_its_mirror_image_are_the_same_where_that_keeps_the_label(name: str, mirrored: bool) -> None:
    views = seen(name)
    there, back = views.features(PIXELS), views.features(PIXELS.flip(-1))
    assert there.shape == (6, sum(views.widths))
    assert torch.allclose(there, back, rtol=1e-4, atol=1e-4) == mirrored


def test_the_backbone_stands_behind_the_patches() -> None:
    views = seen("lenet")
    width, _ = views.widths
    torch.testing.assert_close(views.features(PIXELS)[:, width:], views.backbone(PIXELS))
    torch.testing.assert_close(views.features(PIXELS)[:, :width], views.patches(PIXELS))


def test_what_was_added_comes_back_and_the_backbone_stays() -> None:
    first = with_views(network())
    first.trunk.patches.fit(PIXELS, np.random.default_rng(0))
    first.trunk.standardise.fit(mean=np.ones(sum(first.trunk.widths)), deviation=np.full(sum(first.trunk.widths), 2.0))
    second = with_views(network())
    load_added(second, added_tensors(first))
    torch.testing.assert_close(second(PIXELS), first(PIXELS), rtol=0, atol=0)
    assert not any("backbone" in name for name in added_tensors(first))
    with pytest.raises(RuntimeError, match="patches"):
        load_added(second, {n: t for n, t in added_tensors(first).items() if "patches" not in n})


def test_views_are_of_a_backbone() -> None:
    with pytest.raises(TypeError, match="backbone with a linear head"):
        with_views(Network(trunk=nn.Identity(), head=nn.Linear(2, 2)))
