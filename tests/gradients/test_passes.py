"""What a pass leaves behind: random numbers and running statistics."""

from __future__ import annotations

import pytest
import torch
from support.gradients import batch_norm_net, batches, dropout_net
from torch import nn
from torch.func import functional_call

from noisecleaner.gradients.passes import (
    Rehearsals,
    UnfollowedError,
    changes,
    has_kernels,
    same_random_state,
    undone,
    with_spare_buffers,
)


def test_random_numbers_that_are_drawn_inside_are_drawn_again() -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    with same_random_state([torch.empty(0)]):
        inside = torch.rand(3)
    assert torch.equal(inside, expected)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(("error", "back"), [(UnfollowedError, True), (ValueError, False), (None, False)])
def test_only_what_could_not_be_followed_is_undone(error: type[Exception] | None, back: bool) -> None:
    network = nn.Sequential(batch_norm_net(), nn.Dropout()).double().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state = torch.get_rng_state()
    try:
        with undone(network, batches()[0]):
            network(batches()[0])
            if error is not None:
                raise error
    except (UnfollowedError, ValueError) as raised:
        assert type(raised) is error  # noqa: PT017  # it must pass on what it undoes
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items()) is back
    assert torch.equal(torch.get_rng_state(), state) is back


def test_functional_call_needs_cloned_buffers() -> None:
    """The trap that `with_spare_buffers` avoids: a plain call in train mode changes the buffers."""
    network = batch_norm_net().double().train()
    before = network[1].running_mean.clone()
    functional_call(network, dict(network.named_parameters()), (batches()[0],))
    assert not torch.equal(network[1].running_mean, before)


def test_a_pass_with_spare_buffers_leaves_a_networks_own_as_they_are() -> None:
    network, (inputs, _, _) = batch_norm_net().double().train(), batches()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    found = with_spare_buffers(network, inputs)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert torch.equal(found, network(inputs))


def test_parameters_that_are_given_take_the_place_of_a_networks_own() -> None:
    network, (inputs, _, _) = dropout_net().double().eval(), batches()
    with torch.no_grad():
        found = with_spare_buffers(network, inputs, {"4.weight": torch.zeros(4, 30, dtype=torch.float64)})
    assert torch.equal(found, network[4].bias.expand_as(found))


def test_changes_of_a_tensor_are_counted_or_nothing_is_followed() -> None:
    tensor = torch.zeros(3)
    tensor[:2].add_(1)
    assert changes(tensor) == 1
    with torch.inference_mode():
        uncounted = torch.zeros(3)
    with pytest.raises(UnfollowedError, match="not counted"):
        changes(uncounted)


def test_a_kernel_that_pytorch_lacks_is_missed() -> None:
    assert has_kernels()
    assert has_kernels("relu", "convolution")
    assert not has_kernels("relu", "no_such_kernel")


def test_a_pass_that_was_rehearsed_copies_nothing_and_one_that_failed_is_not_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network, (inputs, _, _), rehearsals = batch_norm_net().double().train(), batches(), Rehearsals()
    with rehearsals.rehearsed(network, inputs):
        network(inputs)
    with pytest.raises(UnfollowedError, match="this one"), rehearsals.rehearsed(network.eval(), inputs):
        raise UnfollowedError("this one")
    monkeypatch.setattr(torch, "get_rng_state", None)  # nothing is copied from now on
    monkeypatch.setattr(torch.Tensor, "clone", None)
    with rehearsals.rehearsed(network.train(), inputs[:3]):
        pass
    with pytest.raises(UnfollowedError, match="earlier"), rehearsals.rehearsed(network.eval(), inputs):
        pytest.fail("it began")
