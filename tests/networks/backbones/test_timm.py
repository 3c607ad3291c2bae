"""Models of timm: what they see and give is what timm's own code sees and gives; weights come whole or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from noisecleaner.errors import NoisecleanerError
from noisecleaner.images.framing import Framing, framed
from noisecleaner.networks.backbones import Backbone, blank, build
from noisecleaner.networks.backbones import timm as provider

timm = pytest.importorskip("timm", reason="the extra `timm` is not installed")

TAGGED = "test_vit.r160_in1k"
KINDS = [TAGGED, "test_resnet.r160_in1k", "test_convnext.r160_in1k", "test_efficientnet.r160_in1k"]


def weights_of(folder: Path, name: str, **options: Any) -> Path:
    """Random weights of a model, as a hub has them."""
    torch.manual_seed(3)
    model = timm.create_model(name, **options)
    with torch.no_grad():
        for parameter in model.parameters():  # many start at zero, which would hide that they were left out
            parameter.add_(0.02 * torch.randn_like(parameter))
    save_file(model.state_dict(), folder / "model.safetensors")
    return folder / "model.safetensors"


def made(name: str, weights: Path | None, size: int | None = None) -> Backbone:
    return build(f"timm:{name}", size=size, pretrained=False, weights=weights).eval()


@pytest.mark.parametrize("name", KINDS)
def test_features_of_an_image_are_those_of_timms_own_pipeline(tmp_path: Path, name: str) -> None:
    path = weights_of(tmp_path, name)
    backbone, model = made(name, path), timm.create_model(name).eval()
    model.load_state_dict(load_file(path))
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model), is_training=False)
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8))
    pixels = torch.from_numpy(np.array(framed(image, backbone.framing))).permute(2, 0, 1)[None].float()
    with torch.no_grad():
        expected = model.forward_head(model.forward_features(transform(image)[None]), pre_logits=True)
        torch.testing.assert_close(backbone(pixels), expected, rtol=1e-3, atol=1e-3)
    assert (backbone.width, backbone.trained) == (expected.shape[1], True)


def test_what_timm_notes_of_a_model_is_what_it_gets() -> None:
    dino = blank("timm:vit_small_patch14_dinov2.lvd142m", size=28, card=None)
    assert dino.framing == Framing(28, "center", 1.0, "bicubic")
    assert (dino.width, dino.licence, dino.trained) == (384, "apache-2.0", False)
    assert dino.package == f"timm {timm.__version__}"
    siglip = blank("timm:vit_base_patch16_siglip_224.webli", size=None, card=None)
    assert siglip.framing == Framing(224, "center", 0.9, "bicubic")
    assert siglip.card("x").mean == siglip.card("x").deviation == (127.5, 127.5, 127.5)


@pytest.mark.parametrize("size", [None, 64])
def test_weights_without_a_last_layer_and_for_images_of_another_size_are_fitted_in(
    tmp_path: Path, size: int | None
) -> None:
    """Position embeddings of another grid, which timm resamples; everything else is what the file holds."""
    path = weights_of(tmp_path, TAGGED)
    backbone, tensors = made(TAGGED, path, size), load_file(path)
    own = backbone.state_dict()
    assert backbone.size == (size or 160)
    assert own["network.pos_embed"].shape[1] == (backbone.size // 16) ** 2 + tensors["pos_embed"].shape[1] - 100
    same = {name for name in own if name != "network.pos_embed"}
    assert len(same) > 40
    assert all(torch.equal(own[name], tensors[name.removeprefix("network.")]) for name in same)
    assert not any(name.startswith("network.head") for name in own)


@pytest.mark.parametrize("size", [None, 64])
@pytest.mark.parametrize("part", ["blocks.0.mlp.fc1.weight", "norm.bias", "cls_token", "pos_embed"])
@pytest.mark.parametrize("how", ["missing", "another shape"])
def test_weights_that_are_not_whole_are_refused(tmp_path: Path, size: int | None, part: str, how: str) -> None:
    tensors = load_file(weights_of(tmp_path, TAGGED))
    odd = {} if how == "missing" else {part: torch.zeros(3, 5, 7)}
    save_file({**{name: value for name, value in tensors.items() if name != part}, **odd}, tmp_path / "odd.safetensors")
    with pytest.raises(NoisecleanerError, match=r"must hold all weights of test_vit\.r160_in1k, but .* holds others"):
        made(TAGGED, tmp_path / "odd.safetensors", size)


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    path = weights_of(tmp_path, "test_resnet.r160_in1k")
    for size in (None, 64):
        with pytest.raises(NoisecleanerError, match="holds others"):
            made(TAGGED, path, size)


def hub(folder: Path, repository: str, file: Path) -> None:
    """A cache of the hub that holds one file, as huggingface_hub lays it out."""
    place = folder / f"models--{repository.replace('/', '--')}"
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text("0" * 40)
    (place / "snapshots" / ("0" * 40)).mkdir(parents=True)
    shutil.copy(file, place / "snapshots" / ("0" * 40) / "model.safetensors")


def test_published_weights_come_from_the_hubs_cache_where_they_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    path = weights_of(tmp_path, TAGGED)
    hub(tmp_path / "hub", f"timm/{TAGGED}", path)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.file_download.HF_HUB_CACHE", str(tmp_path / "hub"), raising=False)
    named = build(f"timm:{TAGGED}", size=None, pretrained=False, weights=None)
    assert named.trained
    assert named.card("x").digest == made(TAGGED, path).card("x").digest
    asked = build("timm:test_vit", size=None, pretrained=True, weights=None)
    assert asked.card("x").digest == named.card("x").digest
    assert not build("timm:test_vit", size=None, pretrained=False, weights=None).trained
    assert not blank(f"timm:{TAGGED}", size=None, card=None).trained


@pytest.mark.parametrize("failure", [OSError("no network\nand more"), ValueError("odd answer.")])
def test_weights_that_cannot_be_downloaded_are_one_clear_paragraph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    def offline(*arguments: object, **options: object) -> None:
        raise failure

    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_, **__: None)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", offline)
    with pytest.raises(NoisecleanerError) as error:
        build(f"timm:{TAGGED}", size=None, pretrained=False, weights=None)
    assert str(error.value) == (
        f"timm:{TAGGED} needs its published weights, model.safetensors of https://huggingface.co/timm/{TAGGED}, but "
        f"they could not be downloaded ({str(failure).splitlines()[0].rstrip('.')}). Connect to the internet, or fetch "
        "that file elsewhere and give it with `Model(weights=FILE)`."
    )


def test_a_pickle_is_never_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fetch(repository: str, file: str, **options: object) -> None:
        asked.append(file)
        raise OSError("not here")

    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_, **__: None)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", fetch)
    for named in (None, "pytorch_model.bin", "open_clip_pytorch_model.bin", "tf_efficientnet.pth"):
        with pytest.raises(NoisecleanerError):
            provider._published("x", {"hf_hub_id": "timm/x@v1", "hf_hub_filename": named})
    assert asked == ["model.safetensors", "model.safetensors", "open_clip_model.safetensors"]
    with pytest.raises(NoisecleanerError, match="x has none as safetensors"):
        provider._published("x", {"url": "https://example.org/x.pth"})


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("vit_smal_patch14_dinov2", "unknown to the installed timm. Choose one of: timm:vit_small_patch14_dinov2,"),
        ("test_vit.no_tag", "unknown to the installed timm. Choose one of: "),
        ("~", "list_pretrained"),
        ("hf-hub:someone/something", "unknown to the installed timm"),
    ],
)
def test_unknown_models_are_refused_with_those_that_are_called_alike(name: str, says: str) -> None:
    with pytest.raises(NoisecleanerError) as error:
        made(name, None)
    assert says in str(error.value)


def test_images_that_patches_do_not_fill_are_refused() -> None:
    with pytest.raises(NoisecleanerError, match=r"patches of 16 .* multiple of it, but it is 50\. .*image_size=48"):
        made("test_vit", None, 50)


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider, "installed", lambda: False)
    assert provider.names() == []
    with pytest.raises(NoisecleanerError, match=r"needs the extra 'timm'.*pip install 'noisecleaner\[timm\]'"):
        made("test_vit", None)


def test_weights_saved_without_a_last_layer_fit_images_of_another_size(tmp_path: Path) -> None:
    """Whoever saves `create_model(NAME, num_classes=0)` has no classifier to save."""
    whole = timm.create_model("test_vit", num_classes=0)
    file = tmp_path / "headless.safetensors"
    save_file(whole.state_dict(), file)
    for size in (None, 64):
        made = build("timm:test_vit", size=size, pretrained=False, weights=file)
        assert made.trained
        own = made.state_dict()
        assert torch.equal(own["network.blocks.0.attn.qkv.weight"], whole.state_dict()["blocks.0.attn.qkv.weight"])


def test_a_name_without_its_prefix_is_told_with_it() -> None:
    with pytest.raises(NoisecleanerError, match=r"Write timm:test_vit\."):
        build("test_vit", size=None, pretrained=False, weights=None)
