"""A checkpoint gives back every bit, knows when the next one is due, and is refused where it is damaged."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from noisecleaner.errors import NoisecleanerError
from noisecleaner.training import checkpoints
from noisecleaner.training.checkpoints import Checkpoint


class Kept(nn.Module):
    """Tensors of the kinds that training keeps."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.weight = nn.Parameter(torch.randn(2, 3, 2, 2, generator=generator).to(memory_format=torch.channels_last))
        for name, tensor in {
            "mean": torch.randn(4, generator=generator),
            "precise": torch.randn(3, generator=generator, dtype=torch.float64),
            "members": torch.rand(9, generator=generator) > 0.5,
            "steps": torch.tensor(seed),
            "unknown": torch.tensor([torch.nan, torch.inf, -0.0]),
        }.items():
            self.register_buffer(name, tensor)


def test_without_a_file_nothing_is_loaded(tmp_path: Path) -> None:
    kept = Kept(1)
    assert Checkpoint(tmp_path / "state.safetensors", 30).restore(kept) == 0
    assert torch.equal(kept.weight, Kept(1).weight)


def test_every_bit_comes_back_with_the_number_of_steps(tmp_path: Path) -> None:
    checkpoint, saved, loaded = Checkpoint(tmp_path / "state.safetensors", 30), Kept(1), Kept(2)
    checkpoint.save(saved, 17)
    assert checkpoint.restore(loaded) == 17
    for name, tensor in saved.state_dict().items():
        other = loaded.state_dict()[name]
        assert (other.dtype, other.shape) == (tensor.dtype, tensor.shape), name
        assert other.contiguous().numpy().tobytes() == tensor.contiguous().numpy().tobytes(), name


def test_a_later_checkpoint_replaces_the_one_before_and_can_be_removed(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "state.safetensors", 30)
    checkpoint.save(Kept(1), 1)
    checkpoint.save(Kept(2), 2)
    loaded = Kept(3)
    assert checkpoint.restore(loaded) == 2
    assert torch.equal(loaded.weight, Kept(2).weight)
    assert [file.name for file in tmp_path.iterdir()] == ["state.safetensors"]
    checkpoint.remove()
    checkpoint.remove()  # a run that was never interrupted has none
    assert list(tmp_path.iterdir()) == []


def test_one_is_due_when_the_last_is_old_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: now)
    checkpoint = Checkpoint(tmp_path / "state.safetensors", 30)
    now = 130.0
    assert not checkpoint.due()
    now = 130.5
    assert checkpoint.due()
    checkpoint.save(Kept(1), 1)
    assert not checkpoint.due()
    now = 161.0
    assert checkpoint.due()


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "state.safetensors", 30)
    checkpoint.save(Kept(1), 1)
    content = bytearray(checkpoint.path.read_bytes())
    content[-3] ^= 1
    checkpoint.path.write_bytes(content)
    with pytest.raises(NoisecleanerError, match="checksum"):
        checkpoint.restore(Kept(1))


def test_a_checkpoint_of_a_learner_that_keeps_other_things_is_refused(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "state.safetensors", 30)
    checkpoint.save(nn.Linear(2, 2), 3)
    with pytest.raises(NoisecleanerError, match="its tensors do not fit"):
        checkpoint.restore(Kept(1))
