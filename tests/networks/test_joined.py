"""What a backbone's name stands for, and how the weights of several come back from a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from noisecleaner.errors import NoisecleanerError
from noisecleaner.images.framing import Framing
from noisecleaner.networks.joined import Joined
from noisecleaner.networks.shapes import Shape
from noisecleaner.notices import Severity


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


def shape_of(made: Joined) -> Shape:
    return Shape(kind="vectors", classes=2, width=made.width, backbone=made.name, size=made.size, cards=made.cards())


@pytest.mark.parametrize("noted", [True, False])
@pytest.mark.parametrize("name", ["lenet", "lenet+cifar-quick", "cifar-quick+lenet@32"])
def test_weights_come_back_from_a_file(tmp_path: Path, name: str, noted: bool) -> None:
    torch.manual_seed(0)
    first = joined(name)
    assert first.untrained == list(first.names)
    save_file(dict(first.tensors()), tmp_path / "weights.safetensors")
    torch.manual_seed(1)
    shape = shape_of(first) if noted else replace(shape_of(first), cards=())
    second = Joined.restore(shape, tmp_path / "weights.safetensors")
    assert (second.name, second.untrained) == (first.name, [])
    assert first.tensors().keys() == second.tensors().keys()
    assert all(torch.equal(tensor, second.tensors()[key]) for key, tensor in first.tensors().items())


@pytest.mark.parametrize("name", ["cifar-quick+lenet", "lenet+cifar-quick@40", "lenet+cifar-quick+cifarnet", "lenet"])
def test_weights_of_others_are_refused(tmp_path: Path, name: str) -> None:
    save_file(dict(joined("lenet+cifar-quick").tensors()), tmp_path / "weights.safetensors")
    with pytest.raises(NoisecleanerError, match="must hold every tensor of the backbone"):
        Joined.restore(shape_of(joined(name)), tmp_path / "weights.safetensors")


def test_all_of_them_see_the_crop_that_was_asked_for() -> None:
    made = Joined.build("lenet+cifar-quick", size=None, pretrained=False, weights=None, crop="pad")
    assert [part.framing for part in made.parts] == [Framing(28, "pad"), Framing(32, "pad")]
    assert made.words() == "lenet at 28 px (padded) and cifar-quick at 32 px (padded)"


@pytest.mark.parametrize(
    ("licence", "severity", "says"),
    [
        ("apache-2.0", Severity.NOTE, "have the licence apache-2.0."),
        ("dinov3-license", Severity.NOTE, "whose terms are its own"),
        ("cc-by-nc-4.0", Severity.WARNING, "grants no commercial use"),
        ("fair-noncommercial-research-license", Severity.WARNING, "grants no commercial use"),
        ("apple-amlr", Severity.WARNING, "grants no commercial use"),
    ],
)
def test_a_licence_is_told_and_one_that_forbids_commerce_is_a_warning(
    licence: str, severity: Severity, says: str
) -> None:
    made = joined("lenet+cifar-quick")
    assert made.notices() == ()
    made.parts[1].licence = licence
    (notice,) = made.notices()
    assert notice.severity is severity
    assert says in notice.message
    assert "cifar-quick" in notice.message


@settings(deadline=None)  # the first name imports torchvision
@given(st.text(alphabet="@+ 0123lenet-", max_size=20))
def test_a_name_is_made_or_refused(name: str) -> None:
    try:
        assert set(joined(name).names) <= {"lenet"}
    except NoisecleanerError as error:
        assert error.hint  # noqa: PT017  # either is right
