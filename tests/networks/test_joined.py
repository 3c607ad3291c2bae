"""What a backbone's name stands for, and how the weights of several come back from a file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from noisecleaner.errors import NoisecleanerError
from noisecleaner.networks.joined import Joined


def joined(name: str, size: int | None = None) -> Joined:
    return Joined.build(name, size=size, pretrained=False, weights=None)


def test_one_network_is_called_as_it_always_was() -> None:
    one = joined("lenet")
    assert (one.name, one.size, one.width) == ("lenet", 28, one.parts[0].width)
    assert one.tensors().keys() == one.parts[0].state_dict().keys()
    assert one.words() == "lenet at 28 px"
    assert joined("lenet@32").size == joined("lenet", 32).size == 32


def test_the_name_of_several_makes_the_same_again() -> None:
    several = joined("lenet+cifar-quick@40+preact-resnet18", 36)
    assert several.name == "lenet@36+cifar-quick@40+preact-resnet18@36"
    assert several.size is None
    assert joined(several.name).name == several.name
    assert several.words() == "lenet at 36 px and cifar-quick at 40 px and preact-resnet18 at 36 px"


@pytest.mark.parametrize("name", ["lenet", "lenet+cifar-quick", "cifar-quick+lenet@32"])
def test_weights_come_back_from_a_file(tmp_path: Path, name: str) -> None:
    torch.manual_seed(0)
    first = joined(name)
    save_file(dict(first.tensors()), tmp_path / "weights.safetensors")
    torch.manual_seed(1)
    second = joined(name)
    assert second.untrained == list(second.names)
    second.load(tmp_path / "weights.safetensors")
    assert second.untrained == []
    assert first.tensors().keys() == second.tensors().keys()
    assert all(torch.equal(tensor, second.tensors()[key]) for key, tensor in first.tensors().items())


@pytest.mark.parametrize("name", ["cifar-quick+lenet", "lenet+cifar-quick@40", "lenet+cifar-quick+cifarnet", "lenet"])
def test_weights_of_others_are_refused(tmp_path: Path, name: str) -> None:
    save_file(dict(joined("lenet+cifar-quick").tensors()), tmp_path / "weights.safetensors")
    with pytest.raises(NoisecleanerError, match="must hold every tensor of the backbone"):
        joined(name).load(tmp_path / "weights.safetensors")


@settings(deadline=None)  # the first name imports torchvision
@given(st.text(alphabet="@+ 0123lenet-", max_size=20))
def test_a_name_is_made_or_refused(name: str) -> None:
    try:
        assert set(joined(name).names) <= {"lenet"}
    except NoisecleanerError as error:
        assert error.hint  # noqa: PT017  # either is right
