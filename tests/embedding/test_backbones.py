"""Frozen networks, and what they are called."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from support.embedding import tiny

from noisecleaner.embedding.backbones import frozen_backbones, maker_of, named_model
from noisecleaner.errors import NoisecleanerError
from noisecleaner.progress import Progress
from noisecleaner.settings import Model
from noisecleaner.training.usual import usual_backbone


def test_a_network_that_starts_from_nothing_makes_no_vectors() -> None:
    with pytest.raises(NoisecleanerError, match="cifar-quick would start from random ones"):
        frozen_backbones(Model(backbone="cifar-quick"))


def test_the_maker_tells_name_size_and_weights_apart(tmp_path: Path) -> None:
    model = tiny(tmp_path)
    maker = maker_of(frozen_backbones(model))
    assert (maker.backbone, maker.size, maker.crop) == ("cifar-quick", 16, "squash")
    assert maker_of(frozen_backbones(model)) == maker
    assert maker_of(frozen_backbones(replace(model, image_crop="pad"))) == replace(maker, crop="pad")
    assert maker_of(frozen_backbones(tiny(tmp_path, seed=1))).weights != maker.weights


def test_a_backbone_that_nobody_named_is_the_one_of_a_fit(tmp_path: Path) -> None:
    cpu, named = torch.device("cpu"), tiny(tmp_path)
    chosen = named_model(Model(), rows=100, device=cpu, progress=Progress())
    assert chosen == replace(Model(), backbone=usual_backbone(Model(), rows=100, cpu=True).backbone)
    assert named_model(named, rows=100, device=cpu, progress=Progress()) == named
