"""Bootstrapping: eq. 6 and 7 of Reed et al. as they stand."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
from support.weightings import CLASSES, ROWS, SOURCE, batch, small_network, take
from torch.nn import functional

from noisecleaner.errors import NoisecleanerError
from noisecleaner.weightings import build
from noisecleaner.weightings.bootstrap import Bootstrap


@pytest.mark.parametrize("given", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("kind", ["hard", "soft"])
def test_the_loss_and_its_gradient_are_those_of_the_mixed_targets(kind: Literal["hard", "soft"], given: float) -> None:
    network, source = small_network(), batch(SOURCE)
    take(Bootstrap(ROWS, network, kind=kind, given=given).double(), network, source, batch([]))
    found = [parameter.grad for parameter in network.parameters()]

    logits = network(source.inputs)
    own = logits.softmax(dim=1)
    if kind == "hard":  # eq. 7: z is 1 for the likeliest class, and no gradient goes through it
        own = functional.one_hot(logits.argmax(dim=1), CLASSES).double()
    targets = given * functional.one_hot(source.labels, CLASSES).double() + (1 - given) * own
    loss = -(targets * logits.log_softmax(dim=1)).sum(dim=1).mean()
    for one, expected in zip(found, torch.autograd.grad(loss, list(network.parameters())), strict=True):
        assert one is not None
        torch.testing.assert_close(one, expected, rtol=1e-9, atol=1e-12)


def test_alpha_and_beta_are_the_shares_of_a_target() -> None:
    network, source = small_network(), batch(SOURCE)
    weighting = Bootstrap(ROWS, network).double()
    take(weighting, network, source, batch([]))
    assert weighting.alpha()[SOURCE].tolist() == pytest.approx([0.8] * len(SOURCE))
    assert weighting.beta()[SOURCE].tolist() == pytest.approx([0.2] * len(SOURCE))
    assert weighting.beta().isnan().sum() == ROWS - len(SOURCE)
    assert Bootstrap(ROWS, network, kind="soft").given == 0.95


@pytest.mark.parametrize("given", [-0.1, 1.1, float("nan")])
def test_a_share_is_from_zero_to_one(given: float) -> None:
    with pytest.raises(NoisecleanerError, match="given must be from 0 to 1"):
        build("bootstrap", rows=ROWS, network=small_network(), options={"given": given})
