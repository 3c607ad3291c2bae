"""Weights from a file fit as a whole, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from noisecleaner.errors import NoisecleanerError
from noisecleaner.networks.backbones import build, load_weights


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
