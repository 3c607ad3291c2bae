"""Two networks as one say the mean of what both say, and their file makes both again."""

from __future__ import annotations

import pytest
import torch

from noisecleaner.networks.backbones import build
from noisecleaner.networks.heads import build_network
from noisecleaner.networks.network import Network
from noisecleaner.networks.shapes import Shape
from noisecleaner.networks.twins import Twins, members
from noisecleaner.networks.views import with_views

SHAPE = Shape(kind="pixels", classes=4, width=2 * 500, backbone="lenet", size=28, networks=2)


def twins(*, trained: bool = False) -> Network:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        lenet = build("lenet", size=28, pretrained=False, weights=None)
        lenet.trained = trained
        return build_network(SHAPE, Twins.beside(lenet, "lenet", None))


def pixels() -> torch.Tensor:
    return torch.randint(0, 256, (5, 3, 28, 28), generator=torch.Generator().manual_seed(1)).float()


def test_logits_are_the_mean_of_both() -> None:
    network = twins().eval()
    first, second = (one(pixels()) for one in members(network))
    assert not torch.allclose(first, second)
    torch.testing.assert_close(network(pixels()), (first + second) / 2)


def test_members_are_the_network_itself() -> None:
    network = twins()
    own = {id(parameter) for parameter in network.parameters()}
    parts = [{id(parameter) for parameter in one.parameters()} for one in members(network)]
    assert parts[0] | parts[1] == own
    assert not parts[0] & parts[1]


def test_trained_weights_are_those_of_both_and_first_ones_are_not() -> None:
    for trained in (True, False):
        first, second = (next(iter(one.trunk.parameters())) for one in members(twins(trained=trained)))
        assert torch.equal(first, second) == trained


def test_a_shape_and_the_tensors_make_both_again() -> None:
    network, again = twins().eval(), build_network(Shape.from_json({**vars(SHAPE)})).eval()
    again.load_state_dict(network.state_dict())
    assert torch.equal(again(pixels()), network(pixels()))


def test_a_second_round_sees_the_features_of_both() -> None:
    network = twins()
    views = with_views(network)
    assert views.trunk.widths[1] == sum(one.trunk.width for one in members(network))  # type: ignore[union-attr,operator,misc]
    assert views.head.out_features == 4


def test_a_single_network_has_no_members() -> None:
    with pytest.raises(TypeError, match="twins"):
        members(build_network(Shape(kind="vectors", classes=3, width=4)))
