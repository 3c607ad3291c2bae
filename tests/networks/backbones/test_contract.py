"""One contract for every file of `networks/backbones/`."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import cast

import pytest
import torch
from safetensors.torch import save_file
from support.packages import with_file

from noisecleaner.errors import NoisecleanerError
from noisecleaner.images.framing import Framing
from noisecleaner.networks.backbones import Backbone, Provider, build, restore
from noisecleaner.networks.backbones.efficientnet_lite import installed
from noisecleaner.networks.cards import Card
from noisecleaner.networks.heads import build_network
from noisecleaner.networks.shapes import Shape
from noisecleaner.registry import backbone_families, backbone_names, backbone_spellings, module_in, names_in

FILES = names_in("networks.backbones")
#: Networks of every family that are small enough to be tried here; others are slow.
FAMILIES = {
    "efficientnet-lite": ["efficientnet-lite0", "efficientnet-lite2"],
    "onnx": [],  # files of the user's: see test_onnx.py
    "timm": ["timm:test_vit", "timm:test_resnet"],
    "torchvision-models": ["resnet18", "squeezenet1_1", "mobilenet_v3_small", "shufflenet_v2_x0_5"],
}
MORE = ["alexnet", "densenet121", "googlenet", "inception_v3", "vgg11", "vit_b_16", "convnext_tiny", "swin_t"]
MORE += ["maxvit_t"]
OWN = backbone_names()
#: Each with the size of image that is tried: its own, or a small one.
TRIED = [(name, None) for name in OWN]
TRIED += [
    (name, 64) for file, names in FAMILIES.items() for name in names if file != "efficientnet-lite" or installed()
]

DROPPED_IN = '''"""Mine: the mean of each channel."""

from torch import Tensor, nn

from noisecleaner.networks.backbones import Backbone, centred, refuse_pretrained


class Means(Backbone):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.size, self.width = size, 4
        self.layers = nn.Sequential(centred(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 4))

    def features(self, pixels: Tensor) -> Tensor:
        return self.layers(pixels)


def names():
    return ["my-means"]


def build(name, *, size, pretrained):
    refuse_pretrained(name, pretrained)
    return Means(size or 16)
'''


def provider(file: str) -> Provider:
    return cast(Provider, module_in("networks.backbones", file, parameter="a provider"))


def make(name: str, size: int | None) -> Backbone:
    torch.manual_seed(0)
    return build(name, size=size, pretrained=False, weights=None)


def random_pixels(backbone: Backbone, rows: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (rows, 3, backbone.size, backbone.size), generator=generator).float()


@pytest.mark.parametrize("file", FILES)
def test_a_file_of_one_network_is_called_like_it_and_one_of_many_says_which(file: str) -> None:
    if file in backbone_families():
        assert len(provider(file).names()) > 1 or backbone_spellings()[file].endswith(":FILE")
        assert backbone_families()[file] == backbone_families()[file].strip(". ")
    else:
        assert provider(file).names() == [file]
        assert file not in backbone_spellings()


@pytest.mark.parametrize("file", backbone_spellings())
def test_names_that_begin_with_their_file_are_spelled_so(file: str) -> None:
    assert backbone_spellings()[file].startswith(f"{file}:")
    assert backbone_spellings()[file] in backbone_families()[file]
    assert all(name.startswith(f"{file}:") for name in provider(file).names())


def test_no_name_belongs_to_two_files() -> None:
    names = [name for file in FILES for name in provider(file).names()]
    assert len(names) == len(set(names))


def test_every_family_is_tried_here() -> None:
    assert FAMILIES.keys() == backbone_families().keys()
    assert all(set(names) <= set(provider(file).names()) for file, names in FAMILIES.items())


def check_that_it_trains(backbone: Backbone, name: str) -> None:
    """A training step in which every parameter of the network gets a gradient."""
    shape = Shape(kind="pixels", classes=5, width=backbone.width, backbone=name, size=backbone.size)
    network = build_network(shape, backbone).train()
    pixels = random_pixels(backbone)
    assert network.trunk(pixels).shape == (2, backbone.width)
    logits = network(pixels)
    assert logits.shape == (2, 5)
    torch.autograd.backward(logits.square().sum())
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize(("name", "size"), TRIED)
def test_pixels_become_features_that_train(name: str, size: int | None) -> None:
    backbone = make(name, size)
    assert size is None or backbone.size == size
    check_that_it_trains(backbone, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", MORE)
def test_other_families_of_torchvision_do_so_too(name: str) -> None:
    check_that_it_trains(make(name, None), name)


@pytest.mark.parametrize(("name", "size"), TRIED)
def test_features_of_an_image_do_not_depend_on_the_others(name: str, size: int | None) -> None:
    backbone = make(name, size).eval()
    pixels = random_pixels(backbone, rows=3)
    with torch.no_grad():
        alone = torch.cat([backbone(pixels[row : row + 1]) for row in range(3)])
        torch.testing.assert_close(backbone(pixels), alone, rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(backbone.for_inference()(pixels), backbone(pixels), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("name", "size"), TRIED)
def test_weights_of_a_file_make_the_same_network(tmp_path: Path, name: str, size: int | None) -> None:
    first = make(name, size).eval()
    save_file(first.state_dict(), tmp_path / "weights.safetensors")
    torch.manual_seed(1)
    second = build(name, size=size, pretrained=False, weights=tmp_path / "weights.safetensors").eval()
    assert second.trained
    pixels = random_pixels(first)
    with torch.no_grad():
        assert torch.equal(first(pixels), second(pixels))


@pytest.mark.parametrize("name", OWN)
def test_pretrained_weights_are_there_or_refused(name: str) -> None:
    try:
        assert build(name, size=None, pretrained=True, weights=None).trained
    except NoisecleanerError as error:
        assert f"{name} has none" in str(error)  # noqa: PT017  # either is right
        assert not make(name, None).trained


def test_an_unknown_name_is_refused_with_all_that_there_are() -> None:
    with pytest.raises(NoisecleanerError, match=r"`Model.backbone` lenot is unknown") as error:
        build("lenot", size=None, pretrained=False, weights=None)
    assert all(name in error.value.hint for name in (*backbone_names(), *backbone_spellings().values(), "resnet18"))
    with pytest.raises(NoisecleanerError, match=r"`Model.backbone` tim:resnet18 is unknown"):
        build("tim:resnet18", size=None, pretrained=False, weights=None)


def test_adding_a_backbone_is_one_file(tmp_path: Path) -> None:
    """A copy of the package with one more file in `networks/backbones/`."""
    package = with_file(tmp_path, "networks/backbones/my_means.py", DROPPED_IN)
    assert ", lenet, my-means, preact-resnet18, efficientnet-lite0" in package.command("methods")
    package.passes("networks/backbones/test_contract.py", "my-means")


@pytest.mark.parametrize(("name", "size"), TRIED)
def test_what_was_kept_makes_the_same_network(tmp_path: Path, name: str, size: int | None) -> None:
    first = make(name, size).eval()
    first.trained = True
    first.cropped("pad")
    card = Card.from_json(json.loads(json.dumps(asdict(first.card(name)))))
    assert (card.name, card.framing.crop, card.framing.size, card.width) == (name, "pad", first.size, first.width)
    torch.manual_seed(1)
    second = restore(name, size=first.size, card=card, tensors=first.state_dict(), path=tmp_path).eval()
    assert second.card(name) == card
    pixels = random_pixels(first)
    with torch.no_grad():
        assert torch.equal(first(pixels), second(pixels))
        next(second.parameters()).add_(1)
    assert second.card(name).digest != card.digest


def test_images_are_normalised_as_was_noted() -> None:
    """Whatever those who provide a network say of it by now."""
    backbone = make("resnet18", 64).eval()
    card = replace(backbone.card("resnet18"), mean=(1.0, 2.0, 3.0), framing=Framing(96, "center", 0.9, "bicubic"))
    backbone.recall(card)
    assert (backbone.size, backbone.framing, backbone.card("resnet18").mean) == (96, card.framing, card.mean)
