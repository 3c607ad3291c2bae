"""Torchvision's models without their last layer, with its weights and their sizes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from noisecleaner.errors import NoisecleanerError
from noisecleaner.networks.backbones import build


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
    with pytest.raises(NoisecleanerError, match=r"could not be downloaded.*weights="):
        build("resnet18", size=None, pretrained=True, weights=None)


def test_pretrained_models_come_at_the_size_of_their_weights() -> None:
    from noisecleaner.networks.backbones.torchvision_models import _native_size

    assert _native_size("resnet18", True) == 224
    assert _native_size("vit_h_14", True) == 518
    assert _native_size("inception_v3", True) == _native_size("inception_v3", False) == 299


def test_a_transformer_of_another_size_than_its_weights_is_refused() -> None:
    with pytest.raises(NoisecleanerError, match=r"Model\.image_size"):
        build("vit_b_16", size=160, pretrained=True, weights=None)
