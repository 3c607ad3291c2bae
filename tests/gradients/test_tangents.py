"""The table of tangents: who has one, until when, and who was never seen."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from noisecleaner.gradients.passes import UnfollowedError
from noisecleaner.gradients.tangents import Dual, Tangents


def test_a_tensor_has_the_tangent_that_it_was_given() -> None:
    parameter, other = torch.ones(3), torch.ones(3)
    tangents = Tangents({parameter: torch.arange(3.0)})
    assert parameter in tangents
    assert other not in tangents  # it is another one, for all that it looks alike
    assert torch.equal(tangents.of(parameter), torch.arange(3.0))
    assert tangents.of(other) is None
    assert tangents.of("text") is None
    assert tangents.put(other, tangent=None) is other
    assert other not in tangents
    tangents.put(other, tangent=torch.zeros(3))
    assert not tangents.of(other).any()


def test_a_tangent_goes_when_its_tensor_goes() -> None:
    tangents = Tangents({})
    tensor = torch.ones(3)
    tangents.put(tensor, tangent=torch.ones(3))
    assert len(tangents._known) == 1
    del tensor
    assert len(tangents._known) == 0


@pytest.mark.parametrize("change", [lambda t: t.mul_(2), lambda t: t.view(-1)[:1].zero_()])
def test_a_tensor_that_changed_in_the_meantime_is_refused(change: object) -> None:
    tensor = torch.ones(2, 2)
    tangents = Tangents({tensor: torch.ones(2, 2)})
    change(tensor)  # type: ignore[operator]
    with pytest.raises(UnfollowedError, match="in place"):
        tangents.of(tensor)


def test_the_result_is_refused_until_every_parameter_was_seen() -> None:
    layer, logits = nn.Linear(2, 2), torch.ones(1, 2)
    tangents = Tangents({p: torch.ones_like(p) for p in layer.parameters()})
    tangents.put(logits, tangent=torch.zeros(1, 2))
    tangents.of(layer.weight)
    with pytest.raises(UnfollowedError, match="cannot be seen"):
        tangents.result(logits)
    tangents.of(layer.bias)
    result = tangents.result(logits)
    assert isinstance(result, Dual)
    assert result.value is logits
    assert torch.equal(result.tangent, torch.zeros(1, 2))
    with pytest.raises(UnfollowedError, match="cannot be seen"):
        tangents.result(torch.ones(1, 2))


def test_value_and_tangent_cannot_be_told_apart_by_place() -> None:
    with pytest.raises(TypeError):
        Dual(torch.ones(1), torch.ones(1))  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Tangents({}).put(torch.ones(1), torch.ones(1))  # type: ignore[misc]


def test_spare_memory_is_in_the_format_of_the_layers_that_use_it() -> None:
    spare: Tensor = Tangents({}).spare
    assert spare.dtype == torch.float32
    assert not len(spare)
